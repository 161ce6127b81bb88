"""On three points cross-entropy and hinge misplace a threshold that EXACT places right.

The points -0.25, 0 and 0.25 have the labels -, - and +, and the score of + is x - b: thresholds b
between 0 and 0.25 get all right. The b of the least loss is looked for in [-1, 2], with the score
divided by a scale from 1 (the source's) down to 0.05; σ of EXACT is this scale. Beside it: the
largest error of EXACT's quadrature of 64 nodes and of the mean of the paper's 16 samples, for
1,000 draws of 10 normal scores, against 256 nodes.
"""

import numpy as np
from keras import ops
from scipy.special import ndtr

from claims.running import FAILS, HOLDS, PARTLY
from kerasx.losses.exact_accuracy import exact_accuracy

SOURCE = "kexue.fm/archives/9098; arXiv 2205.09615"
SEEDS = 1
SMALL = {"thresholds": 61, "draws": 10}
X, IDS = np.array([-0.25, 0, 0.25]), np.array([0, 0, 1])
SIGNS = 2 * IDS - 1
SCALES = np.geomspace(1, 0.05, 14)
LOSSES = {
    "cross-entropy": lambda s: np.logaddexp(0, -SIGNS * s),
    "hinge": lambda s: np.maximum(0, 1 - SIGNS * s),
    "1 - p": lambda s: 1 / (1 + np.exp(SIGNS * s)),
    "EXACT": lambda s: (
        1 - _numpy(exact_accuracy(np.tile(IDS, (len(s), 1)), np.stack([0 * s, s], -1)))
    ),
}


def _numpy(x):
    return ops.convert_to_numpy(x)


def best_thresholds(loss, thresholds):
    """Return, for each scale, the middle of the b whose mean loss is the least."""
    scores = X - thresholds[:, None]
    means = [loss(scores / scale).mean(-1) for scale in SCALES]
    return [thresholds[mean <= mean.min() + 1e-7].mean() for mean in means]


def largest_errors(draws):
    rng = np.random.default_rng(0)
    logits, ids = rng.normal(size=(draws, 10)), np.zeros(draws, int)
    exact = _numpy(exact_accuracy(ids, logits, nodes=256))
    others = ndtr(rng.normal(size=(16, draws, 1)) + logits[:, :1] - logits[:, 1:])
    return {
        "largest error, 64 nodes": abs(_numpy(exact_accuracy(ids, logits)) - exact).max(),
        "largest error, 16 nodes": abs(_numpy(exact_accuracy(ids, logits, nodes=16)) - exact).max(),
        "largest error, 16 samples": abs(others.prod(-1).mean(0) - exact).max(),
    }


def measure(seed, thresholds=3001, draws=1000):
    grid = np.linspace(-1, 2, thresholds)
    curves = {f"best b, {name}": best_thresholds(loss, grid) for name, loss in LOSSES.items()}
    usual = {f"best b at scale 1, {name}": curves[f"best b, {name}"][0] for name in LOSSES}
    return usual | largest_errors(draws) | curves


def judge(figures):
    right = {name: largest_right(figures[f"best b, {name}"][0]) for name in LOSSES}
    at_one = {name: right[name] == 1 for name in LOSSES}
    misplaced = not (at_one["cross-entropy"] or at_one["hinge"])
    verdict = HOLDS if misplaced and at_one["EXACT"] else PARTLY if right["EXACT"] else FAILS
    listed = ", ".join(f"{scale:.2g} ({name})" for name, scale in right.items())
    return verdict, f"The threshold is right from this scale down, 0 for never: {listed}."


def largest_right(best):
    """Return the largest scale at and below which the threshold is right, 0 if there is none."""
    right = (best > 0) & (best < 0.25)
    scales = [scale for i, scale in enumerate(SCALES) if right[i:].all()]
    return max(scales, default=0)


def draw(picture, figures):
    axes = picture.subplots()
    axes.axhspan(0, 0.25, color="C2", alpha=0.2, label="all points right")
    for name, style in zip(LOSSES, ("o-", "s--", "^-.", "v:"), strict=True):
        axes.semilogx(SCALES, figures[f"best b, {name}"][0], style, label=name)
    axes.set(xlabel="scale of the scores, σ of EXACT", ylabel="threshold b of the least loss")
    axes.legend()
