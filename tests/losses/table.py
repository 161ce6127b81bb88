"""One row for each loss, metric and function of kerasx.losses: how to call it, what it promises."""

from dataclasses import dataclass

import numpy as np

from kerasx import losses
from kerasx.losses.contrastive import flat_nce, in_batch_scores
from kerasx.losses.cosent import cosent_loss, pair_cosines
from kerasx.losses.exact_accuracy import exact_accuracy
from kerasx.losses.flooding import flooded
from kerasx.losses.joint import joint_categorical_crossentropy, joint_soft_categorical_crossentropy
from kerasx.losses.policy_gradient import optimal_baseline
from kerasx.losses.robust import soft_accuracy_loss, tailr_loss
from kerasx.losses.token_loss import masked_mean
from kerasx.ops import (
    multilabel_categorical_crossentropy,
    sparse_multilabel_categorical_crossentropy,
)

B, N, V = 4, 3, 5


@dataclass
class Row:
    """A loss as a function of scores.

    function: (labels, scores) -> float32 losses.
    labels: (rng) -> array of labels.
    shape: shape of the scores.
    padded: labels of padding only, for which value and gradient must be exactly 0, or None.
    loss: for a Loss class, (**common keyword arguments) -> loss; `function` is made from it.
    wrong: (labels of a wrong shape, part of the error's message), or () if labels are ignored.
    zero_width: whether scores with a last dimension of 0 have a loss.
    """

    function: callable = None
    labels: callable = lambda rng: rng.integers(1, V, (B, N)).astype("int32")
    shape: tuple = (B, N, V)
    padded: np.ndarray | None = None
    loss: callable = None
    wrong: tuple = (np.ones((B, N + 1), "int32"), "`y_true` must be an id for each place")
    zero_width: bool = False

    def __post_init__(self):
        if self.function is None:
            self.function = lambda y, s: self.loss()(y, s)


def hot(rng, shape=(B, V)):
    return rng.integers(0, 2, shape).astype("float32")


def one_hot(rng):
    return np.eye(V, dtype="float32")[rng.integers(0, V, (B, N))]


def soft(rng, shape=(B, N, V)):
    e = np.exp(rng.normal(size=shape))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def ones(rng):
    return np.ones((B, N), "float32")


def none(rng):
    return np.zeros((B,), "float32")


def grades(rng):
    return rng.permutation(B).astype("float32")


PADDING = np.zeros((B, N), "int32")
LABELS = np.ones((B, V + 1), "float32"), "`y_true` must be a label for each class"
SPARSE = np.ones((B + 1, 2), "int32"), "`y_true` must be the ids of the true labels"
PROBLEMS = np.ones((B, N + 1, V), "float32"), "`y_true` must be a label for each class of each"
GRADES = np.ones(B + 1, "float32"), "`y_true` must be the grade of the pair"
IDS = {"padded": PADDING}


def _ignoring(ids, logits):
    return losses.masked_cross_entropy(ids, logits, ids != 0)


def _tailr(ids, logits):
    return tailr_loss(ids, logits, 0.5, 0.1, 0.1, mask=ids != 0)


def _ids(rng):
    return rng.integers(1, V, (B, 2)).astype("int32")


