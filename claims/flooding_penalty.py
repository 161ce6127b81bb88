"""A step down and a step up, as flooding alternates them, equal one step on a gradient penalty.

The pair should move the weights by -ε²/2 ∇‖g‖², whichever step comes first. A tanh network learns
100 images of digits, in float64 and with all images in each batch. Two updates of SGD are made at
the rate ε, with a flood level that lies between the losses of the first and the second, and the
movement is compared with the formula: its length, and the length of the difference. Then 1,000
updates are made at the level 0.3 with ε = 0.5, and ‖g‖² is followed beside 500 steps of the formula
without its part along g, which flooding undoes by more steps of one kind.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS
from claims.tools import dense_network, digits, flattened
from kerasx.backend import value_and_grad
from kerasx.training import flooding

SOURCE = "kexue.fm/archives/7643; Ishida et al., ICML 2020, arXiv 2002.08709"
SMALL = {"updates": 4, "reach": 2.0}
RATES = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001]
LEVEL, RATE = 0.3, 0.5
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")


def measure(seed, updates=1000, reach=LEVEL):
    (x, y), _, _ = digits(seed, train=100)
    model = network(RATE)

    gradient = value_and_grad(lambda w: LOSS(y, model.stateless_call(w, [], x)[0]))
    penalty = value_and_grad(lambda w: sum(ops.sum(ops.square(g)) for g in gradient(w)[1]))
    start = [ops.copy(v.value) for v in model.trainable_variables]
    figures = {}
    for name, first in (("descent first", 1), ("ascent first", -1)):
        pairs = [compared(start, x, y, gradient, penalty, rate, first) for rate in RATES]
        figures[f"length against the formula, {name}"] = [length for length, _ in pairs]
        figures[f"difference, {name}"] = [difference for _, difference in pairs]
        figures[f"length against the formula at ε = 0.001, {name}"] = pairs[-1][0]
    while model.train_on_batch(x, y) > reach:
        pass
    flooded, formula = followed(model, x, y, penalty, gradient, updates)
    ends = {"‖g‖² when the level is reached": flooded[0], "‖g‖² after flooding": flooded[-1]}
    ends["‖g‖² after the formula"] = formula[-1]
    return figures | ends | {"‖g‖², flooding": flooded, "‖g‖², formula": formula}


def network(rate, weights=None):
    model = dense_network([64, 32, 10], "tanh", dtype="float64")
    if weights is not None:
        model.set_weights(list(map(ops.convert_to_numpy, weights)))
    model.compile(keras.optimizers.SGD(rate), LOSS)
    return model


def compared(start, x, y, gradient, penalty, rate, first):
    """Return (length of the movement, length of its difference from the formula), relative."""
    square, slope = penalty(start)
    level = float(gradient(start)[0]) - first * rate * float(square) / 2
    model = flooding(network(rate, start), level)
    for _ in range(2):
        model.train_on_batch(x, y)
    movement, formula = (
        flattened(model.trainable_variables) - flattened(start),
        -(rate**2) / 2 * flattened(slope),
    )
    norm = np.linalg.norm
    return norm(movement) / norm(formula), norm(movement - formula) / norm(formula)


def followed(model, x, y, penalty, gradient, updates):
    """Return ‖g‖² during flooding, means of pairs of updates, and of steps of the formula."""
    weights, curves = [ops.copy(v.value) for v in model.trainable_variables], ([], [])
    flooding(model, LEVEL)
    for _ in range(updates // 2):
        pair = []
        for _ in range(2):
            pair.append(float(penalty([v.value for v in model.trainable_variables])[0]))
            model.train_on_batch(x, y)
        square, slope = penalty(weights)
        _, g = gradient(weights)
        along = sum(ops.sum(s * t) for s, t in zip(slope, g)) / square
        weights = [w - RATE**2 / 2 * (s - along * t) for w, s, t in zip(weights, slope, g)]
        curves[0].append(np.mean(pair))
        curves[1].append(float(square))
    return curves


def judge(figures):
    ratios = [
        figures[f"length against the formula at ε = 0.001, {name} first"]
        for name in ("descent", "ascent")
    ]
    error = np.abs(np.array(ratios) - 1).max()
    fall, expected = (fallen(figures[f"‖g‖², {name}"]) for name in ("flooding", "formula"))
    return (
        HOLDS if error < 0.01 else FAILS,
        f"At ε = 0.001 the length is that of the formula to {error:.1g}, and the error is in"
        f" proportion to ε. During 1,000 updates at the level ‖g‖² falls by {100 * fall:.1f} %, by"
        f" the formula {100 * expected:.1f} %.",
    )


def fallen(curves):
    """Return by which part curves fall between their first and their last tenth."""
    tenth = max(1, curves.shape[1] // 10)
    return 1 - curves[:, -tenth:].mean() / curves[:, :tenth].mean()


def draw(picture, figures):
    left, right = picture.subplots(1, 2)
    for name, style in (("descent first", "o-"), ("ascent first", "s--")):
        left.loglog(RATES, figures[f"difference, {name}"].mean(0), style, label=name)
    left.loglog(RATES, RATES, ":", color="gray", label="ε")
    left.set(xlabel="learning rate ε", ylabel="|movement - formula| / |formula|")
    for name, style in (("flooding", "-"), ("formula", "--")):
        curve = figures[f"‖g‖², {name}"].mean(0)
        right.plot(2 * np.arange(len(curve)), curve, style, label=name)
    right.set(xlabel="updates at the level 0.3", ylabel="‖g‖², mean of the seeds")
    for axes in (left, right):
        axes.legend()
