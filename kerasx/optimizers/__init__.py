"""Optimizers of the lineage, and class factories that extend any Keras optimizer."""

__all__ = []