TABLE = {
    "CoSENT": Row(
        loss=lambda **k: losses.CoSENT(**k),
        labels=grades,
        shape=(B, 2, V),
        padded=np.zeros(B, "float32"),
        wrong=GRADES,
    ),
    "ExactAccuracy": Row(
        loss=lambda **k: losses.ExactAccuracy(2.0, 3.0, ignore_class=0, **k), **IDS
    ),
    "FlatNCE": Row(loss=lambda **k: losses.FlatNCE(0.1, **k), labels=none, shape=(B, V), wrong=()),
    "Flooding": Row(
        loss=lambda **k: losses.Flooding(losses.MaskedCrossEntropy(0), b=0.0, **k), **IDS
    ),
    "GlobalPointerCrossentropy": Row(
        loss=lambda **k: losses.GlobalPointerCrossentropy(sparse=True, **k),
        labels=lambda rng: rng.integers(1, N, (B, 2, 3, 2)).astype("int32"),
        shape=(B, 2, N, N),
        wrong=(np.ones((B, 3, 2), "int32"), "`y_true` must be pairs of start and end"),
    ),
    "InfoNCE": Row(
        loss=lambda **k: losses.InfoNCE(0.1, **k), labels=none, shape=(B, 2, V), wrong=()
    ),
    "JointCategoricalCrossentropy": Row(
        loss=lambda **k: losses.JointCategoricalCrossentropy(**k),
        labels=one_hot,
        wrong=PROBLEMS,
        zero_width=True,
    ),
    "MaskedCrossEntropy": Row(loss=lambda **k: losses.MaskedCrossEntropy(0, 0.1, **k), **IDS),
    "MultilabelCategoricalCrossentropy": Row(
        loss=lambda **k: losses.MultilabelCategoricalCrossentropy(**k),
        labels=hot,
        shape=(B, V),
        wrong=LABELS,
        zero_width=True,
    ),
    "SoftAccuracy": Row(loss=lambda **k: losses.SoftAccuracy(ignore_class=0, **k), **IDS),
    "SparseMultilabelCategoricalCrossentropy": Row(
        loss=lambda **k: losses.SparseMultilabelCategoricalCrossentropy(mask_zero=True, **k),
        labels=_ids,
        shape=(B, V),
        wrong=SPARSE,
    ),
    "TaiLr": Row(loss=lambda **k: losses.TaiLr(0.5, 0.1, 0.1, ignore_class=0, **k), **IDS),
    "cosent_loss": Row(
        cosent_loss,
        labels=grades,
        shape=(B,),
        padded=np.zeros(B, "float32"),
        wrong=(GRADES[0], "`labels` must be a grade for each pair"),
    ),
    "exact_accuracy": Row(exact_accuracy),
    "flat_nce": Row(
        lambda y, s: flat_nce(s, y),
        labels=lambda rng: rng.integers(0, V, B),
        shape=(B, V),
        wrong=(np.ones(B + 1, "int32"), "`positives` must be a candidate for each row"),
    ),
    "flooded": Row(lambda y, s: flooded(s, 0.5), labels=none, shape=(), wrong=()),
    "in_batch_scores": Row(
        lambda y, s: in_batch_scores(s, 0.1)[0], labels=none, shape=(B, V), wrong=()
    ),
    "info_nce": Row(
        lambda y, s: losses.info_nce(s, y),
        labels=lambda rng: rng.integers(0, V, B),
        shape=(B, V),
        wrong=(np.ones(B + 1, "int32"), "`positives` must be a candidate for each row"),
    ),
    "joint_categorical_crossentropy": Row(
        joint_categorical_crossentropy, labels=one_hot, wrong=PROBLEMS, zero_width=True
    ),
    "joint_soft_categorical_crossentropy": Row(
        joint_soft_categorical_crossentropy, labels=soft, wrong=PROBLEMS
    ),
    "kl_divergence": Row(
        losses.kl_divergence,
        labels=lambda rng: rng.normal(size=(B, N, V)).astype("float32"),
        wrong=(np.ones((B, N, V + 1), "float32"), "`logits_q` must be scores like `logits_p`"),
    ),
    "masked_cross_entropy": Row(_ignoring, **IDS),
    "masked_mean": Row(
        lambda y, s: masked_mean(s, y),
        labels=ones,
        shape=(B, N),
        padded=PADDING,
        wrong=(np.ones((B, N + 1), "float32"), "`mask` must be a weight for each value"),
    ),
    "multilabel_categorical_crossentropy": Row(
        multilabel_categorical_crossentropy,
        labels=hot,
        shape=(B, V),
        wrong=LABELS,
        zero_width=True,
    ),
    "multilabel_probabilities": Row(
        lambda y, s: losses.multilabel_probabilities(s), labels=none, shape=(B, V), wrong=()
    ),
    "optimal_baseline": Row(
        lambda y, s: optimal_baseline(s, y), labels=ones, shape=(B, N), wrong=()
    ),
    "pair_cosines": Row(lambda y, s: pair_cosines(s), labels=none, shape=(B, V), wrong=()),
    "policy_gradient_loss": Row(
        lambda y, s: losses.policy_gradient_loss(s, y),
        labels=ones,
        shape=(B, N),
        wrong=(np.ones((B, N + 1), "float32"), "`rewards` must be one number per sample"),
    ),
    "soft_accuracy_loss": Row(soft_accuracy_loss),
    "sparse_multilabel_categorical_crossentropy": Row(
        lambda y, s: sparse_multilabel_categorical_crossentropy(y, s, mask_zero=True),
        labels=_ids,
        shape=(B, V),
        wrong=SPARSE,
    ),
    "symmetric_kl": Row(
        losses.symmetric_kl,
        labels=lambda rng: rng.normal(size=(B, N, V)).astype("float32"),
        wrong=(np.ones((B, N, V + 1), "float32"), "`logits_q` must be scores like `logits_p`"),
    ),
    "tailr_loss": Row(_tailr, **IDS),
}
METRICS = {
    "MultilabelAccuracy": Row(
        loss=lambda **k: losses.MultilabelAccuracy("hamming", **k),
        labels=hot,
        shape=(B, V),
        wrong=LABELS,
    ),
    "MultilabelF1": Row(
        loss=lambda **k: losses.MultilabelF1("macro", **k), labels=hot, shape=(B, V), wrong=LABELS
    ),
    "Perplexity": Row(loss=lambda **k: losses.Perplexity(0, **k)),
}
LOSSES = {name: row for name, row in TABLE.items() if row.loss is not None}
