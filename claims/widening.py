"""Training on from a widened model beats training the wide model from scratch.

A UniLM of two blocks and hidden size 64 learns to solve word problems in 120 updates, is widened to
128 and trained for 45 more, with and without noise on the copies. The wide model from scratch is
judged after 45 updates, and after the CPU time of all training of the other one. Copies are the two
features that stand for one, here in the first feed-forward kernel. Adam's rates are the best with
seed 5: 0.005 of 0.002, 0.005 and 0.01 for the narrow and for the wide model, and 0.00125 of
0.00125, 0.0025 and 0.005 after widening.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import (
    learning_curve,
    plot_mean,
    rows_of,
    small_bert,
    target_loss_model,
    word_problems,
)
from kerasx.models import widen

SOURCE = "kexue.fm/archives/8444"
SMALL = {"before": 2, "after": 1, "every": 1, "width": 16}
NOISE = {"with noise": 0.2, "without noise": 0.0}
SHARES = np.linspace(0.1, 1, 10)  # of the CPU time


def measure(seed, before=120, after=45, every=15, rate=5e-3, wide_rate=1.25e-3, width=64):
    train, test, size = word_problems(2 * (before + after), seed)
    data, figures, runs = ((train,), (test,), every), {}, {}
    narrow = small_bert(size, width, application="unilm")
    model = compiled(narrow, rate)
    first = train_on(model, data, 0, updates=before)
    for name, noise in NOISE.items():
        wide = widen(narrow, 2, noise=noise, seed=seed)
        old, new = (m.predict([x[:32] for x in test], verbose=0) for m in (narrow, wide.model))
        figures[f"error of the scores, {name}"] = np.abs(new - old).max() / np.abs(old).max()
        figures[f"difference of copies at first, {name}"] = copies_differ(wide)
        wide_model = compiled(wide.model, wide_rate)
        runs[f"widened {name}"] = train_on(wide_model, data, before, updates=after)
        figures[f"difference of copies at last, {name}"] = copies_differ(wide)
    runs["narrow, trained on"] = train_on(model, data, before, updates=after)
    seconds = first[-1][0] + runs["widened with noise"][-1][0]
    scratch = compiled(small_bert(size, 2 * width, application="unilm"), rate)
    times, losses = zip(*train_on(scratch, data, 0, seconds=seconds))
    figures["test loss, from scratch, as many updates"] = losses[after // every - 1]
    figures["test loss, from scratch, as much CPU time"] = losses[-1]
    figures["losses, from scratch"] = np.interp(SHARES, np.array(times) / seconds, losses)
    for name, run in {"narrow": first, **runs}.items():
        begun = 0 if name == "narrow" else first[-1][0]
        times, losses = zip(*(run if name == "narrow" else [(0, first[-1][1]), *run]))
        figures[f"test loss, {name}"] = losses[-1]
        figures[f"losses, {name}"] = losses
        figures[f"times, {name}"] = (begun + np.array(times)) / seconds
    return figures


def compiled(bert, rate):
    model = target_loss_model(bert)
    model.compile(keras.optimizers.Adam(rate))
    return model


def train_on(model, data, start, updates=0, seconds=0.0):
    """Train for some updates, or some CPU time; return [(CPU seconds, test loss)] by `every`."""
    train, test, every = data
    points, spent, batch = [], 0.0, 32
    while len(points) * every < updates or spent < seconds:
        row = (start + len(points) * every) * batch
        part = rows_of(train, slice(row, row + every * batch))
        (loss,), (time,) = learning_curve(model, part, test, points=1)
        spent += time
        points.append((spent, loss))
    return points


def copies_differ(wide):
    """Return the relative difference of the two columns that stand for one."""
    kernel = wide.layers["Transformer-0-FeedForward"].get_weights()[0]
    pairs = kernel.reshape(len(kernel), -1, 2)
    return np.linalg.norm(pairs[..., 0] - pairs[..., 1]) / np.linalg.norm(pairs)


def judge(figures):
    loss = {key.removeprefix("test loss, "): x for key, x in figures.items() if "test loss" in key}
    mean = {key: f"{x.mean():.3g}" for key, x in loss.items()}
    budgets = ("from scratch, as many updates", "from scratch, as much CPU time")
    better = [higher(loss[budget], loss["widened with noise"]) for budget in budgets]
    verdict = {2: HOLDS, 1: PARTLY, 0: FAILS}[sum(better)]
    apart = figures["difference of copies at last, without noise"].mean()
    return verdict, (
        f"The widened model ends at {mean['widened with noise']}; from scratch the loss is"
        f" {mean[budgets[0]]} after as many updates and {mean[budgets[1]]} after as much CPU time"
        f" in all. Without noise the copies end {apart:.1g} apart and the loss at"
        f" {mean['widened without noise']}; the narrow model, trained on, gets"
        f" {mean['narrow, trained on']}."
    )


def draw(picture, figures):
    axes = picture.subplots()
    plot_mean(axes, SHARES, figures["losses, from scratch"], "128, from scratch", color="k")
    for name, colour, style in [
        ("narrow", "tab:blue", "-"),
        ("narrow, trained on", "tab:blue", "--"),
        ("widened with noise", "tab:orange", "-"),
        ("widened without noise", "tab:orange", ":"),
    ]:
        times, losses = figures[f"times, {name}"].mean(0), figures[f"losses, {name}"]
        label = name.replace("narrow", "64").replace("widened", "widened to 128")
        plot_mean(axes, times, losses, label, color=colour, linestyle=style)
    axes.set_xlabel("CPU time / that of the narrow and the widened training")
    axes.set_ylabel("test loss of a token, nats")
    axes.legend()
