"""Weak scaling on virtual devices: what an example costs on n devices, against one.

    python -m benchmarks.scaling [--backends jax tensorflow torch] [--devices 1 2 4]
        [--way data_parallel fully_sharded model_parallel] [--steps 4] [--rounds 5]

Each device gets 16 rows of 64 tokens of a step of a small language model with AdamW, whatever
their number. The devices share the cores of one machine, so the wall time says nothing: the table
has the seconds of CPU for an example, of all processes together, and their ratio to one device,
which is 1 where nothing is lost. JAX and TensorFlow have n virtual devices in a process; PyTorch
has n processes of torchrun. Also: bytes that a device adds up or gathers in a step, and bytes of
weights and slots that one device holds.
"""

import argparse
import contextlib
import functools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import BACKENDS, installed, report

ROWS, LENGTH = 16, 64
CONFIG = {
    "vocab_size": 2048,
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "max_position": LENGTH,
}
WAYS = ("data_parallel", "fully_sharded", "model_parallel")
SIZES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4, "f64": 8}


def language_model():
    """Return a compiled language model, inside a context of kerasx.distribution."""
    import keras

    from kerasx.distribution import prepare
    from kerasx.layers import CrossEntropy
    from kerasx.models import build_transformer_model

    bert = build_transformer_model(CONFIG, application="lm", with_mlm="linear")
    model = keras.Model(bert.inputs, CrossEntropy(1)([bert.inputs[0], bert.outputs[0]]))
    model.compile(keras.optimizers.AdamW(1e-4))
    return prepare(model)


def make_virtual(devices):
    """Divide the CPU of TensorFlow into devices, before it computes; JAX reads XLA_FLAGS."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, parts)


def work(way, devices, steps, rounds):
    """Train, and return the seconds of CPU of each round and the bytes of a device."""
    import keras

    from kerasx import distribution

    make_virtual(devices)
    sizes = {"model": devices} if way == "model_parallel" else {"devices": devices}
    ids = np.random.default_rng(0).integers(
        1, CONFIG["vocab_size"], (steps * devices * ROWS, LENGTH), dtype="int32"
    )
    seconds = []
    with getattr(distribution, way)(**sizes), MOVED[keras.backend.backend()]() as moved:
        model = language_model()
        for _ in range(rounds + 1):
            start = time.process_time()
            model.fit([ids, ids * 0], batch_size=devices * ROWS, shuffle=False, verbose=0)
            seconds.append(time.process_time() - start)
        held = distribution.check_layouts(model).bytes
        sent = moved(model, ids[: devices * ROWS])
    return {"seconds": seconds[1:], "held": held, "moved": sent}


@contextlib.contextmanager
def moved_on_jax():
    """Give a function that reads the bytes of all sums and gathers in the compiled step."""

    def moved(model, ids):
        import jax

        groups = (model.trainable_variables, model.non_trainable_variables)
        groups = (*groups, model.optimizer.variables, model.metrics_variables)
        state = tuple([v.value for v in group] for group in groups)
        shardings = tuple([v.sharding for v in group] for group in state)
        step = jax.jit(model.train_step, out_shardings=(None, shardings))
        text = step.lower(state, ([ids, ids * 0],)).compile().as_text()
        collective = r" = (.*?) (?:all-reduce|all-gather|reduce-scatter)\("
        results = " ".join(re.findall(collective, text))
        return sum(
            SIZES[dtype] * math.prod(int(n) for n in shape.split(",") if n)
            for dtype, shape in re.findall(r"(\w+)\[([\d,]*)\]", results)
        )

    yield moved


@contextlib.contextmanager
def moved_on_torch():
    """Give a function that trains once more and counts what torch.distributed is given."""
    from torch import distributed

    with counted(distributed, ("all_reduce", "all_gather"), lambda *given: given[-1]) as moved:
        yield moved


@contextlib.contextmanager
def moved_on_tensorflow():
    """Give a function that traces a step once more and counts what the strategy reduces."""
    import tensorflow as tf

    def values(reduction, operation, given, *rest):
        return given.values[0] if hasattr(given, "values") else []

    names = ("reduce_implementation",)  # which those of batches call
    with counted(tf.distribute.ReductionToOneDevice, names, values) as moved:
        yield moved


@contextlib.contextmanager
def counted(owner, names, tensors):
    """Count the bytes of the tensors that some functions are given in a step."""
    import keras

    total, original = 0, {name: getattr(owner, name) for name in names}

    def counting(function):
        @functools.wraps(function)
        def count(*given, **options):
            nonlocal total
            for x in keras.tree.flatten(tensors(*given)):
                dtype = keras.backend.standardize_dtype(x.dtype)
                total += math.prod(x.shape) * np.dtype(dtype).itemsize
            return function(*given, **options)

        return count

    def moved(model, ids):
        nonlocal total
        total = 0
        model.make_train_function(force=True)
        model.fit([ids, ids * 0], batch_size=len(ids), shuffle=False, verbose=0)
        return total

    for name, function in original.items():
        setattr(owner, name, counting(function))
    try:
        yield moved
    finally:
        for name, function in original.items():
            setattr(owner, name, function)


MOVED = {"jax": moved_on_jax, "torch": moved_on_torch, "tensorflow": moved_on_tensorflow}


def run(backend, way, devices, arguments):
    """Run `work` in a process of its own, on PyTorch in `devices`; return what each returned."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": flags,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
        "SCALING_DEVICES": str(devices),
    }
    with tempfile.TemporaryDirectory() as folder:
        module = ["-m", "benchmarks.scaling", "--work", way, str(devices), folder]
        module += ["--steps", str(arguments.steps), "--rounds", str(arguments.rounds)]
        start = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={devices}"]
        start = start if backend == "torch" and devices > 1 else []
        command = [sys.executable, *start, *module]
        subprocess.run(command, env=environment, check=True, timeout=arguments.seconds)
        return [json.loads(path.read_text()) for path in sorted(Path(folder).iterdir())]


def compare(backend, way, arguments):
    """Report one row for each number of devices."""
    table = []
    for devices in arguments.devices:
        parts = run(backend, way, devices, arguments)
        seconds = [sum(times) for times in zip(*[part["seconds"] for part in parts])]
        examples = arguments.steps * devices * ROWS
        row = {"devices": devices, "ms_per_example": 1000 * min(seconds) / examples}
        row["times_one"] = row["ms_per_example"] / (table[0] if table else row)["ms_per_example"]
        row |= {"moved": parts[0]["moved"], "held": parts[0]["held"]}
        table.append(row)
    title = f"A step of {ROWS} x {LENGTH} tokens a device, {way} on {backend}: CPU, bytes"
    report(title, table, f"scaling_{way}_{backend}", load=os.getloadavg(), cores=os.cpu_count())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--way", nargs="*", default=WAYS, choices=WAYS)
    parser.add_argument("--devices", nargs="*", type=int, help="1 2 4 on JAX, else 1 2")
    parser.add_argument("--steps", type=int, default=4, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=5, help="the fastest one counts")
    parser.add_argument("--seconds", type=int, default=900, help="longest time of a process")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        way, devices, folder = arguments.work
        facts = work(way, int(devices), arguments.steps, arguments.rounds)
        path = Path(folder) / os.environ.get("RANK", "0")
        path.write_text(json.dumps(facts), encoding="utf-8")
        return
    chosen = arguments.devices
    for backend in filter(installed, arguments.backends):
        arguments.devices = chosen or ((1, 2, 4) if backend == "jax" else (1, 2))
        for way in arguments.way if backend == "jax" else WAYS[:1]:
            compare(backend, way, arguments)


if __name__ == "__main__":
    main()
