"""Building BERT-base and loading its checkpoint: seconds, and memory beyond the weights.

    python -m benchmarks.loading [--backends tensorflow jax torch] [--rounds 5]

A random BERT-base (21,128 tokens, pooled and token outputs: 103 million numbers, 412 MB) is
written to a temporary folder as a TensorFlow checkpoint and as safetensors under Hugging Face's
names. Each run is a separate process, in turns, which has imported all it needs and computed a
sum before its clock starts: it builds the model with random weights, or with those of a
checkpoint. Memory is the peak resident size above that at the start, divided by the bytes of the
weights; files that are mapped count. Figures are medians. The files are in the page cache. Linux
only.
"""

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.harness import installed, report, resident, restart_peak
from benchmarks.training import BACKENDS, Process, serve

CONFIG = {
    "vocab_size": 21128,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "hidden_act": "gelu",
}
HEADS = {"with_pool": True, "with_mlm": "linear"}
WAYS = {"build": False, "tensorflow": "bert_model.ckpt", "safetensors": "model.safetensors"}


def build(folder, way):
    """Return a function that builds the model and returns the seconds and memory this took."""
    import keras

    from kerasx.models import build_transformer_model

    keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.ones((2, 2))))
    config = json.loads((Path(folder) / "config.json").read_text())
    checkpoint = WAYS[way] and str(Path(folder) / WAYS[way])

    def run():
        restart_peak()
        before, start = resident("VmRSS"), time.perf_counter()
        model = build_transformer_model(config, checkpoint, **HEADS)
        seconds, peak = time.perf_counter() - start, resident("VmHWM")
        weights = sum(4 * math.prod(w.shape) for w in model.weights)
        return {"seconds": seconds, "memory": (peak - before) / weights}

    return run


def write(folder):
    """Write the configuration and both checkpoints; return a function of no interest."""
    from kerasx.models import build_transformer_model

    builder = build_transformer_model(CONFIG, return_keras_model=False, **HEADS)
    builder.save_weights_as_checkpoint(Path(folder) / WAYS["tensorflow"])
    builder.save_weights_as_checkpoint(Path(folder) / WAYS["safetensors"], names="huggingface")
    (Path(folder) / "config.json").write_text(json.dumps(CONFIG))
    return dict


class Run(Process):
    """A process that builds one model."""

    module = "benchmarks.loading"


def once(backend, folder, way):
    """Return seconds, CPU seconds and memory of one run."""
    process = Run(backend, folder, way)
    process.ready()
    facts = process()
    process.close()
    return facts


def compare(backend, folder, rounds):
    """Return the rows for one backend."""
    runs = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, found in runs.items():
            found.append(once(backend, folder, way))
    rows = []
    for way, found in runs.items():
        name = "build, random weights" if way == "build" else f"build and load, {way}"
        row = {key: statistics.median(f[key] for f in found) for key in found[0]}
        rows.append({"name": name, **row, "min_seconds": min(f["seconds"] for f in found)})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        folder, way = arguments.work
        return serve(write, folder) if way == "write" else serve(build, folder, way)
    backends = [backend for backend in arguments.backends if installed(backend)]
    with tempfile.TemporaryDirectory() as folder:
        once(backends[0], folder, "write")
        for backend in backends:
            table = compare(backend, folder, arguments.rounds)
            title = f"BERT-base on {backend}: building, and building from a checkpoint"
            report(title, table, f"loading_{backend}", load=os.getloadavg(), cores=os.cpu_count())


if __name__ == "__main__":
    main()
