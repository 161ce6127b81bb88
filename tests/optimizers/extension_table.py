"""Rows of the contract table for the class factories of the extensions and for LoRA+."""

from functools import partial

import keras
import numpy as np

from kerasx import optimizers
from kerasx.optimizers import lora_plus
from tests.optimizers.references import adam_direction, after, old
from tests.optimizers.table import Row

__all__ = ["ROWS"]

Adam, SGD = keras.optimizers.Adam, keras.optimizers.SGD
EPSILON = 1e-7


def moved(update, lr=0.01):
    """Return a reference whose step adds update(θ, -lr · u) to θ, for Adam's direction u."""

    def step(state, values, grads, t):
        direction = partial(adam_direction, state, t=t, epsilon=EPSILON)
        return {
            k: x + update(state, k, x, -lr * direction(k, grads[k]), grads[k], t)
            for k, x in values.items()
        }

    return partial(after, step)


def decayed(state, k, x, u, g, t):
    return u - (0.01 * 0.1 * x if k != "gamma" else 0)


def adapted(state, k, x, u, g, t):
    return u * 0.01 * np.linalg.norm(x) / np.linalg.norm(u)


def scheduled(state, k, x, u, g, t):
    return u * np.interp(t, [0, 10, 30], [0, 1, 0.2])


def parameter_wise(state, k, x, u, g, t):
    return u * (1 if k == "gamma" else 0.25 * 2)


def unchanged(state, k, x, u, g, t):
    return u


def looking_ahead(state, k, x, u, g, t):
    slow = state.setdefault("slow" + k, x)
    if (t + 1) % 3:
        return u
    state["slow" + k] = slow + 0.4 * (x + u - slow)
    return state["slow" + k] - x


def accumulated(values, gradients, k=2):
    """Return Adam on the means of k gradients, without the incomplete last window."""
    windows = [gradients[i : i + k] for i in range(0, len(gradients) - k + 1, k)]
    means = [{n: np.mean([g[n] for g in w], axis=0) for n in w[0]} for w in windows]
    return moved(unchanged)(values, means)


def momentum_accumulated(values, gradients, k=2, lr=0.01, beta=0.9):
    def step(state, values, grads, t):
        m = {
            n: (beta if t % k == 0 else 1) * old(state, n, g) - lr * g / k for n, g in grads.items()
        }
        state.update(m)
        return {n: x + m[n] * (t % k == k - 1) for n, x in values.items()}

    return after(step, values, gradients)


def row(name, reference, one_step, slots=2.0, base=Adam, rates=(0.3, 0.1), **settings):
    cls = getattr(optimizers, name)(base)

    def make(**changes):
        return cls(**{"learning_rate": 0.01, **settings, **changes})

    # Counters are a few floats more than the slots.
    rates = dict(zip(("rosenbrock", "matrix"), rates))
    return Row(name, make, reference, one_step, rates, slots + 1e-3)


ADAM_STEP = ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[0.99, 1.01]])
STILL = ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[1.0, 1.0]])


def make_lora_plus(learning_rate=0.0025, **changes):
    return lora_plus(Adam, 4, "kernel|bias|embeddings", learning_rate=learning_rate, **changes)


ROWS = [
    row(
        "extend_with_weight_decay",
        moved(decayed),
        ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[0.989, 1.009]]),
        weight_decay_rate=0.1,
        include_in_weight_decay=["kernel|embeddings|bias"],
    ),
    row(
        "extend_with_layer_adaptation",
        moved(adapted),
        # a step of length 0.01 · 5 along (-1, 1) / √2
        ("kernel", [[3.0, 4.0]], [[2.0, -2.0]], [[2.96464466, 4.03535534]]),
        rates=(0.2, 0.05),
    ),
    row(
        "extend_with_piecewise_linear_lr",
        moved(scheduled),
        STILL,
        lr_schedule={10: 1, 30: 0.2},
        rates=(0.6, 0.4),
    ),
    row(
        "extend_with_parameter_wise_lr",
        moved(parameter_wise),
        ("kernel", [[1.0, 1.0]], [[2.0, -2.0]], [[0.995, 1.005]]),
        paramwise_lr_schedule={"kernel|bias|embeddings": 0.25, "embeddings|kernel|bias": 2},
        rates=(0.6, 0.2),
    ),
    row(
        "extend_with_lazy_optimization",
        moved(unchanged),
        ("kernel", [[1.0], [1.0]], [[2.0], [0.0]], [[0.99], [1.0]]),
        include_in_lazy_optimization=["embeddings|kernel|bias"],
    ),
    row(
        "extend_with_lookahead",
        moved(looking_ahead),
        ADAM_STEP,
        slots=3.0,
        steps_per_slow_update=3,
        slow_step_size=0.4,
    ),
    row(
        "extend_with_exponential_moving_average",
        moved(unchanged),
        ADAM_STEP,
        slots=3.0,
        ema_momentum=0.9,
    ),
    row("extend_with_gradient_accumulation", accumulated, STILL, slots=3.0, grad_accum_steps=2),
    row(
        "extend_with_momentum_accumulation",
        momentum_accumulated,
        STILL,
        slots=1.0,
        base=SGD,
        momentum=0.9,
        grad_accum_steps=2,
        rates=(0.01, 0.05),
    ),
    Row(
        "lora_plus",
        make_lora_plus,
        moved(lambda state, k, x, u, g, t: u * (1 if k == "gamma" else 4), lr=0.0025),
        ADAM_STEP,
        {"rosenbrock": 0.1, "matrix": 0.05},
        2.001,
    ),
]
