"""The test error of boosted networks goes on falling after their training error is 0.

AdaBoost trains 40 networks of four hidden units on 500 of scikit-learn's digits (8 x 8 pixels, odd
or even), and is tested on the 1,297 others. After each round the training error stands beside its
bound ∏ Z_k. Units, epochs and learning rate were chosen on a seed that is not among these, so
that the training error reaches 0 before half of the rounds. Where a network is no better than
chance, AdaBoost ends early, and its last figures stand for the rest.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import dense_network, digits, plot_mean
from kerasx.training import adaboost

SOURCE = "kexue.fm/archives/3873; Freund and Schapire, 1997; Schapire et al., 1998"
SMALL = {"rounds": 3, "epochs": 2}
UNITS, RATE = 4, 0.02


def build():
    network = dense_network([64, UNITS, 1], "tanh")
    network.compile(keras.optimizers.Adam(RATE), keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def measure(seed, rounds=40, epochs=15):
    (x, y), _, (x_test, y_test) = digits(seed, train=500, valid=0)
    y, y_test = y % 2, y_test % 2
    classifier = adaboost(build, x, y, rounds, epochs=epochs, batch_size=64)
    train, test = (staged_scores(classifier, images, rounds) for images in (x, x_test))
    errors = {"training": wrong(train, y), "test": wrong(test, y_test)}
    perfect = np.flatnonzero(errors["training"] == 0)
    first = perfect[0] if len(perfect) else rounds - 1
    margins = [np.sort((2 * y - 1) * train[k]) for k in (first, rounds - 1)]
    return {
        "networks until the training error is 0": first + 1,
        "test error, one network": errors["test"][0],
        "test error, when the training error is 0": errors["test"][first],
        "test error, all networks": errors["test"][-1],
        "smallest margin, when the training error is 0": margins[0][0],
        "smallest margin, all networks": margins[1][0],
        "training errors": errors["training"],
        "test errors": errors["test"],
        "bounds": of_length(classifier.bounds, rounds),
        "margins, when the training error is 0": margins[0],
        "margins, all networks": margins[1],
    }


def staged_scores(classifier, x, rounds):
    """Return the shares of votes (rounds, n) in [-1, 1] after each round."""
    weighted = np.cumsum(classifier.alphas[:, None] * classifier.votes(x), axis=0)
    return of_length(weighted / np.cumsum(classifier.alphas)[:, None], rounds)


def of_length(values, rounds):
    """Repeat the last value where AdaBoost ended early."""
    return values[np.minimum(np.arange(rounds), len(values) - 1)]


def wrong(scores, y):
    return np.mean((scores > 0) != y, axis=1)


def judge(figures):
    bounded = np.all(figures["training errors"] <= figures["bounds"] + 1e-6)
    reached = np.all(figures["training errors"][:, -1] == 0)
    then, last = (
        figures[f"test error, {n}"] for n in ("when the training error is 0", "all networks")
    )
    falls = higher(then, last)
    text = (
        f"The training error {'never exceeds' if bounded else 'exceeds'} its bound and "
        f"{'becomes' if reached else 'does not become'} 0; the test error goes from "
        f"{100 * then.mean():.1f}% at that round to {100 * last.mean():.1f}% at the last."
    )
    if bounded and reached and falls:
        return HOLDS, text
    return (PARTLY if bounded and reached else FAILS), text


def draw(picture, figures):
    errors, margins = picture.subplots(1, 2)
    rounds = np.arange(figures["bounds"].shape[1]) + 1
    plot_mean(
        errors, rounds, 100 * figures["bounds"], "bound of the training error", color="#999999"
    )
    plot_mean(
        errors, rounds, 100 * figures["training errors"], "training error", ls="--", color="#0072B2"
    )
    plot_mean(errors, rounds, 100 * figures["test errors"], "test error", color="#D55E00")
    errors.set(xlabel="networks", ylabel="error, %", yscale="symlog", ylim=(0, 100))
    errors.set_yticks([0, 1, 2, 5, 10, 50, 100], ["0", "1", "2", "5", "10", "50", "100"])
    errors.legend()
    for name, color, ls in (
        ("when the training error is 0", "#0072B2", "--"),
        ("all networks", "#D55E00", "-"),
    ):
        values = np.sort(figures[f"margins, {name}"].ravel())
        margins.plot(values, np.linspace(0, 100, len(values)), label=name, color=color, ls=ls)
    margins.set(xlabel="margin y f(x) / Σ α", ylabel="training examples below, %")
    margins.set(ylim=(-5, 130), yticks=range(0, 101, 20))
    margins.legend(loc="upper left")
