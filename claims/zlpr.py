"""With more classes ZLPR, cut at score 0, keeps more F1 than binary cross-entropy and focal loss.

An example has about 3 of 10 to 5,000 classes: its features are the sum of their vectors (128
normal numbers each) and noise. A linear layer scores the classes, as on top of an encoder, and
sees 300 new batches of 64, 1,000 with 5,000 classes. Every loss has Adam with a cosine decay, its
rate the best of 0.03, 0.1, 0.3 and 1 on another seed, for each number of classes (with 5,000, of
the two or three nearest to the best with 1,000). F1 is that of 500 new examples where the loss
says to cut, at 0, and at the best cut. "prior" is binary cross-entropy with biases that start at
the share of positives instead of one half. It holds if ZLPR is ahead of binary cross-entropy and
focal loss at 1,000 and at 5,000.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import dense_network, plot_mean
from kerasx.losses import MultilabelCategoricalCrossentropy

SOURCE = "kexue.fm/archives/7359; arXiv 2208.02955"
CLASSES = 10, 100, 1000, 5000
SMALL = {"classes": (10, 100), "updates": (3, 3), "tests": 50}
UPDATES = 300, 300, 300, 1000
RATES = {  # for each number of classes
    "ZLPR": (0.1, 0.1, 0.1, 0.1),
    "binary": (0.1, 0.3, 1, 1),
    "focal": (0.1, 0.1, 0.3, 0.3),
    "prior": (0.1, 0.1, 0.3, 0.1),
}


def summed(loss):
    """Return a loss of Keras as the sum over the classes, not their mean."""
    return lambda labels, scores: loss(labels, scores, from_logits=True) * scores.shape[-1]


BINARY = summed(keras.losses.binary_crossentropy)
LOSSES = {
    "ZLPR": MultilabelCategoricalCrossentropy(),
    "binary": BINARY,
    "focal": summed(keras.losses.binary_focal_crossentropy),
    "prior": BINARY,
}


def examples(rng, vectors, n):
    """Return (features, labels) of n examples with three classes each, seldom one twice."""
    labels = np.zeros((n, len(vectors)), "float32")
    np.put_along_axis(labels, rng.integers(len(vectors), size=(n, 3)), 1, 1)
    noise = 0.1 * rng.normal(size=(n, vectors.shape[1]))
    return (labels @ vectors + noise).astype("float32"), labels


def trained(name, vectors, rng, rate, updates):
    size = vectors.shape[::-1]
    start = np.log(3 / size[1]) if name == "prior" else 0
    model = dense_network(size, bias_initializer=keras.initializers.Constant(start))
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, updates)), LOSSES[name]
    )
    for _ in range(updates):
        model.train_on_batch(*examples(rng, vectors, 64))
    return model


def f1_scores(labels, scores):
    """Return the micro-F1 of scores cut at 0, and that at the best cut."""
    order = np.argsort(-scores, axis=None)
    right, positives = np.cumsum(labels.ravel()[order]), labels.sum()
    f1 = 2 * right / (np.arange(len(right)) + 1 + positives)
    above = np.count_nonzero(scores > 0)
    return (f1[above - 1] if above else 0), f1.max()


def measure(seed, classes=CLASSES, updates=UPDATES, tests=500, rates=RATES):
    curves = {f"{name}{cut}": [] for name in LOSSES for cut in ("", ", best cut")}
    for i, count in enumerate(classes):
        rng = np.random.default_rng(seed)
        vectors = rng.normal(size=(count, 128)) / 128**0.5
        x, labels = examples(rng, vectors, tests)
        for name in LOSSES:
            model = trained(
                name, vectors, np.random.default_rng(seed + 100), rates[name][i], updates[i]
            )
            at_zero, at_best = f1_scores(labels, model.predict(x, verbose=0))
            curves[name].append(at_zero)
            curves[f"{name}, best cut"].append(at_best)
    shown = {
        f"F1 of {count} classes, {key}": curve[i]
        for i, count in enumerate(classes)
        for key, curve in curves.items()
    }
    return shown | curves


def judge(figures):
    last = {name: figures[name][:, -1] for name in LOSSES}
    best = {name: figures[f"{name}, best cut"][:, -1] for name in LOSSES}
    beaten = [
        higher(figures["ZLPR"][:, i], figures[name][:, i])
        for name in ("binary", "focal")
        for i in (-2, -1)
    ]
    verdict = HOLDS if all(beaten) else PARTLY if any(beaten) else FAILS
    return verdict, (
        f"With the most classes the F1 is {listed(last)}; at the best cut it is {listed(best)}."
    )


def listed(values):
    return ", ".join(f"{np.mean(value):.2f} ({name})" for name, value in values.items())


def draw(picture, figures):
    for axes, cut in zip(picture.subplots(1, 2, sharey=True), ("", ", best cut"), strict=True):
        for name, marker in zip(LOSSES, "os^v", strict=True):
            curves = figures[name + cut]
            plot_mean(axes, CLASSES[: curves.shape[1]], curves, name, marker=marker)
        axes.set(xscale="log", xlabel="classes, 3 of them true", title=cut[2:] or "cut at score 0")
    picture.axes[0].set(ylabel="F1 of new examples")
    picture.axes[0].legend()
