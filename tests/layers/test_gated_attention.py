"""The gated attention unit against NumPy."""

import numpy as np
import pytest
from keras import ops

from kerasx import layers
from kerasx.ops import sinusoidal_embeddings

B, N, D, UNITS, KEY = 2, 20, 6, 8, 4


def swish(x):
    return x / (1 + np.exp(-x))


def weigh(scores, allowed, normalization):
    """Convert scores (b, n, m) to weights, one query at a time."""
    weights = np.zeros_like(scores)
    for b, i in np.ndindex(scores.shape[:2]):
        seen = allowed[b, i]
        s, m = scores[b, i][seen], seen.sum()
        if normalization == "squared_relu":
            weights[b, i][seen] = np.maximum(s, 0) ** 2 / m
        else:
            s = s * np.log(max(m, 16)) / np.log(512) if normalization == "softmax_plus" else s
            weights[b, i][seen] = np.exp(s) / np.exp(s).sum()
    return weights


def turn(x):
    """Apply rotary positions by complex numbers."""
    angles = np.arange(x.shape[1])[:, None] * 10000.0 ** (-np.arange(0, KEY, 2) / KEY)
    z = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([z.real, z.imag], -1).reshape(x.shape)


def randomized(layer, *args, **kwargs):
    """Set random weights of a layer, and return {"i_dense/kernel": array, ...}."""
    layer(*args, **kwargs)
    rng = np.random.default_rng(1)
    weights = {}
    for w in layer.weights:
        value = 0.6 * rng.normal(size=w.shape).astype("float32")
        w.assign(value)
        weights["/".join(w.path.split("/")[-2:])] = value
    return weights


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("normalization", ["softmax", "softmax_plus", "squared_relu"])
def test_self_attention_is_its_formula(normalization, use_bias):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(B, N, D)).astype("float32")
    valid = np.arange(N) < np.array([[N], [11]])
    causal = np.tri(N, dtype=bool)
    bias = rng.normal(size=(1, 1, N, N)).astype("float32")
    position = sinusoidal_embeddings(np.arange(N, dtype="float32")[None], KEY)
    layer = layers.GatedAttentionUnit(UNITS, KEY, use_bias=use_bias, normalization=normalization)
    inputs = [ops.convert_to_tensor(z) for z in (x, causal[None, None], position, bias)]
    mask = [ops.convert_to_tensor(valid), None, None, None]
    arguments = {"a_bias": True, "p_bias": "rotary", "mask": mask}
    w = randomized(layer, inputs, **arguments)
    assert len(w) == (8 if use_bias else 4)

    hidden = swish(x @ w["i_dense/kernel"] + w.get("i_dense/bias", 0))
    u, v, z = np.split(hidden, [UNITS, 2 * UNITS], axis=-1)
    q, k = (turn(z * w[f"{s}_scaleoffset/gamma"] + w.get(f"{s}_scaleoffset/beta", 0)) for s in "qk")
    weights = weigh(
        q @ k.swapaxes(1, 2) / KEY**0.5 + bias[0], causal & valid[:, None], normalization
    )
    expected = (u * (weights @ v)) @ w["o_dense/kernel"] + w.get("o_dense/bias", 0)
    got = ops.convert_to_numpy(layer(inputs, **arguments))
    np.testing.assert_allclose(got[valid], expected[valid], atol=1e-4)


def test_attention_to_another_sequence_is_its_formula():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(B, 3, D)).astype("float32")
    source = rng.normal(size=(B, N, 5)).astype("float32")
    valid = np.arange(N) < np.array([[N], [11]])
    layer = layers.GatedAttentionUnit(
        UNITS, KEY, "relu", False, "softmax", self_attention=False, attention_scale=False
    )
    mask = [None, None, ops.convert_to_tensor(valid)]
    w = randomized(layer, [query, source, source], mask=mask)
    u, q = np.split(np.maximum(query @ w["uq_dense/kernel"], 0), [UNITS], axis=-1)
    k, v = (np.maximum(source @ w[f"{s}_dense/kernel"], 0) for s in "kv")
    weights = weigh(q @ k.swapaxes(1, 2), np.repeat(valid[:, None], 3, axis=1), "softmax")
    expected = (u * (weights @ v)) @ w["o_dense/kernel"]
    got = ops.convert_to_numpy(layer([query, source, source], mask=mask))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_attention_weights_are_dropped_in_training_alone():
    x = np.random.default_rng(0).normal(size=(1, N, D)).astype("float32")
    layer = layers.GatedAttentionUnit(UNITS, KEY, attention_dropout=0.5)
    still, moving = layer(x), layer(x, training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(still), ops.convert_to_numpy(layer(x)))
    assert np.abs(ops.convert_to_numpy(still) - ops.convert_to_numpy(moving)).max() > 1e-4
