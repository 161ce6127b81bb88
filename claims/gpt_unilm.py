"""From scratch, GPT's mask is no worse than UniLM's, whose question sees itself whole.

A BERT of two blocks (hidden size 64) learns to write the expression that solves a Chinese word
problem. The loss is on the expression alone. GPT and UniLM have the same weights at the start, the
same inputs and batches: only the mask differs, and only in the question. Adam's rate 0.01 was the
best of 0.001, 0.003, 0.006 and 0.01 for both, with seed 5 and 400 updates.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, higher
from claims.tools import plot_mean, small_bert, solver_curve, word_problems

SOURCE = "kexue.fm/archives/9529; UniLM, arXiv 1905.03197"
SMALL = {"updates": 2, "points": 1}
MASKS = {"GPT": "lm", "UniLM": "unilm"}


def measure(seed, updates=300, points=6):
    train, (ids, segments), size = word_problems(updates, seed)
    figures = {"updates": np.arange(1, points + 1) * updates // points}
    for name, application in MASKS.items():
        keras.utils.set_random_seed(seed)
        bert = small_bert(size, application=application)
        losses, _ = solver_curve(bert, train, [ids, segments], points)
        right = bert.predict([ids, segments], verbose=0).argmax(-1)[:, :-1] == ids[:, 1:]
        figures[f"test loss, {name}"] = losses[-1]
        whole = (right | (segments[:, 1:] == 0)).all(1)
        figures[f"expressions without an error, {name}"] = whole.mean()
        figures[f"losses, {name}"] = losses
    return figures


def judge(figures):
    gpt, unilm = (figures[f"test loss, {name}"] for name in MASKS)
    if higher(gpt, unilm):
        return FAILS, f"UniLM's loss is lower, {unilm.mean():.3g} against {gpt.mean():.3g}."
    lower = "lower" if higher(unilm, gpt) else "no higher"
    return HOLDS, (
        f"GPT's loss is {lower}, {gpt.mean():.3g} against {unilm.mean():.3g}, at this size and"
        " after this little training."
    )


def draw(picture, figures):
    axes = picture.subplots()
    for name, style in zip(MASKS, ("-", "--")):
        plot_mean(axes, figures["updates"][0], figures[f"losses, {name}"], name, linestyle=style)
    axes.set(xlabel="updates", ylabel="test loss of a token of the expression, nats", yscale="log")
    axes.legend()
