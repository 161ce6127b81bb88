"""Labels of GlobalPointer as a matrix of zeros and ones, or as the spans: memory of a step.

    python -m benchmarks.pointers [--backends tensorflow jax torch] [--rounds 3]

A training step of a GlobalPointer on ready vectors (4 texts of 512 tokens, 10 labels, 16 spans of
each label and text, width 384), SGD. Each kind of labels has a separate process; its memory is
the peak resident size during a step, compilation excluded, with an allocator that gives free blocks
back (as in `benchmarks.recompute`), libraries and all. Linux only.
"""

import argparse
import os
import statistics

from benchmarks.harness import BACKENDS, installed, interleave, report, resident, restart_peak
from benchmarks.training import Process, serve

TEXTS, LENGTH, LABELS, SPANS, WIDTH = 4, 512, 10, 16, 384
WAYS = ("dense", "sparse")


def step(way):
    """Return a function that trains on one batch and returns the memory this took in MiB."""
    import keras
    import numpy as np

    from kerasx.layers import GlobalPointer
    from kerasx.losses import GlobalPointerCrossentropy
    from kerasx.spans import pointer_labels

    rng = np.random.default_rng(0)
    names, most = [str(i) for i in range(LABELS)], None if way == "dense" else SPANS
    starts = rng.integers(0, LENGTH - 9, (TEXTS, LABELS, SPANS))
    spans = [
        [(i, i + rng.integers(1, 9), name) for name, row in zip(names, text) for i in set(row)]
        for text in starts.tolist()
    ]
    y = np.stack([pointer_labels(s, LENGTH, names, most=most) for s in spans])
    x = rng.normal(size=(TEXTS, LENGTH, WIDTH)).astype("float32")
    vectors = keras.Input((LENGTH, WIDTH))
    model = keras.Model(vectors, GlobalPointer(LABELS, 64)(vectors))
    model.compile(keras.optimizers.SGD(1e-3), GlobalPointerCrossentropy(sparse=way == "sparse"))
    model.train_on_batch(x, y)

    def run():
        restart_peak()
        loss = float(model.train_on_batch(x, y))
        peak = resident("VmHWM") / 2**20
        return {"MiB": peak, "labels_MiB": y.nbytes / 2**20, "loss": loss}

    return run


class Steps(Process):
    """A process that remembers the results of its last step."""

    module = "benchmarks.pointers"

    def __call__(self):
        self.facts = super().__call__()


def compare(backend, rounds):
    """Return rows of one backend: memory, time, and losses, which differ by the initial weights."""
    rows = []
    for way in WAYS:
        process = Steps(backend, way, MALLOC_MMAP_THRESHOLD_=str(2**20))
        process.ready()
        process()
        process.close()
        rows.append({"name": way, **process.facts})
    processes = {way: Steps(backend, way) for way in WAYS}
    for process in processes.values():
        process.ready()
    times = interleave(processes, rounds)
    for row in rows:
        processes[row["name"]].close()
        row["seconds"] = statistics.median(times[row["name"]])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return serve(step, *arguments.work)
    for backend in filter(installed, arguments.backends):
        title = f"A step of GlobalPointer on {backend}, {LENGTH} tokens and {LABELS} labels"
        table = compare(backend, arguments.rounds)
        report(title, table, f"pointers_{backend}", load=os.getloadavg(), cores=os.cpu_count())


if __name__ == "__main__":
    main()
