"""Layers that score spans: their formulas, masks, dense and sparse labels."""

import numpy as np
import pytest
from keras import ops

from kerasx.backend import mask_value
from kerasx.layers import Biaffine, EfficientGlobalPointer, GlobalPointer
from kerasx.losses import GlobalPointerCrossentropy
from kerasx.spans import pointer_labels, pointer_spans

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 8)).astype("float32")
REAL = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]], "bool")
EACH = pytest.mark.parametrize("cls", [GlobalPointer, EfficientGlobalPointer, Biaffine])


def numpy(x):
    return ops.convert_to_numpy(x)


def turned(x):
    """Rotate x (b, n, d) by its positions, as complex numbers."""
    n, d = x.shape[-2:]
    angles = np.arange(n)[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    z = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([z.real, z.imag], -1).reshape(x.shape)


def random_weights(layer):
    layer.build((None, None, 8))
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.weights])
    return [w.astype("float64") for w in layer.get_weights()]


@pytest.mark.parametrize("rotary", [True, False])
def test_scores_are_products_of_the_starts_and_ends_of_each_head(rotary):
    layer = GlobalPointer(2, 4, RoPE=rotary, tril_mask=False)
    kernel, bias = random_weights(layer)
    turn = turned if rotary else lambda x: x
    for head in range(2):
        part = np.s_[8 * head : 8 * head + 8]  # queries, then keys
        x = X @ kernel[:, part] + bias[part]
        wanted = turn(x[..., :4]) @ turn(x[..., 4:]).swapaxes(1, 2) / 2
        np.testing.assert_allclose(numpy(layer(X))[:, head], wanted, rtol=1e-4, atol=1e-4)


def test_efficient_scores_are_those_of_spans_and_of_the_label_of_each_side():
    layer = EfficientGlobalPointer(3, 4, tril_mask=False)
    kernel, bias, label_kernel, label_bias = random_weights(layer)
    x = X @ kernel + bias
    spans = turned(x[..., ::2]) @ turned(x[..., 1::2]).swapaxes(1, 2) / 2
    sides = (x @ label_kernel + label_bias).swapaxes(1, 2) / 2
    wanted = spans[:, None] + sides[:, ::2, None] + sides[:, 1::2, :, None]
    np.testing.assert_allclose(numpy(layer(X)), wanted, rtol=1e-4, atol=1e-4)


def test_biaffine_scores_are_the_form_the_two_sides_and_a_bias():
    layer = Biaffine(3, 4, activation="tanh", tril_mask=False)
    values = random_weights(layer)
    weights = dict(zip((w.path.split("/", 1)[-1] for w in layer.weights), values))
    start, end = (
        np.tanh(X @ weights[f"{side}_dense/kernel"] + weights[f"{side}_dense/bias"])
        for side in ("start", "end")
    )
    u = weights["kernel"]
    wanted = np.einsum("bim,hmn,bjn->bhij", start, u[:, :4, :4], end) + u[:, 4, 4, None, None]
    wanted += np.einsum("bim,hm->bhi", start, u[:, :4, 4])[..., None]
    wanted += np.einsum("bjn,hn->bhj", end, u[:, 4, :4])[:, :, None]
    np.testing.assert_allclose(numpy(layer(X)), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
@EACH
def test_no_span_is_predicted_in_padding_or_backwards(cls, dtype):
    layer = cls(2, 4, dtype=dtype)
    scores = numpy(ops.cast(layer(X, mask=ops.convert_to_tensor(REAL)), "float32"))
    allowed = REAL[:, :, None] & REAL[:, None] & np.triu(np.ones((6, 6), "bool"))
    low = mask_value(layer.compute_dtype)
    np.testing.assert_array_equal(scores == np.float32(low), ~allowed[:, None].repeat(2, 1))
    alone = numpy(ops.cast(layer(X[1:, :4]), "float32"))
    np.testing.assert_allclose(scores[1, :, :4, :4], alone[0], rtol=1e-2, atol=1e-2)


def test_dense_and_sparse_labels_have_the_same_loss():
    scores = numpy(GlobalPointer(2, 4)(X, mask=ops.convert_to_tensor(REAL)))
    spans = [[(1, 3, "A"), (2, 5, "A"), (4, 5, "B")], []]  # overlapping, and none
    dense = np.stack([pointer_labels(s, 6, "AB") for s in spans])
    sparse = np.stack([pointer_labels(s, 6, "AB", most=4) for s in spans])
    scores[:, :, 0, 0] = mask_value("float32")  # padding of the sparse labels, and no class there
    losses = [
        GlobalPointerCrossentropy(way, reduction=None)(y, scores)
        for way, y in ((False, dense), (True, sparse))
    ]
    np.testing.assert_allclose(*map(numpy, losses), rtol=1e-5)
    s, y = scores[0].reshape(2, -1).astype("float64"), dense[0].reshape(2, -1) > 0
    positive, negative = np.exp(-np.where(y, s, np.inf)), np.exp(np.where(y, -np.inf, s))
    wanted = np.log1p(positive.sum(-1)) + np.log1p(negative.sum(-1))
    np.testing.assert_allclose(numpy(losses[0])[0], wanted.sum(), rtol=1e-5)


def test_scores_of_the_right_sign_give_the_spans_back():
    spans = [(0, 2, "A"), (1, 6, "B"), (2, 4, "A")]
    scores = 2 * pointer_labels(spans, 6, "AB") - 1
    assert pointer_spans(scores, "AB") == sorted(spans)
    scores[1] /= 2  # where spans overlap, those of the first label score higher
    assert pointer_spans(scores, "AB", flat=True) == [(0, 2, "A"), (2, 4, "A")]
