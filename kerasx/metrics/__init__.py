"""Metrics on text and numbers; NumPy only, no backend."""

from kerasx.metrics.answers import answer_f1, answer_scores, exact_match
from kerasx.metrics.equations import (
    equal,
    equation_accuracy,
    evaluate,
    format_value,
    is_correct,
    normalize_expression,
    remove_brackets,
)
from kerasx.metrics.ngram import NgramModel, perplexity
from kerasx.metrics.rouge import mean_rouge, rouge
from kerasx.metrics.spans import (
    Score,
    event_f1,
    segmentation_f1,
    set_f1,
    span_f1,
    span_report,
    spo_f1,
    top_k_accuracy,
)
from kerasx.metrics.text import bleu, distinct
from kerasx.metrics.trees import bracket_f1, brackets, unlabelled_attachment_score

__all__ = [
    "NgramModel",
    "Score",
    "answer_f1",
    "answer_scores",
    "bleu",
    "bracket_f1",
    "brackets",
    "distinct",
    "equal",
    "equation_accuracy",
    "evaluate",
    "event_f1",
    "exact_match",
    "format_value",
    "is_correct",
    "mean_rouge",
    "normalize_expression",
    "perplexity",
    "remove_brackets",
    "rouge",
    "segmentation_f1",
    "set_f1",
    "span_f1",
    "span_report",
    "spo_f1",
    "top_k_accuracy",
    "unlabelled_attachment_score",
]
