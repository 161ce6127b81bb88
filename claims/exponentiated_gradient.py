"""Learnt rates beat the best constant rate on badly scaled problems.

Three problems of 20 parameters, all gradients exact: a quadratic with curvatures from 1 to 10⁴
along the axes, the same one turned by a random rotation, and logistic regression of 200 normal
points whose features have scales from 0.1 to 10. Each is solved in 200 steps with 16 constant rates
of SGD, and with 16 pairs of a rate and a meta learning rate of `ExponentiatedGradient`: 4 of each.
For each problem and seed the best of the 16 at the end counts, of those whose loss is never over
ten times that of the start.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean
from kerasx.optimizers import ExponentiatedGradient

SOURCE = "kexue.fm/archives/8968; Amid et al., arXiv 2202.00145"
SMALL = {"steps": 3, "trials": 2}
SIZE = 20
PROBLEMS = "quadratic along the axes", "rotated quadratic", "logistic regression"


def measure(seed, steps=200, trials=4):
    figures = {}
    for name, (start, loss, gradient) in zip(PROBLEMS, problems(seed)):
        constant = [(rate, 0.0) for rate in np.geomspace(1e-5, 10, trials**2)]
        rates, metas = np.geomspace(1e-4, 1, trials), np.geomspace(0.01, 0.3, trials)
        learnt = [(rate, meta) for rate in rates for meta in metas]
        for method, settings in (("SGD", constant), ("learnt rates", learnt)):
            curves = [descent(start, loss, gradient, steps, *pair) for pair in settings]
            best = min(curves, key=lambda curve: (curve.max() > 1, curve[-1]))
            figures[f"log10 of the loss at the end, {name}, {method}"] = best[-1]
            figures[f"curve, {name}, {method}"] = best
    return dict(sorted(figures.items(), key=lambda item: np.ndim(item[1])))


def problems(seed):
    """Return (start, loss, gradient) of each problem; the losses are relative to the start's."""
    draw = np.random.default_rng(seed)
    curvature = np.diag(np.geomspace(1, 1e4, SIZE))
    turn = np.linalg.qr(draw.normal(size=(SIZE, SIZE)))[0]
    x = draw.normal(size=(200, SIZE)) * np.geomspace(0.1, 10, SIZE)
    y = (x @ draw.normal(size=SIZE) / np.geomspace(0.1, 10, SIZE).mean() > 0).astype("float32")
    yield draw.normal(size=SIZE), *quadratic(curvature)
    yield draw.normal(size=SIZE), *quadratic(turn @ curvature @ turn.T)
    yield np.zeros(SIZE), *logistic(x, y)


def quadratic(matrix):
    tensor = ops.convert_to_tensor(matrix, "float32")
    return lambda theta: theta @ matrix @ theta / 2, lambda theta: ops.matmul(tensor, theta)


def logistic(x, y):
    a, b = ops.convert_to_tensor(x, "float32"), ops.convert_to_tensor(y)
    sign = 2 * y - 1
    return (
        lambda theta: np.logaddexp(0, -sign * (x @ theta)).mean(),
        lambda theta: ops.matmul(ops.sigmoid(ops.matmul(a, theta)) - b, a) / len(y),
    )


def descent(start, loss, gradient, steps, rate, meta):
    """Return log10 of the losses of gradient descent, divided by that of the start."""
    theta = keras.Variable(start.astype("float32"))
    optimizer = ExponentiatedGradient(float(rate), meta_learning_rate=float(meta))
    losses = []
    for _ in range(steps):
        with np.errstate(invalid="ignore"):
            losses.append(loss(ops.convert_to_numpy(theta.value).astype("float64")))
        optimizer.apply([gradient(theta.value)], [theta])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.log10(np.nan_to_num(np.array(losses) / losses[0], nan=1e9, posinf=1e9) + 1e-12)


def judge(figures):
    def ends(problem):
        return [
            figures[f"log10 of the loss at the end, {problem}, {m}"]
            for m in ("SGD", "learnt rates")
        ]

    parts = [higher(*ends(problem)) for problem in PROBLEMS]
    verdict = HOLDS if all(parts) else PARTLY if any(parts) else FAILS
    told = (
        f"{problem}: 10^{ends(problem)[1].mean():.1f} against 10^{ends(problem)[0].mean():.1f}"
        for problem in PROBLEMS
    )
    return verdict, f"Loss at the end, relative to the start, with learnt rates: {'; '.join(told)}."


def draw(picture, figures):
    for axes, problem in zip(picture.subplots(1, 3, sharey=True), PROBLEMS):
        for method, style in (("SGD", "-"), ("learnt rates", "--")):
            curves = figures[f"curve, {problem}, {method}"]
            label = "best constant rate" if method == "SGD" else method
            plot_mean(axes, range(curves.shape[1]), curves, label, linestyle=style)
        axes.set(xlabel="step", title=problem)
        axes.title.set_fontsize("medium")
    picture.axes[0].set_ylabel("log10 of the loss, relative to the start")
    picture.axes[0].legend()
