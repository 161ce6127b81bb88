"""Gradient descent with the step h follows the gradient flow of L + h/4 ‖∇L‖², not that of L.

A tanh network with 32 units learns 100 images of digits, in float64 and with all images in each
batch. One step of gradient descent is compared with both flows after the time h, which are
integrated by Runge-Kutta's method: the distance should shrink like h² and like h³. Then 100 updates
are made at the rate 0.4 and five times as many at 0.08, without and with
`implicit_gradient_regularization` of the difference, 0.32: the penalty should lead small steps to
where the large ones go. The test set are 1,397 other images.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import classification_scores, dense_network, digits, flattened, plot_mean
from kerasx.backend import value_and_grad
from kerasx.training import implicit_gradient_regularization

SOURCE = "kexue.fm/archives/7787; Barrett and Dherin, ICLR 2021, arXiv 2009.11162"
SMALL = {"updates": 4}
STEPS = [0.3, 0.1, 0.03, 0.01]
LARGE, TIMES, EVERY = 0.4, 5, 4
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")


def measure(seed, updates=100):
    (x, y), _, test = digits(seed, train=100)
    model = dense_network([64, 32, 10], "tanh", dtype="float64")
    start = model.get_weights()
    gradient = value_and_grad(lambda w: LOSS(y, model.stateless_call(w, [], x)[0]))
    figures = local_errors(gradient, [ops.convert_to_tensor(w) for w in start])

    small = LARGE / TIMES
    runs = {
        "large": (LARGE, 1, None),
        "small": (small, TIMES, None),
        "penalty": (small, TIMES, LARGE - small),
    }
    paths = {}
    for name, (rate, times, step_size) in runs.items():
        model = network(start, rate, step_size)
        paths[name] = path(model, x, y, updates, times)
        scores = classification_scores(model(test[0]), test[1])
        figures[f"test loss, {name} steps"], figures[f"test accuracy, {name} steps"] = scores
    way = np.linalg.norm(paths["large"] - paths["large"][0], axis=1)[1:]
    for name in ("small", "penalty"):
        distance = np.linalg.norm(paths[name] - paths["large"], axis=1)[1:] / way
        figures[f"distance from large steps, {name}"] = distance
        figures[f"distance from large steps at the end, {name}"] = distance[-1]
    return figures


def local_errors(gradient, weights):
    """Return the distances of one step of gradient descent from the two flows, by step size."""
    _, g = gradient(weights)
    errors = {"L": [], "L + h/4 ‖∇L‖²": []}
    for h in STEPS:

        def penalised(w, h=h):
            loss, g = gradient(w)
            return loss + h / 4 * sum(ops.sum(ops.square(t)) for t in g)

        step = flattened([w - h * t for w, t in zip(weights, g)])
        for name, field in zip(errors, (gradient, value_and_grad(penalised))):
            errors[name].append(np.linalg.norm(step - flattened(flow(field, weights, h))))
    orders = {n: np.polyfit(np.log(STEPS), np.log(e), 1)[0] for n, e in errors.items()}
    return {f"order of the error, flow of {name}": order for name, order in orders.items()} | {
        f"error, flow of {name}": error for name, error in errors.items()
    }


def flow(function, w, time, steps=4):
    """Integrate dw/dt = -∇function(w) by the classical method of Runge and Kutta."""
    h = -time / steps
    for _ in range(steps):
        _, a = function(w)
        _, b = function([p + h / 2 * q for p, q in zip(w, a)])
        _, c = function([p + h / 2 * q for p, q in zip(w, b)])
        _, d = function([p + h * q for p, q in zip(w, c)])
        w = [p + h / 6 * (i + 2 * j + 2 * k + l) for p, i, j, k, l in zip(w, a, b, c, d)]
    return w


def network(weights, rate, step_size):
    model = dense_network([64, 32, 10], "tanh", dtype="float64")
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(rate), LOSS)
    if step_size:
        implicit_gradient_regularization(model, step_size)
    return model


def path(model, x, y, updates, times):
    """Return the weights, as vectors, after every 4 × `times` updates."""
    points = [flattened(model.get_weights())]
    for update in range(1, updates * times + 1):
        model.train_on_batch(x, y)
        if update % (EVERY * times) == 0:
            points.append(flattened(model.get_weights()))
    return np.array(points)


def judge(figures):
    plain, modified = (
        figures[f"order of the error, flow of {name}"].mean() for name in ("L", "L + h/4 ‖∇L‖²")
    )
    small, penalty = (
        figures[f"distance from large steps at the end, {name}"] for name in ("small", "penalty")
    )
    parts = [abs(plain - 2) < 0.2 and abs(modified - 3) < 0.3, higher(small, penalty)]
    loss = {n: figures[f"test loss, {n} steps"].mean() for n in ("large", "small", "penalty")}
    told = ", ".join(f"{value:.3f} ({name})" for name, value in loss.items())
    return HOLDS if all(parts) else PARTLY if any(parts) else FAILS, (
        f"The errors of a step grow like h^{plain:.2f} and h^{modified:.2f}. Small steps end at"
        f" {100 * small.mean():.1f} % of the way from the large ones, with the penalty at"
        f" {100 * penalty.mean():.1f} %. Test losses: {told}."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2)
    for name, style in (("L", "o-"), ("L + h/4 ‖∇L‖²", "s--")):
        left.loglog(
            STEPS, figures[f"error, flow of {name}"].mean(0), style, label=f"flow of {name}"
        )
    left.set(xlabel="step size h", ylabel="distance of one step from the flow")
    for name, label, style in (
        ("small", "small steps", "-"),
        ("penalty", "with the penalty", "--"),
    ):
        curves = 100 * figures[f"distance from large steps, {name}"]
        plot_mean(right, EVERY * np.arange(1, 1 + curves.shape[1]), curves, label, linestyle=style)
    right.set(xlabel="large steps", ylabel="distance from the large steps, % of their way")
    for axes in (left, right):
        axes.legend()
