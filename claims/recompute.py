"""Recomputing activations fits three times the batch into the same memory, for a quarter more time.

A training step (Adam, dropout 0.1) of a BERT with the proportions of the base one, 12 layers and
heads of 64 on 128 tokens, but of width 128, with and without recomputation: the rise of the
process's memory at its peak for batches of 4 and 12, and the CPU time of a step. A line through
the two sizes gives the largest batch in the memory that 12 examples take without; a step with it
is measured as well. One step of SGD from the same weights and seeds tells whether the gradients
are the same, with their dropout masks.
"""

import time

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY
from claims.tools import flattened, peak_memory, plot_mean
from kerasx.layers import FirstToken
from kerasx.models import bert_config, build_transformer_model

SOURCE = "kexue.fm/archives/7367; Chen et al., arXiv 1604.06174"
PUBLISHED = (
    "a batch of 144 instead of 48 for BERT base, four times as many for BERT large, 25 % more time "
    "for each example (published, on a GPU). A BERT of 12 layers and width 384 has 4.6 times the "
    "batch for 1.24 times the time (`python -m benchmarks.recompute`, on PyTorch)."
)
SMALL = {"batches": (2, 4), "width": 16, "layers": 1}
LENGTH, WAYS = 128, ("plain", "recompute")


def build(seed, way, optimizer, width, layers):
    keras.utils.set_random_seed(seed)
    others = {"num_attention_heads": max(width // 64, 1), "attention_dropout_rate": 0.1}
    config = bert_config(1000, width, layers, LENGTH, **others)
    bert = build_transformer_model(config, recompute=way == "recompute")
    model = keras.Model(bert.inputs, keras.layers.Dense(2)(FirstToken()(bert.output)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    return model


def batch_of(n):
    ids = np.random.default_rng(0).integers(1, 1000, (n, LENGTH))
    return [ids, np.zeros_like(ids)], ids[:, 0] % 2


def cpu_seconds(model, data, repeats=3):
    """Return the CPU seconds of a step, the fewest of a few."""
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        model.train_on_batch(*data)
        seconds.append(time.process_time() - begun)
    return min(seconds)


def gradient(seed, way, data, **sizes):
    """Return the gradient of a batch, as the change of the weights by SGD."""
    model = build(seed, way, keras.optimizers.SGD(1.0), **sizes)
    before = model.get_weights()
    model.train_on_batch(*data)
    return flattened([b - a for a, b in zip(model.get_weights(), before)])


def measure(seed, batches=(4, 12), width=128, layers=12):
    sizes, figures, peaks = {"width": width, "layers": layers}, {"batches": batches}, {}
    models = {way: build(seed, way, keras.optimizers.Adam(1e-4), **sizes) for way in WAYS}
    for way, model in models.items():
        data = [batch_of(n) for n in (batches[0], *batches)]
        found = [peak_memory(lambda x=x: model.train_on_batch(*x)) for x in data]  # noqa: B023
        peaks[way] = found[1:]  # the first step makes the slots, and fills caches
        figures[f"CPU seconds of a step, {way}"] = cpu_seconds(model, data[-1])
        figures[f"MiB of a step, {way}"] = peaks[way][-1]
        figures[f"peaks, {way}"] = peaks[way]
    slope = np.diff(peaks["recompute"])[0] / np.diff(batches)[0]
    largest = int(batches[1] + (peaks["plain"][1] - peaks["recompute"][1]) / slope)
    data = batch_of(largest)
    figures["largest batch, recompute"] = largest
    figures["MiB of the largest batch, recompute"] = peak_memory(
        lambda: models["recompute"].train_on_batch(*data)
    )
    plain, again = (gradient(seed, way, batch_of(batches[0]), **sizes) for way in WAYS)
    figures["difference of the gradients"] = np.linalg.norm(again - plain) / np.linalg.norm(plain)
    return figures


def judge(figures):
    ratio = (figures["largest batch, recompute"] / figures["batches"][:, 1]).mean()
    time_ = figures["CPU seconds of a step, recompute"] / figures["CPU seconds of a step, plain"]
    error = figures["difference of the gradients"].max()
    kept = [error < 1e-5 and ratio >= 3, error < 1e-5 and time_.mean() <= 1.3]
    verdict = HOLDS if all(kept) else PARTLY if any(kept) else FAILS
    same = "the gradients are the same" if error == 0 else f"the gradients differ by {error:.0e}"
    return verdict, (
        f"{ratio:.1f} times the batch fit, a step takes {time_.mean():.2f} times the CPU time, and "
        f"{same}. Wider layers gain more, see below."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2, width_ratios=(3, 2))
    batches, largest = figures["batches"][0], figures["largest batch, recompute"].mean()
    for way, style in zip(WAYS, ("-", "--")):
        plot_mean(left, batches, figures[f"peaks, {way}"], way, linestyle=style, marker="o")
    budget = figures["peaks, plain"][:, 1].mean()
    left.axhline(budget, color="gray", linewidth=1)
    reached = figures["MiB of the largest batch, recompute"].mean()
    left.plot(largest, reached, "k*", markersize=12, label=f"batch of {largest:.0f}, recompute")
    left.set(xlabel="examples of a batch", ylabel="peak memory of a step, MiB", ylim=(0, None))
    left.legend(loc="lower right")
    seconds = [figures[f"CPU seconds of a step, {way}"].mean() for way in WAYS]
    right.bar(WAYS, seconds, color=["tab:blue", "tab:orange"])
    right.set(ylabel=f"CPU seconds of a step of {batches[1]:.0f}")
