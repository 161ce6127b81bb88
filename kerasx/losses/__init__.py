"""Losses for compile, the same losses as functions, and metrics for the same scores."""

from kerasx.losses.contrastive import FlatNCE, InfoNCE, info_nce
from kerasx.losses.cosent import CoSENT
from kerasx.losses.cross_entropy import MaskedCrossEntropy, masked_cross_entropy
from kerasx.losses.divergence import kl_divergence, symmetric_kl
from kerasx.losses.exact_accuracy import ExactAccuracy
from kerasx.losses.flooding import Flooding
from kerasx.losses.joint import JointCategoricalCrossentropy
from kerasx.losses.keras_metrics import MultilabelAccuracy, MultilabelF1, Perplexity
from kerasx.losses.multilabel import (
    GlobalPointerCrossentropy,
    MultilabelCategoricalCrossentropy,
    SparseMultilabelCategoricalCrossentropy,
    multilabel_probabilities,
)
from kerasx.losses.policy_gradient import policy_gradient_loss
from kerasx.losses.robust import SoftAccuracy, TaiLr
from kerasx.losses.token_loss import masked_mean  # for losses of one's own

__all__ = [
    "CoSENT",
    "ExactAccuracy",
    "FlatNCE",
    "Flooding",
    "GlobalPointerCrossentropy",
    "InfoNCE",
    "JointCategoricalCrossentropy",
    "MaskedCrossEntropy",
    "MultilabelAccuracy",
    "MultilabelCategoricalCrossentropy",
    "MultilabelF1",
    "Perplexity",
    "SoftAccuracy",
    "SparseMultilabelCategoricalCrossentropy",
    "TaiLr",
    "info_nce",
    "kl_divergence",
    "masked_cross_entropy",
    "multilabel_probabilities",
    "policy_gradient_loss",
    "symmetric_kl",
]
