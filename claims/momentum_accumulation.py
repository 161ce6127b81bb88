"""Accumulation hidden in the momentum is exact for SGD and Tiger and nearly so for Adam, for free.

A network (64-64-10, float64) learns scikit-learn's digits in 60 updates, each on one batch of 64,
or on 4 micro-batches of 16 whose gradients are added up in the momentum. The weights after
training are compared by the length of their difference, divided by the way that the weights have
gone. Exact is taken to mean 1e-5 of this way, as Keras computes losses in float32; nearly, for
Adam, a test loss at most a tenth higher. Learning rates are the best of the large batch, of a grid
by factors of about 3, on a seed not shown here.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY
from claims.tools import classification_scores, dense_network, digits, flattened, plot_mean
from kerasx.optimizers import (
    Adam,
    Tiger,
    extend_with_gradient_accumulation,
    extend_with_momentum_accumulation,
)

SOURCE = "kexue.fm/archives/8634, 9512"
SMALL = {"updates": 2}
BATCH, MICRO = 64, 4
RULES = {
    "SGD": (keras.optimizers.SGD, {"learning_rate": 0.3, "momentum": 0.9}),
    "Tiger": (Tiger, {"learning_rate": 3e-2}),
    "Adam": (Adam, {"learning_rate": 3e-2}),
}


def optimizers(rule):
    """Return optimizers: without accumulation, in the momentum, and in a buffer."""
    cls, options = RULES[rule]
    hidden = cls if rule == "Tiger" else extend_with_momentum_accumulation(cls)
    accumulating = (hidden, extend_with_gradient_accumulation(cls))
    return cls(**options), *(made(grad_accum_steps=MICRO, **options) for made in accumulating)


def train(model, start, optimizer, size, rows, data):
    """Return the weights after training with batches of a size, and the test losses on the way."""
    (x, y), _, (x_test, y_test) = data
    model.set_weights(start)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    found = []
    for part in np.array_split(rows, min(6, len(rows))):
        model.fit(x[part.ravel()], y[part.ravel()], batch_size=size, shuffle=False, verbose=0)
        logits = model.predict(x_test, batch_size=len(x_test), verbose=0)
        found.append(classification_scores(logits, y_test)[0])
    return flattened(model.get_weights()), found


def slots(optimizer, variables):
    """Return the numbers that an optimizer keeps for each weight."""
    optimizer.build(variables)
    kept = sum(np.prod(v.shape) for v in optimizer.variables)
    return round(kept / sum(np.prod(v.shape) for v in variables), 2)


def measure(seed, updates=60):
    data = digits(seed, train=1000, valid=0)
    model, figures = dense_network((64, 64, 10), dtype="float64"), {}
    start = model.get_weights()
    rows = np.random.default_rng(seed).integers(1000, size=(updates, BATCH))
    for rule in RULES:
        whole, hidden, buffer = optimizers(rule)
        end, losses = train(model, start, whole, BATCH, rows, data)
        other, others = train(model, start, hidden, BATCH // MICRO, rows, data)
        moved = np.linalg.norm(end - flattened(start))
        figures |= {
            f"slots for each weight, {rule}": slots(hidden, model.trainable_variables),
            f"slots with a buffer, {rule}": slots(buffer, model.trainable_variables),
            f"difference of the weights, {rule}": np.linalg.norm(other - end) / moved,
            f"test loss, {rule}, batches of 64": losses[-1],
            f"test loss, {rule}, 4 in the momentum": others[-1],
            f"test losses, {rule}": [losses, others],
        }
    return figures


def judge(figures):
    errors = {rule: figures[f"difference of the weights, {rule}"].max() for rule in RULES}
    whole, hidden = figures["test losses, Adam"][..., -1].mean(0)
    exact = max(errors["SGD"], errors["Tiger"]) < 1e-5
    verdict = FAILS if not exact else HOLDS if hidden < 1.1 * whole else PARTLY
    return verdict, (
        f"The weights differ by {errors['SGD']:.0e} (SGD), {errors['Tiger']:.0e} (Tiger) and "
        f"{errors['Adam']:.2g} (Adam), whose test loss is {hidden:.3f} instead of {whole:.3f}."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2, width_ratios=(2, 3))
    kinds = {"in the momentum": "slots for each weight", "in a buffer": "slots with a buffer"}
    for i, (label, kind) in enumerate(kinds.items()):
        heights = [figures[f"{kind}, {rule}"].mean() for rule in RULES]
        left.bar(np.arange(3) + 0.4 * i, heights, 0.4, label=label, hatch=("", "//")[i])
    left.set_xticks(np.arange(3) + 0.2, RULES)
    left.set(ylabel="numbers kept for each weight", ylim=(0, 4))
    left.legend(title="gradients added up")
    for color, rule in zip(("tab:blue", "tab:orange", "black"), RULES):
        both = figures[f"test losses, {rule}"]  # (seeds, 2, points)
        x = np.arange(1, both.shape[2] + 1) / both.shape[2]
        plot_mean(right, x, both[:, 0], f"{rule}, batches of 64", color=color, alpha=0.6)
        options = {"color": color, "linestyle": ":", "marker": "o"}
        plot_mean(right, x, both[:, 1], f"{rule}, 4 in the momentum", **options)
    right.set(xlabel="share of the updates", ylabel="test loss", yscale="log")
    right.legend(fontsize="small")
