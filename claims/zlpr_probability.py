"""The score s to which ZLPR leads means the probability σ(2s), for soft labels and for drawn ones.

Eight classes are independent with known probabilities from 0.02 to 0.98. Their scores are trained
by Adam, first with the probabilities as soft labels, then with the mean loss of hard labels, over
all 256 of them with their probabilities: no noise of a sample is left. σ(2s) is compared with the
probabilities, as is σ(s) of binary cross-entropy with hard labels.
"""

import itertools

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY
from kerasx.losses import MultilabelCategoricalCrossentropy, multilabel_probabilities

SOURCE = "kexue.fm/archives/9064; arXiv 2208.02955"
SEEDS = 1
SMALL = {"updates": 5}
P = np.array([0.02, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98])


def trained_scores(loss, labels, weights, updates):
    """Return the scores (8,) with the least mean loss over labels (n, 8) with weights (n,)."""
    scores = keras.layers.Embedding(1, len(P), embeddings_initializer="zeros")
    model = keras.Sequential([keras.Input(()), scores])
    rate = keras.optimizers.schedules.CosineDecay(0.1, updates)
    model.compile(keras.optimizers.Adam(rate), loss)
    data = np.zeros(len(labels)), labels, len(labels) * weights
    for _ in range(updates):
        model.train_on_batch(*data)
    return model.predict(np.zeros(1), verbose=0)[0]


def measure(seed, updates=200):
    labels = np.array(list(itertools.product((0.0, 1.0), repeat=len(P))))
    weights = np.prod(np.where(labels, P, 1 - P), -1)
    zlpr = MultilabelCategoricalCrossentropy()
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    soft = trained_scores(zlpr, P[None], np.ones(1), updates)
    hard = trained_scores(zlpr, labels, weights, updates)
    found = {
        "ZLPR, soft labels": multilabel_probabilities(soft),
        "ZLPR, hard labels": multilabel_probabilities(hard),
        "binary, hard labels": ops.sigmoid(trained_scores(binary, labels, weights, updates)),
    }
    found = {name: ops.convert_to_numpy(p) for name, p in found.items()}
    errors = {
        f"largest error of the probabilities, {k}": abs(p - P).max() for k, p in found.items()
    }
    side = np.count_nonzero((hard > 0) == (P > 0.5))
    return errors | {"classes on the right side of 0, ZLPR, hard labels": side} | found


def judge(figures):
    soft, hard, binary = (
        figures[f"largest error of the probabilities, {name}"][0]
        for name in ("ZLPR, soft labels", "ZLPR, hard labels", "binary, hard labels")
    )
    side = int(figures["classes on the right side of 0, ZLPR, hard labels"][0])
    good = [error < 0.01 for error in (soft, hard)]
    return HOLDS if all(good) else PARTLY if any(good) else FAILS, (
        f"σ(2s) is off by up to {soft:.2g} with soft labels and {hard:.2g} with hard ones, where "
        f"σ(s) of binary cross-entropy is off by {binary:.2g}; the sign of s is right for {side} "
        f"of {len(P)} classes."
    )


def draw(picture, figures):
    axes = picture.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="exact")
    for name, marker in (
        ("ZLPR, soft labels", "o"),
        ("ZLPR, hard labels", "s"),
        ("binary, hard labels", "x"),
    ):
        axes.plot(P, figures[name][0], marker, label=name)
    axes.set(
        xlabel="probability of the class", ylabel="σ(2s) of ZLPR, σ(s) of binary cross-entropy"
    )
    axes.legend()
