"""Callbacks for fit: keep the best, resume exactly, watch the run."""

__all__ = []
