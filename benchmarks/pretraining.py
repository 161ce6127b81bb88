"""A step of masked-language-model training: tokens per second, share of the chip, memory.

    python -m benchmarks.pretraining [--backends tensorflow jax torch] [--rounds 5]
    python -m benchmarks.pretraining --size base --batch 32 --dtype mixed_bfloat16
    python -m benchmarks.pretraining --size large --ways places --profile runs/profile

A BERT trained with AdamW on random ids, 15% of the places masked: "places" computes the scores of
these places only (`score_places`), "all" those of all places, the others with weight 0. The share
is that of the floating-point operations per second of a large matrix product, measured in the same
process; the operations counted are those the way needs. Memory is the peak during a step,
compilation excluded: of the GPU, else of the process, with an allocator that gives large blocks
back (in separate processes, since it is slow). Each way runs in a process of its own.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

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

WAYS = ("places", "all")
SIZES = {
    "small": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16},
}


def make_batch(way, batch, length, masked, vocabulary):
    """Return inputs, labels and weights of random ids; places (b, p) are masked."""
    import numpy as np

    rng = np.random.default_rng(0)
    ids = rng.integers(5, vocabulary, (batch, length)).astype("int32")
    order = np.argsort(rng.random((batch, length)), axis=1)
    places = np.sort(order[:, : round(masked * length)], axis=1).astype("int32")
    labels = np.take_along_axis(ids, places, 1)
    weights = np.ones(places.shape, "float32")
    inputs = [ids.copy(), np.zeros_like(ids)]
    np.put_along_axis(inputs[0], places, 4, 1)
    if way == "places":
        return (*inputs, places), labels, weights
    counted = np.zeros(ids.shape, "float32")
    np.put_along_axis(counted, places, 1, 1)
    return tuple(inputs), ids, counted


def trained(way, options):
    """Return a compiled model, and a batch."""
    import keras

    from kerasx.losses import MaskedCrossEntropy
    from kerasx.models import build_transformer_model, score_places

    keras.config.set_dtype_policy(options["dtype"])
    config = CONFIG | SIZES[options["size"]] | {"recompute": options["recompute"]}
    config["intermediate_size"] = 4 * config["hidden_size"]
    model = build_transformer_model(config, with_mlm="linear")
    model = score_places(model) if way == "places" else model
    optimizer = keras.optimizers.AdamW(1e-4, weight_decay=0.01)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(optimizer, MaskedCrossEntropy(), weighted_metrics=[accuracy])
    sizes = (options["batch"], options["length"], options["masked"], config["vocab_size"])
    return model, make_batch(way, *sizes)


def work(way, options):
    """Return a function that trains on some batches, and returns what is known of them."""
    from kerasx.callbacks.throughput import arithmetic_limit
    from kerasx.models.flops import count_flops

    options = json.loads(options)
    model, batch = trained(way, options)
    flops = 3 * count_flops(model, batch[0])
    limit = arithmetic_limit(model.compute_dtype)
    steps = repeated(batch, options["steps"])
    model.fit(steps, epochs=1, verbose=0)
    if options["profile"]:
        profile(lambda: model.fit(steps, epochs=1, verbose=0), Path(options["profile"]))

    def run():
        restart_memory()
        model.fit(steps, epochs=1, verbose=0)
        return {"flops": flops, "limit": limit, "MiB": memory() / 2**20}

    return run


def repeated(batch, steps):
    """Return a dataset of one batch, again and again."""
    import keras

    class Repeated(keras.utils.PyDataset):
        def __len__(self):
            return steps

        def __getitem__(self, index):
            return batch

    return Repeated()


def restart_memory():
    """Let the peak of the device's memory start anew, as far as its backend can."""
    device = _device()
    if device == "torch":
        import torch

        torch.cuda.reset_peak_memory_stats()
    elif device == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.reset_memory_stats("GPU:0")
    elif device is None:
        restart_peak()


