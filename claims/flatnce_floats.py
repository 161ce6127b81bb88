"""FlatNCE's gradient stays whole at margins where that of cross-entropy is rounded to 0.

The positive of a row of 8 candidates is above the other 7 by a margin, as sure matches are when
cosines are divided by 0.05. The gradient for its score is 1 - p in cross-entropy, which is
InfoNCE: it is taken in float16 and float32 by the backend's softmax and in float32 by kerasx,
which computes it from log ξ. Last, InfoNCE's gradient is compared with ξ / (1 + ξ) of FlatNCE's
for 1,000 rows of normal scores.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY
from kerasx.backend import value_and_grad
from kerasx.losses import info_nce
from kerasx.losses.contrastive import flat_nce

SOURCE = "kexue.fm/archives/8586; arXiv 2107.01152"
SEEDS = 1
SMALL = {"rows": 5}
MARGINS = np.linspace(0, 40, 81)


def softmax_loss(scores):
    labels = ops.zeros(len(scores), "int32")
    return keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)


def gradient(loss, scores, dtype):
    """Return the gradient of the sum of losses for scores (n, 8), whose positives stand first."""
    total = value_and_grad(lambda tensors: ops.sum(loss(tensors[0])))
    _, (grad,) = total([ops.convert_to_tensor(scores, dtype)])
    return ops.convert_to_numpy(grad).astype("float64")


def info(scores):
    return info_nce(scores, ops.zeros(len(scores), "int32"))


def flat(scores):
    return flat_nce(scores, ops.zeros(len(scores), "int32"))


def measure(seed, rows=1000):
    sure = np.eye(1, 8) * MARGINS[:, None]
    curves = {
        "cross-entropy, float16": gradient(softmax_loss, sure, "float16"),
        "cross-entropy, float32": gradient(softmax_loss, sure, "float32"),
        "InfoNCE, float32": gradient(info, sure, "float32"),
        "FlatNCE, float32": gradient(flat, sure, "float32"),
    }
    curves = {name: -grad[:, 0] for name, grad in curves.items()}
    scores = 2 * np.random.default_rng(seed).normal(size=(rows, 8))
    xi = np.exp(scores[:, 1:] - scores[:, :1]).sum(-1, keepdims=True)
    exact = xi / (1 + xi) * gradient(flat, scores, "float32")
    difference = abs(gradient(info, scores, "float32") - exact).max()
    zeros = {f"margin from which the gradient is 0, {k}": first_zero(v) for k, v in curves.items()}
    return (
        zeros
        | {"difference of InfoNCE's gradient and ξ / (1 + ξ) of FlatNCE's": difference}
        | curves
    )


def first_zero(gradients):
    """Return the least margin from which all gradients are 0, inf if the last is not."""
    alive = np.flatnonzero(gradients)
    return MARGINS[alive[-1] + 1] if alive[-1] + 1 < len(MARGINS) else np.inf


def judge(figures):
    softmax = figures["margin from which the gradient is 0, cross-entropy, float32"][0]
    half = figures["margin from which the gradient is 0, cross-entropy, float16"][0]
    whole = abs(figures["FlatNCE, float32"] - 1).max() < 1e-6
    verdict = HOLDS if whole and np.isfinite(softmax) else PARTLY if whole else FAILS
    last = figures["InfoNCE, float32"][0][-1]
    return verdict, (
        f"The gradient of cross-entropy is 0 from a margin of {half:g} on in float16, {softmax:g} "
        f"in float32; kerasx's InfoNCE still has {last:.2g} at 40, FlatNCE has 1 throughout."
    )


def draw(picture, figures):
    axes = picture.subplots()
    for name, width in (
        ("cross-entropy, float16", 9),
        ("cross-entropy, float32", 5),
        ("InfoNCE, float32", 2),
        ("FlatNCE, float32", 2),
    ):
        values = figures[name][0]
        axes.semilogy(MARGINS, np.where(values > 0, values, np.nan), linewidth=width, label=name)
    axes.set(xlabel="margin of the positive", ylabel="gradient that raises its score")
    axes.legend(title="a line ends where it is 0")
