"""Recomputation: the batch that fits into the same memory, and what it costs in time.

    python -m benchmarks.recompute [--backends tensorflow jax torch] [--rounds 3]

A training step of a 12-layer BERT (width 384, 128 tokens, dropout 0.1, Adam), with and without
`recompute=True`. Each size runs in a separate process; its memory is the peak resident size
during a step, compilation excluded, with an allocator that gives blocks of 1 MiB and more back
once they are free (glibc else keeps and splits them, and the peak says how, not what was in use):
slow, so times come from other processes. A line through two batch sizes splits that into a constant
part (weights, optimizer, libraries) and a part for each example; the largest batch is where the
line with recomputation meets the memory that the larger batch takes without. Linux only.
"""

import argparse
import os
import statistics

from benchmarks.harness import (
    BACKENDS,
    CONFIG,
    installed,
    interleave,
    report,
    resident,
    restart_peak,
)
from benchmarks.training import Process, serve

BATCHES = (8, 24)
WAYS = ("plain", "recompute")
LENGTH = 128


def step(batch, recompute):
    """Return a function that trains on one batch and returns the peak memory in MiB."""
    import keras
    import numpy as np

    from kerasx.layers import FirstToken
    from kerasx.models import build_transformer_model

    config = CONFIG | {"num_hidden_layers": 12}
    bert = build_transformer_model(config, recompute=recompute == "recompute")
    model = keras.Model(bert.inputs, keras.layers.Dense(2)(FirstToken()(bert.output)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss)
    ids = np.random.default_rng(0).integers(1, CONFIG["vocab_size"], (batch, LENGTH))
    x, y = [ids, np.zeros_like(ids)], ids[:, 0] % 2
    model.train_on_batch(x, y)

    def run():
        restart_peak()
        model.train_on_batch(x, y)
        return {"MiB": resident("VmHWM") / 2**20}

    return run


class Steps(Process):
    """A process that remembers the memory of its last step."""

    module = "benchmarks.recompute"

    def __call__(self):
        self.memory = super().__call__()["MiB"]


def peak(backend, batch, way):
    """Return the MiB of one step, without what the allocator would keep."""
    process = Steps(backend, batch, way, MALLOC_MMAP_THRESHOLD_=str(2**20))
    process.ready()
    process()
    process.close()
    return process.memory


def compare(backend, rounds):
    """Return memory and seconds of each batch size, then the sizes at equal memory."""
    rows, memory = [], {}
    for batch in BATCHES:
        memory |= {(way, batch): peak(backend, batch, way) for way in WAYS}
        processes = {way: Steps(backend, batch, way) for way in WAYS}
        for process in processes.values():
            process.ready()
        times = interleave(processes, rounds)
        ratios = [r / p for r, p in zip(times["recompute"], times["plain"])]
        for way, process in processes.items():
            process.close()
            row = {"name": f"{way}, batch {batch}", "MiB": memory[way, batch]}
            row |= {"seconds": statistics.median(times[way])}
            row |= {"cpu_seconds": statistics.median(process.cpu[-rounds:])}
            rows.append(row | ({"time_ratio": statistics.median(ratios)} if way != "plain" else {}))
    small, large = BATCHES
    each = {w: (memory[w, large] - memory[w, small]) / (large - small) for w in WAYS}
    fixed = memory["recompute", large] - each["recompute"] * large
    fits = (memory["plain", large] - fixed) / each["recompute"]
    rows.append(
        {"name": f"batch in the memory of {large} plain", "batch": fits, "ratio": fits / large}
    )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        batch, way = arguments.work
        return serve(step, int(batch), way)
    for backend in arguments.backends:
        if installed(backend):
            title = (
                f"A training step of a 12-layer BERT on {backend}, with and without recomputation"
            )
            table = compare(backend, arguments.rounds)
            report(title, table, f"recompute_{backend}", load=os.getloadavg(), cores=os.cpu_count())


if __name__ == "__main__":
    main()
