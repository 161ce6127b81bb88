"""Attention against NumPy, the fused kernel against the formula written out."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.ops import attention, attention_normalize
from tests.gradients import gradient

DTYPES = ["float32", "float16", "bfloat16"]


def example(b=2, h=3, n=4, m=5, d=6, e=7):
    rng = np.random.default_rng(0)
    q, k, v = (
        rng.normal(size=s).astype("float32") for s in ((b, h, n, d), (b, h, m, d), (b, h, m, e))
    )
    bias = rng.normal(size=(1, h, n, m)).astype("float32")
    mask = rng.random((b, 1, n, m)) < 0.7
    mask[..., 0] = True
    return q, k, v, mask, bias


def by_hand(q, k, v, mask=None, bias=None, scale=None, weigh=None):
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    scores = scores + (0 if bias is None else bias)
    mask = np.broadcast_to(True if mask is None else mask, scores.shape)
    if weigh:
        return weigh(scores, mask) @ v
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * mask
    return weights / weights.sum(-1, keepdims=True) @ v


@pytest.mark.parametrize("path", ["plain", "default"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("scale", [None, 1.0])
def test_attention_is_its_formula(path, masked, biased, scale):
    q, k, v, mask, bias = example()
    mask, bias = mask if masked else None, bias if biased else None
    if path == "plain":
        with backend.plain_attention():
            got = attention(q, k, v, mask, bias, scale)
    else:
        tensors = [ops.convert_to_tensor(x) for x in (q, k, v)]
        got = attention(*tensors, mask, bias, scale)
    np.testing.assert_allclose(
        ops.convert_to_numpy(got), by_hand(q, k, v, mask, bias, scale), atol=1e-5
    )


@pytest.mark.parametrize("method", ["softmax_plus", "squared_relu"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("keys", [5, 40])
def test_other_normalizations_count_the_keys_seen(method, masked, keys):
    q, k, v, mask, _ = example(m=keys)
    mask = mask if masked else None

    def weigh(scores, mask):
        count = mask.sum(-1, keepdims=True)
        if method == "squared_relu":
            return np.maximum(scores, 0) ** 2 / count * mask
        weights = np.exp(scores * np.log(np.maximum(count, 16)) / np.log(512)) * mask
        return weights / weights.sum(-1, keepdims=True)

    got = attention(q, k, v, mask, normalization=method)
    expected = by_hand(q, k, v, mask, weigh=weigh)
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, atol=1e-5)


@pytest.mark.parametrize("method", ["softmax", "softmax_plus", "squared_relu"])
def test_normalization_takes_the_keras_mask_and_a_bias_or_a_further_mask(method):
    scores = np.random.normal(size=(2, 3, 4, 4)).astype("float32")
    mask = np.array([[1, 1, 1, 0], [1, 0, 0, 0]], "float32")
    keys, causal = mask.astype("bool")[:, None, None], np.tri(4, dtype="bool")[None, None]
    for bias, allowed, biased in [(causal, causal & keys, scores), (scores, keys, 2 * scores)]:
        got = attention_normalize(scores, mask, -1, method, bias)
        expected = attention_normalize(biased, allowed, method=method)
        np.testing.assert_allclose(ops.convert_to_numpy(got), ops.convert_to_numpy(expected))


@pytest.mark.parametrize("method", ["softmax_plus", "squared_relu"])
def test_other_normalizations_work_where_the_length_is_not_known(method):
    from kerasx.layers import MultiHeadAttention

    x = keras.Input((None, 8))
    y = MultiHeadAttention(2, 4, normalization=method)([x, x, x])
    assert np.isfinite(keras.Model(x, y).predict(np.ones((2, 5, 8)), verbose=0)).all()


def test_an_unknown_normalization_is_refused():
    with pytest.raises(ValueError, match="`method` must be one of 'softmax'"):
        attention_normalize(np.ones((1, 2)), method="softmin")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", ["plain", "default"])
@pytest.mark.parametrize("method", ["softmax", "softmax_plus", "squared_relu"])
def test_a_fully_masked_query_is_zero_with_zero_gradient(dtype, path, method):
    q, k, v, mask, bias = example(e=6)
    mask = mask.copy()
    mask[:, :, 1] = False
    size = 1 if method == "squared_relu" else 30  # 900² would not fit into float16
    k, v, bias = (ops.cast(x, dtype) for x in (size * k, v, bias))
    plain = backend.plain_attention

    def call(query):
        if path == "plain":
            with plain():
                return attention(query, k, v, mask, bias, normalization=method)
        return attention(query, k, v, mask, bias, normalization=method)

    out = ops.convert_to_numpy(ops.cast(call(ops.cast(size * q, dtype)), "float32"))
    assert np.isfinite(out).all() and (out[:, :, 1] == 0).all()
    grad = gradient(call, size * q, dtype)
    assert np.isfinite(grad).all() and (grad[:, :, 1] == 0).all()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_default_and_the_plain_path_have_the_same_gradient(which):
    q, k, v, mask, bias = example(e=6)
    tensors = [ops.convert_to_tensor(x) for x in (q, k, v)]

    def call(x):
        return ops.square(attention(*tensors[:which], x, *tensors[which + 1 :], mask, bias))

    fused = gradient(call, tensors[which])
    with backend.plain_attention():
        plain = gradient(call, tensors[which])
    np.testing.assert_allclose(fused, plain, atol=1e-4)


def test_plain_attention_ends_with_its_context_even_after_an_error():
    from kerasx.backend.kernels import attention_is_plain

    with pytest.raises(KeyError), backend.plain_attention():
        assert attention_is_plain()
        raise KeyError
    assert not attention_is_plain()


def test_dropout_only_drops_weights_and_keeps_their_expectation():
    q, k, _, _, _ = example(b=1, h=1, n=1, m=4)
    v = np.eye(4, dtype="float32")[None, None]  # the outputs are the weights
    whole = ops.convert_to_numpy(attention(q, k, v))
    many = [np.repeat(x, 2000, axis=0) for x in (q, k, v)]
    seed = keras.random.SeedGenerator(0)
    dropped = ops.convert_to_numpy(attention(*many, dropout=0.25, seed=seed))
    kept = dropped[dropped != 0]
    np.testing.assert_allclose(
        kept, np.broadcast_to(whole / 0.75, dropped.shape)[dropped != 0], rtol=1e-4
    )
    assert abs((dropped == 0).mean() - 0.25) < 0.03
    np.testing.assert_allclose(dropped.mean(0, keepdims=True), whole, atol=0.05)
