"""An optimizer's step beside that of keras.optimizers.Adam, and the state that each keeps.

    python -m benchmarks.optimizers [--backend jax] [--rounds 10] [--xla] [--only Tiger]
    python -m benchmarks.optimizers --memory

The step applies ready gradients to the variables of a 6-layer BERT of 20M parameters, compiled as
Keras compiles training: XLA on JAX, and on TensorFlow if there is a GPU (--xla: in any case);
eager on PyTorch. Without --backend each backend runs in a separate process. The table also has CPU
seconds, which a loaded machine changes less.
"""

import argparse
import math
import os
import subprocess
import sys
import time

from benchmarks.harness import BACKENDS, CONFIG, installed, interleave, report, rows

PEER = "keras Adam"
CLIPPED = "keras Adam, global_clipnorm"  # pays for the same norm as soft clipping


def candidates():
    """Return {name: function that makes the optimizer}."""
    import keras

    from kerasx import optimizers as ours

    return {
        PEER: lambda: keras.optimizers.Adam(1e-4),
        "keras Lion": lambda: keras.optimizers.Lion(1e-4),
        "keras Adafactor": lambda: keras.optimizers.Adafactor(1e-4),
        "Adam": lambda: ours.Adam(1e-4),
        "Adam, no correction": lambda: ours.Adam(1e-4, bias_correction=False),
        "Tiger": lambda: ours.Tiger(1e-3),
        "Tiger, 4 micro-batches": lambda: ours.Tiger(1e-3, grad_accum_steps=4),
        "AdaFactor": lambda: ours.AdaFactor(1e-3),
        "ExponentiatedGradient": lambda: ours.ExponentiatedGradient(1e-4),
        "Adam by Amos": lambda: ours.extend_with_amos(ours.Adam)(1e-3, half_life=1000),
        CLIPPED: lambda: keras.optimizers.Adam(1e-4, global_clipnorm=1.0),
        "keras Adam, soft clipping": lambda: ours.extend_with_soft_clipping(keras.optimizers.Adam)(
            1e-4, soft_clipnorm=1.0
        ),
        "Adam, soft clipping": lambda: ours.extend_with_soft_clipping(ours.Adam)(
            1e-4, soft_clipnorm=1.0
        ),
    }


def accumulating():
    """Return the optimizers that take 4 micro-batches a step, for the table of memory."""
    import keras

    from kerasx import optimizers as ours

    return {
        "Tiger, 4 micro-batches": lambda: ours.Tiger(1e-3, grad_accum_steps=4),
        "keras Lion, 4 micro-batches": lambda: keras.optimizers.Lion(
            1e-4, gradient_accumulation_steps=4
        ),
        "keras Adam, 4 micro-batches": lambda: keras.optimizers.Adam(
            1e-4, gradient_accumulation_steps=4
        ),
    }


def parameters():
    """Return fresh variables of the BERT."""
    import keras

    from kerasx.models import build_transformer_model

    keras.utils.set_random_seed(0)
    return build_transformer_model(CONFIG).trainable_variables


def state_per_parameter(optimizer, variables):
    """Return the number of floats that the optimizer keeps for each parameter."""
    optimizer.build(variables)

    def size(vs):
        return sum(math.prod(v.shape) for v in vs)

    return size(optimizer.variables) / size(variables)


def memory_table():
    """Return the floats of state for each parameter of the BERT."""
    made, variables = {**candidates(), **accumulating()}, parameters()
    return [
        {"name": name, "floats_per_parameter": state_per_parameter(make(), variables)}
        for name, make in made.items()
    ]


def step(optimizer, variables, gradients, xla):
    """Return a function that applies the gradients once and waits until this is done."""
    import keras

    optimizer.build(variables)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        apply = tf.function(lambda g: optimizer.apply(g), jit_compile=xla, autograph=False)
        return lambda: (apply(gradients), float(optimizer.iterations.value))
    if backend == "torch":
        import torch

        return torch.no_grad()(lambda: optimizer.apply(gradients))
    import jax

    apply = jax.jit(optimizer.stateless_apply, donate_argnums=(0, 2))
    state = [[v.value + 0 for v in optimizer.variables], [v.value + 0 for v in variables]]

    def run():
        values, slots = apply(state[0], gradients, state[1])
        state[:] = jax.block_until_ready([slots, values])

    return run


def measure(backend, arguments):
    """Time all optimizers in turns on this backend and report them."""
    import keras
    import numpy as np

    random = np.random.default_rng(0)
    xla = backend != "torch" and (arguments.xla or backend == "jax" or has_gpu())
    steps, cpu = {}, {}
    for name, make in candidates().items():
        if name in (PEER, CLIPPED) or any(part in name for part in arguments.only or [""]):
            variables = parameters()
            gradients = [
                keras.ops.convert_to_tensor(random.normal(size=v.shape).astype("float32") * 1e-2)
                for v in variables
            ]
            cpu[name] = []
            run = step(make(), variables, gradients, xla)
            steps[name] = cpu_timed(run, cpu[name])
    times = interleave(steps, arguments.rounds, warmup=2)
    table = ratios(times, {name: seconds[2:] for name, seconds in cpu.items()})
    mode = f"{backend}{' with XLA' if xla else ''}"
    title = f"One step of 20M parameters on {mode}: times of {PEER} and of it clipped"
    report(title, table, f"optimizers_{mode.replace(' with ', '_').lower()}", cores=os.cpu_count())


def has_gpu():
    """Return whether TensorFlow sees a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def cpu_timed(function, seconds):
    """Return the function, which then appends the CPU seconds of each call to the list."""

    def run():
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)

    return run


def ratios(wall, cpu):
    """Return rows of median seconds, and ratios to the peer in the same round, wall and CPU."""
    columns = {"seconds": rows(wall, PEER), "cpu_seconds": rows(cpu, PEER)}
    clipped = {"wall": rows(wall, CLIPPED), "cpu": rows(cpu, CLIPPED)}
    return [
        {
            "name": a["name"],
            "seconds": a["seconds"],
            "cpu_seconds": b["seconds"],
            "times_adam": a["times_ours"],
            "times_adam_cpu": b["times_ours"],
            "times_clipped": c["times_ours"],
            "times_clipped_cpu": d["times_ours"],
        }
        for a, b, c, d in zip(*columns.values(), *clipped.values())
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backend", choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", nargs="*", help="parts of the names of optimizers")
    parser.add_argument("--xla", action="store_true", help="on TensorFlow without a GPU, too")
    parser.add_argument("--memory", action="store_true", help="print the state instead")
    arguments = parser.parse_args()
    if arguments.memory:
        title = "State floats for each of 20M parameters"
        return report(title, memory_table(), "optimizers_memory")
    if arguments.backend:
        os.environ["KERAS_BACKEND"] = arguments.backend
        return measure(arguments.backend, arguments)
    for backend in filter(installed, BACKENDS):
        command = [sys.executable, "-m", "benchmarks.optimizers", *sys.argv[1:]]
        subprocess.run([*command, "--backend", backend], check=True)


if __name__ == "__main__":
    main()
