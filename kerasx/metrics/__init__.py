"""Compute metrics of texts, spans, trees and equations; NumPy only, no backend."""

from kerasx.metrics.answers import answer_f1, answer_scores, exact_match
from kerasx.metrics.equations import equation_accuracy, is_correct
from kerasx.metrics.ngram import NgramModel
from kerasx.metrics.overlap import bleu, distinct
from kerasx.metrics.rouge import mean_rouge, rouge
from kerasx.metrics.spans import (
    event_f1,
    segmentation_f1,
    set_f1,
    span_f1,
    span_report,
    spo_f1,
    top_k_accuracy,
)
from kerasx.metrics.trees import bracket_f1, brackets, unlabelled_attachment_score

__all__ = [
    "NgramModel",
    "answer_f1",
    "answer_scores",
    "bleu",
    "bracket_f1",
    "brackets",
    "distinct",
    "equation_accuracy",
    "event_f1",
    "exact_match",
    "is_correct",
    "mean_rouge",
    "rouge",
    "segmentation_f1",
    "set_f1",
    "span_f1",
    "span_report",
    "spo_f1",
    "top_k_accuracy",
    "unlabelled_attachment_score",
]
