"""Losses as functions, as keras.losses.Loss classes, and what goes with them."""

from kerasx.losses.base import masked_mean
from kerasx.losses.consistency import kl_divergence, symmetric_kl
from kerasx.losses.contrastive import FlatNCE, InfoNCE, flat_nce, in_batch_scores, info_nce
from kerasx.losses.cosent import CoSENT, cosent_loss, pair_cosines
from kerasx.losses.experimental import (
    ExactAccuracy,
    JointCategoricalCrossentropy,
    exact_accuracy,
    joint_categorical_crossentropy,
    joint_soft_categorical_crossentropy,
)
from kerasx.losses.flooding import Flooding, flooded
from kerasx.losses.metrics import MultilabelAccuracy, MultilabelF1
from kerasx.losses.multilabel import (
    MultilabelCategoricalCrossentropy,
    SparseMultilabelCategoricalCrossentropy,
    multilabel_probabilities,
)
from kerasx.losses.pointers import GlobalPointerCrossentropy
from kerasx.losses.policy_gradient import optimal_baseline, policy_gradient_loss
from kerasx.losses.robust import SoftAccuracy, TaiLr, soft_accuracy_loss, tailr_loss
from kerasx.losses.sequence import MaskedCrossEntropy, Perplexity, masked_cross_entropy
from kerasx.ops.multilabel import (
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)

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
    "cosent_loss",
    "exact_accuracy",
    "flat_nce",
    "flooded",
    "in_batch_scores",
    "info_nce",
    "joint_categorical_crossentropy",
    "joint_soft_categorical_crossentropy",
    "kl_divergence",
    "masked_cross_entropy",
    "masked_mean",
    "multilabel_categorical_crossentropy",
    "multilabel_probabilities",
    "optimal_baseline",
    "pair_cosines",
    "policy_gradient_loss",
    "soft_accuracy_loss",
    "sparse_multilabel_categorical_crossentropy",
    "symmetric_kl",
    "tailr_loss",
]
