"""From hard labels, a joint loss with its minimum at softmax(s) learns worse: it is low when wrong.

An example is 20 places, each of one of 6 classes, the first of them at 80 % of the places, as in
tagging. A place's features are 16 normal numbers of its class and noise; a linear layer scores the
classes. Three losses train it with 300 batches of 32 new examples: cross-entropy a place, loss 1
of the post (JointCategoricalCrossentropy) and its loss 3, whose minimum is at softmax(s). Adam with
a cosine decay has the best rate of 0.01, 0.03, 0.1 and 0.3 on another seed for each. A wrong
prediction costs at least log 2 in the first two; for loss 3, the share of its wrong places that
cost under 0.1 alone is counted.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from kerasx.losses import JointCategoricalCrossentropy
from kerasx.losses.joint import joint_soft_categorical_crossentropy

SOURCE = "kexue.fm/archives/9158"
SMALL = {"updates": 3, "tests": 20}
SHARES = 0.8, 0.04, 0.04, 0.04, 0.04, 0.04
LOSSES = {
    "cross-entropy": keras.losses.CategoricalCrossentropy(from_logits=True),
    "loss 1": JointCategoricalCrossentropy(),
    "loss 3": joint_soft_categorical_crossentropy,
}
RATES = {"cross-entropy": 0.3, "loss 1": 0.1, "loss 3": 0.03}


def examples(rng, vectors, n):
    """Return (features, one-hot labels) of n examples of 20 places."""
    ids = rng.choice(len(SHARES), size=(n, 20), p=SHARES)
    x = vectors[ids] + rng.normal(size=(n, 20, 16))
    return x.astype("float32"), np.eye(len(SHARES), dtype="float32")[ids]


def trained(name, vectors, rng, rate, updates):
    """Return a trained model of the scores."""
    model = keras.Sequential([keras.Input((20, 16)), keras.layers.Dense(len(SHARES))])
    decay = keras.optimizers.schedules.CosineDecay(rate, updates)
    model.compile(keras.optimizers.Adam(decay), LOSSES[name])
    for _ in range(updates):
        model.train_on_batch(*examples(rng, vectors, 32))
    return model


def measure(seed, updates=300, tests=500, rates=RATES):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(SHARES), 16))
    x, labels = examples(rng, vectors, tests)
    figures = {}
    for name in LOSSES:
        model = trained(name, vectors, np.random.default_rng(seed + 100), rates[name], updates)
        scores = model.predict(x, verbose=0)
        right = scores.argmax(-1) == labels.argmax(-1)
        figures[f"accuracy, {name}"] = right.mean()
        figures[f"accuracy of the rare classes, {name}"] = right[labels[..., 0] == 0].mean()
    margin = (scores * labels).sum(-1) - scores.mean(-1)  # of the last one, loss 3
    low = np.log1p(np.exp(-margin)) < 0.1
    return figures | {"share of loss 3's wrong places that cost under 0.1": low[~right].mean()}


def judge(figures):
    accuracy = {name: figures[f"accuracy, {name}"] for name in LOSSES}
    low = figures["share of loss 3's wrong places that cost under 0.1"].mean()
    worse = higher(accuracy["cross-entropy"], accuracy["loss 3"])
    verdict = HOLDS if worse and low > 0.5 else PARTLY if worse else FAILS
    shares = ", ".join(f"{100 * a.mean():.1f} % ({name})" for name, a in accuracy.items())
    return verdict, (
        f"The accuracy is {shares}; {100 * low:.0f} % of the places that loss 3 leaves wrong cost "
        "it under 0.1."
    )


def draw(picture, figures):
    axes = picture.subplots()
    for place, figure in enumerate(("accuracy", "accuracy of the rare classes")):
        for i, name in enumerate(LOSSES):
            values = figures[f"{figure}, {name}"]
            options = {"color": f"C{i}", "label": None if place else f"trained with {name}"}
            axes.plot(np.full(len(values), place + (i - 1) / 8), values, "os^"[i], **options)
    axes.set(xticks=(0, 1), xlim=(-0.5, 1.5), ylabel="accuracy in the test, one mark a seed")
    axes.set_xticklabels(("all places", "places of the rare classes"))
    axes.legend()
