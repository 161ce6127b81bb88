"""Metrics on text and numbers; NumPy only, no backend."""

from kerasx.metrics.equations import (
    equal,
    equation_accuracy,
    evaluate,
    format_value,
    is_correct,
    normalize_expression,
    remove_brackets,
)

__all__ = [
    "equal",
    "equation_accuracy",
    "evaluate",
    "format_value",
    "is_correct",
    "normalize_expression",
    "remove_brackets",
]
