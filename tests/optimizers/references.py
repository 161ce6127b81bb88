"""The optimizers' equations again, in NumPy and float64.

Each function is one step on named arrays: (state, {name: θ}, {name: g}, t) -> {name: θ}, with
t = 0, 1, ... and a dict `state` for its slots. `after` runs a step for each of many gradients.
"""

import numpy as np


def after(step, values, gradients, **settings):
    """Return the values after a step for each of the gradients."""
    state, values = {}, {k: np.asarray(v, "float64") for k, v in values.items()}
    for t, grads in enumerate(gradients):
        grads = {k: np.asarray(g, "float64") for k, g in grads.items()}
        values = step(state, values, grads, t, **settings)
    return values


def rms(x, axis=None):
    return np.sqrt(np.mean(x**2, axis=axis, keepdims=axis is not None))


def old(state, name, like):
    return state.get(name, np.zeros_like(like))


def sgd(state, values, grads, t, lr):
    return {k: v - lr * grads[k] for k, v in values.items()}


def adam_direction(state, k, g, t, b1=0.9, b2=0.999, epsilon=1e-6, correct=True):
    """Keras's Adam, which adds ε before the correction."""
    m = state["m" + k] = b1 * old(state, "m" + k, g) + (1 - b1) * g
    v = state["v" + k] = b2 * old(state, "v" + k, g) + (1 - b2) * g**2
    rate = np.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1)) if correct else 1
    return rate * m / (np.sqrt(v) + epsilon)


def keras_adam(state, values, grads, t, lr, **settings):
    return {
        k: v - lr * adam_direction(state, k, grads[k], t, **settings) for k, v in values.items()
    }


def adam(state, values, grads, t, lr, epsilon=1e-6, correct=True):
    """kerasx's Adam, which adds ε after the correction: here it is part of Keras's ε."""
    epsilon *= np.sqrt(1 - 0.999 ** (t + 1)) if correct else 1
    return keras_adam(state, values, grads, t, lr, epsilon=epsilon, correct=correct)


def tiger(state, values, grads, t, lr, k=1, beta=0.965, decay=0.01):
    new = {}
    for name, theta in values.items():
        m = old(state, name, theta) * (beta if t % k == 0 else 1) + (1 - beta) / k * grads[name]
        state[name] = m
        vector = name in ("bias", "gamma")
        scale = 0.5 if vector else max(1e-3, rms(theta))
        if name == "embeddings":
            scale = np.maximum(1e-3, rms(theta, 1))
        change = lr * scale * (np.sign(m) + (0 if vector else decay) * theta)
        new[name] = theta - change if (t + 1) % k == 0 else theta
    return new


def adafactor(state, values, grads, t, lr=None, beta1=0.0, smallest=2):
    new = {}
    b2 = 1 - (t + 1) ** -0.8
    for name, theta in values.items():
        square = grads[name] ** 2 + 1e-30
        if theta.ndim == 2 and min(theta.shape) >= smallest:
            r = b2 * state.get("r" + name, 0) + (1 - b2) * square.sum(1)
            c = b2 * state.get("c" + name, 0) + (1 - b2) * square.sum(0)
            state["r" + name], state["c" + name] = r, c
            v = np.outer(r, c) / c.sum()
        else:
            v = state["v" + name] = b2 * state.get("v" + name, 0) + (1 - b2) * square
        u = grads[name] / np.sqrt(v)
        u = u / max(1, rms(u))
        if beta1:
            u = state["m" + name] = beta1 * old(state, "m" + name, u) + (1 - beta1) * u
        rate = min(1e-2, (t + 1) ** -0.5) if lr is None else lr
        new[name] = theta - rate * max(1e-3, rms(theta)) * u
    return new


def amos(state, values, grads, t, lr, half_life=None, square=False, q=1.0, current=False):
    new = {}
    d = 1 if half_life is None else 1 / (1 + t / half_life)
    if square:
        d = 1 / (1 + (2**0.5 - 1) * t / half_life) ** 2
    for name, theta in values.items():
        size = np.sqrt(theta.size)
        sigma = state.setdefault("e" + name, 0.5 if name in ("bias", "gamma") else rms(theta))
        norm = np.linalg.norm(theta) if current else size * sigma
        u = adam_direction(state, name, grads[name], t, epsilon=1e-7)
        alpha, rho = lr * norm / np.linalg.norm(u) * d, lr**2 / (2 * q) * d
        new[name] = theta - alpha * u - rho * theta
    return new


def exponentiated_gradient(state, values, grads, t, lr, gamma, normalize=True, bound=5.0):
    new = {}
    for name, theta in values.items():
        g = grads[name]
        unit = g / rms(g) if normalize else g
        nu = state.get("n" + name, 1.0) * np.exp(gamma * state.get("g" + name, 0) * unit)
        nu = np.clip(nu, np.exp(-bound), np.exp(bound))
        state["n" + name], state["g" + name] = nu, unit
        new[name] = theta - lr * nu * g
    return new


def soft_clipped_adam(state, values, grads, t, lr, gamma):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    grads = {k: g * gamma / (norm + gamma) for k, g in grads.items()}
    return keras_adam(state, values, grads, t, lr, epsilon=1e-7)