def memory():
    """Return the peak bytes of the GPU, or of this process where there is none."""
    device = _device()
    if device == "torch":
        import torch

        return torch.cuda.max_memory_allocated()
    if device == "tensorflow":
        import tensorflow as tf

        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    if device == "jax":
        import jax

        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"]
    return resident("VmHWM")


def _device():
    """Return the backend if it computes on an accelerator, else None."""
    import keras

    name = keras.backend.backend()
    if name == "torch":
        import torch

        return name if torch.cuda.is_available() else None
    if name == "jax":
        import jax

        return name if jax.default_backend() != "cpu" else None
    import tensorflow as tf

    return name if tf.config.list_physical_devices("GPU") else None


def profile(run, folder):
    """Write a trace of `run` for TensorBoard; on PyTorch also a table of the longest operations."""
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    name = keras.backend.backend()
    if name == "jax":
        import jax

        with jax.profiler.trace(str(folder)):
            run()
    elif name == "tensorflow":
        import tensorflow as tf

        with tf.profiler.experimental.Profile(str(folder)):
            run()
    else:
        import torch

        with torch.profiler.profile() as found:
            run()
        found.export_chrome_trace(str(folder / "torch.json"))
        order = f"self_{'cuda' if torch.cuda.is_available() else 'cpu'}_time_total"
        table = found.key_averages().table(sort_by=order, row_limit=25, max_name_column_width=60)
        (folder / "torch.txt").write_text(table, "utf-8")


class Steps(Process):
    """A process that remembers the facts of its last round."""

    module = "benchmarks.pretraining"

    def __call__(self):
        self.facts = super().__call__()
        return self.facts


def peak(backend, way, options):
    """Return the MiB of a step in a process of its own."""
    options = json.dumps({**options, "steps": 1, "profile": None})
    process = Steps(backend, way, options, MALLOC_MMAP_THRESHOLD_=str(2**20))
    process.ready()
    process()
    process.close()
    return process.facts["MiB"]


def compare(backend, ways, options, rounds):
    """Return a row of each way: seconds of a step, tokens per second, share, memory."""
    memories = {way: peak(backend, way, options) for way in ways}
    processes = {way: Steps(backend, way, json.dumps(options)) for way in ways}
    for process in processes.values():
        process.ready()
    times = interleave(processes, rounds)
    table = []
    for way, process in processes.items():
        process.close()
        seconds = statistics.median(times[way]) / options["steps"]
        cpu = statistics.median(process.cpu[-rounds:]) / options["steps"]
        ratio = statistics.median(t / o for t, o in zip(times[way], times[ways[0]]))
        tokens = options["batch"] * options["length"] / seconds
        share = process.facts["flops"] / seconds / process.facts["limit"]
        row = {"name": way, "seconds": seconds, "cpu_seconds": cpu, f"times_{ways[0]}": ratio}
        row |= {"tokens_per_second": tokens, "share_of_limit": share, "MiB": memories[way]}
        table.append(row | {"limit_teraflops": process.facts["limit"] / 1e12})
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS))
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps of a round")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--masked", type=float, default=0.15, help="share of the places")
    parser.add_argument("--dtype", default="float32", help="policy, such as mixed_bfloat16")
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--profile", help="folder for traces of each backend and way")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = vars(parser.parse_args())
    backends, ways, rounds = (arguments.pop(name) for name in ("backends", "ways", "rounds"))
    asked = arguments.pop("work")
    if asked:
        return serve(work, *asked)
    for backend in filter(installed, backends):
        title = "A step of masked-language-model training of a {size} BERT, {batch} x {length} "
        title = f"{title.format(**arguments)}tokens, {arguments['dtype']}, {backend}"
        table = compare(backend, ways, arguments, rounds)
        report(title, table, f"pretraining_{backend}", load=os.getloadavg(), cores=os.cpu_count())


if __name__ == "__main__":
    main()
