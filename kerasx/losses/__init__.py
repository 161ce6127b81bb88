"""Losses as functions, as keras.losses.Loss classes, and what goes with them."""

__all__ = []
