"""Policy gradient is a zeroth-order gradient, and both train a classifier for accuracy itself.

Argmax of logits with Gumbel noise draws a label from their softmax. So the zeroth-order gradient of
the reward of argmax, by that noise, has policy gradient as its mean for a given label. Both are
estimated from 200,000 draws for 10 normal logits and the reward 1 for one of the labels, and stand
beside the exact gradient; the variance is that of 8 draws, with and without a baseline. Then a
linear classifier of digits learns from 500 images in 300 updates by Adam: by cross-entropy, by
policy gradient with the reward [y = label] and 8 draws, and by zeroth-order gradients of the error
rate of argmax with 16 directions. The best of the rates 0.03 and 0.1, and of the ε 0.1 and 0.3, for
another seed are taken.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY
from claims.tools import classification_scores, dense_network, digits, plot_mean
from kerasx.backend import value_and_grad
from kerasx.losses import policy_gradient_loss
from kerasx.training import policy_gradient, zeroth_order

SOURCE = "kexue.fm/archives/7737"
SMALL = {"draws": 800, "updates": 4}
RATES = {"cross-entropy": 0.1, "policy gradient": 0.1, "zeroth order": 0.1}
EPSILON, EVERY = 0.3, 20


def measure(seed, draws=200_000, updates=300):
    figures, curves = estimates(seed, draws) | differences(seed, draws), {}
    for method in RATES:
        curves[f"curve, {method}"] = train(seed, method, RATES[method], updates)
        figures[f"test accuracy, {method}"] = curves[f"curve, {method}"][-1]
    return figures | curves


def estimates(seed, draws):
    """Return the errors of estimated gradients by the logits, and their variances for 8 draws."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=10)
    p = np.exp(logits) / np.exp(logits).sum()
    exact = p * ((np.arange(10) == 0) - p[0])  # the reward is 1 for label 0
    noise = random.gumbel(size=(draws // 8, 8, 10))
    answers = (logits + noise).argmax(-1)
    reward = (answers == 0).astype("float64")
    others = (reward.sum(1, keepdims=True) - reward) / 7
    score = 1 - np.exp(-noise)  # the gradient of -log of Gumbel's density
    chosen = np.eye(10)[answers] - p  # its mean for a given answer: the gradient of log p
    named = {"zeroth order": score, "policy gradient": chosen}
    figures = {}
    for name, direction in named.items():
        for words, r in (("", reward), (", baseline", reward - others)):
            each = (r[..., None] * direction).mean(1)
            error = np.linalg.norm(each.mean(0) - exact) / np.linalg.norm(exact)
            figures[f"relative error of {name}{words}"] = error
            figures[f"variance of {name}{words}"] = each.var(0).sum()
    return figures | {"relative error of policy_gradient_loss": library(logits, answers, exact)}


def differences(seed, draws, epsilon=1e-3):
    """Return the variances of (f(x + εu) - b) u / ε for f = sin x₁ + x₂², with b = 0 and f(x)."""
    x, u = np.array([0.5, 1.0]), np.random.default_rng(seed).normal(size=(draws, 2))
    f, g = (
        np.sin(x[0]) + x[1] ** 2,
        np.sin(x[0] + epsilon * u[:, 0]) + (x[1] + epsilon * u[:, 1]) ** 2,
    )
    return {
        f"variance of a difference quotient, {words}": ((g - b)[:, None] / epsilon * u).var(0).sum()
        for words, b in (("no baseline", 0.0), ("baseline f(x)", f))
    }


def library(logits, answers, exact):
    """Return the relative error of the gradient of kerasx's surrogate loss for the same draws."""

    def loss(tensors):
        log_p = ops.broadcast_to(ops.log_softmax(tensors[0]), (len(answers), 10))
        chosen = ops.take_along_axis(log_p, answers, -1)
        return ops.mean(policy_gradient_loss(chosen, ops.cast(answers == 0, "float32")))

    _, (g,) = value_and_grad(loss)([ops.convert_to_tensor(logits, "float32")])
    return np.linalg.norm(-ops.convert_to_numpy(g) - exact) / np.linalg.norm(exact)


def train(seed, method, rate, updates, epsilon=EPSILON):
    """Return the test accuracies, every 20 updates, of a linear classifier."""
    (x, y), _, test = digits(seed, train=500, valid=500)
    keras.utils.set_random_seed(seed)
    model = dense_network([64, 10])
    losses = {
        "cross-entropy": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "policy gradient": lambda y, logits: 0.0 * ops.sum(logits, -1),
        "zeroth order": lambda y, logits: ops.not_equal(ops.argmax(logits, -1), y),
    }
    model.compile(keras.optimizers.Adam(rate), losses[method])
    if method == "policy gradient":
        policy_gradient(model, reward=lambda y, answer: ops.equal(y, answer), samples=8)
    if method == "zeroth order":
        zeroth_order(model, epsilon=epsilon, samples=16)
    curve = []
    for update in range(updates):
        model.train_on_batch(x, y)
        if update % EVERY == EVERY - 1 or update == updates - 1:
            curve.append(classification_scores(model(test[0]), test[1])[1])
    return curve


def judge(figures):
    def mean(name):
        return figures[name].mean()

    errors = [mean(f"relative error of {name}") for name in ("zeroth order", "policy gradient")]
    accuracy = {method: mean(f"test accuracy, {method}") for method in RATES}
    near = accuracy["cross-entropy"] - 0.1
    learnt = [accuracy[m] > near for m in ("policy gradient", "zeroth order")]
    parts = [max(errors) < 0.05, *learnt]
    verdict = HOLDS if all(parts) else PARTLY if any(parts) else FAILS
    factor = mean("variance of zeroth order") / mean("variance of policy gradient")
    told = ", ".join(f"{method} {value:.3f}" for method, value in accuracy.items())
    return verdict, (
        f"Both estimates are within {100 * max(errors):.1g} % of the exact gradient; averaging the"
        f" noise out for a given label divides the variance by {factor:.1f}. Test accuracy: {told}."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2, width_ratios=(2, 3))
    for shift, words in ((-0.2, ""), (0.2, ", baseline")):
        variances = [
            figures[f"variance of {name}{words}"].mean()
            for name in ("zeroth order", "policy gradient")
        ]
        left.bar(np.arange(2) + shift, variances, 0.4, label=words[2:] or "no baseline")
    left.set_xticks([0, 1], ["zeroth order", "policy gradient"])
    left.margins(y=0.3)
    left.set(ylabel="variance of the gradient, 8 draws")
    for method, style in zip(RATES, ("-", "--", "-.")):
        curves = figures[f"curve, {method}"]
        plot_mean(right, EVERY * np.arange(1, 1 + curves.shape[1]), curves, method, linestyle=style)
    right.set(xlabel="update", ylabel="test accuracy")
    for axes in (left, right):
        axes.legend()
