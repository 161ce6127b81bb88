"""The tanh form of GELU is forty times as near to the exact one as the logistic form.

GELU is x Φ(x). Its two approximations are compared with it at 200,001 points of [-10, 10], in
float64, as is the tanh form with the constant of Taylor's series instead of the fitted one.
"""

import math

import numpy as np

from claims.running import FAILS, HOLDS

SOURCE = "kexue.fm/archives/7309; Hendrycks and Gimpel, arXiv 1606.08415"
SEEDS = 1
SMALL = {"points": 201}
FITTED, TAYLOR = 0.044715, (4 - math.pi) / (6 * math.pi)


def tanh_form(x, cubic):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + cubic * x**3)))


def measure(seed, points=200_001):
    x = np.linspace(-10, 10, points)
    exact = x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    forms = {
        "tanh": tanh_form(x, FITTED),
        "tanh, Taylor": tanh_form(x, TAYLOR),
        "logistic": x / (1 + np.exp(-1.702 * x)),
    }
    largest = {f"largest error, {name}": np.abs(y - exact).max() for name, y in forms.items()}
    shown = slice(None, None, max(1, points // 1000))
    curves = {f"error of {name}": (y - exact)[shown] for name, y in forms.items()}
    return largest | curves | {"x": x[shown]}


def judge(figures):
    tanh, logistic = (figures[f"largest error, {name}"][0] for name in ("tanh", "logistic"))
    verdict = HOLDS if logistic > 40 * tanh else FAILS
    return (
        verdict,
        f"The largest errors are {tanh:.2g} and {logistic:.2g}, {logistic / tanh:.0f} times.",
    )


def draw(picture, figures):
    axes = picture.subplots()
    for name in ("tanh", "tanh, Taylor", "logistic"):
        axes.semilogy(figures["x"][0], np.abs(figures[f"error of {name}"][0]) + 1e-12, label=name)
    axes.set(xlabel="x", ylabel="|approximation - GELU|", xlim=(-6, 6), ylim=(1e-7, 0.1))
    axes.legend()
