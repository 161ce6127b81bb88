"""Gradient tricks: each one line on a model, each exact, all composable."""

__all__ = []
