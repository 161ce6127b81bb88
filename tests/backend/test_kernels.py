"""Sparse cross-entropy: values, first and second derivatives of the plain formula."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend
from tests.gradients import gradient

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(2, 3, 7)).astype("float32") * 5
IDS = RNG.integers(0, 7, (2, 3)).astype("int32")


def softmax(x):
    e = np.exp(x.astype("float64") - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_values_are_minus_the_log_of_the_softmax():
    losses = backend.sparse_cross_entropy(IDS, LOGITS)
    plain = -np.log(np.take_along_axis(softmax(LOGITS), IDS[..., None], -1)[..., 0])
    np.testing.assert_allclose(ops.convert_to_numpy(losses), plain, rtol=1e-5, atol=1e-6)


def test_the_gradient_is_softmax_minus_one_hot():
    grad = gradient(lambda s: backend.sparse_cross_entropy(IDS, s), LOGITS)
    np.testing.assert_allclose(grad, softmax(LOGITS) - np.eye(7)[IDS], atol=1e-6)


def test_the_gradient_of_the_squared_gradient_is_that_of_the_formula():
    g, p = softmax(LOGITS) - np.eye(7)[IDS], softmax(LOGITS)
    plain = 2 * (p * g - p * (p * g).sum(-1, keepdims=True))  # 2 H g, H = diag(p) - p pT
    np.testing.assert_allclose(squared_gradient_gradient(LOGITS), plain, atol=1e-5)


def squared_gradient_gradient(x):
    name = keras.backend.backend()

    def loss(s):
        return ops.sum(backend.sparse_cross_entropy(IDS, s))

    if name == "jax":
        import jax

        return np.asarray(jax.grad(lambda s: ops.sum(jax.grad(loss)(s) ** 2))(x))
    if name == "tensorflow":
        import tensorflow as tf

        s = tf.Variable(x)
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                value = loss(s)
            penalty = tf.reduce_sum(inner.gradient(value, s) ** 2)
        return outer.gradient(penalty, s).numpy()
    import torch

    s = torch.tensor(x, requires_grad=True)
    (first,) = torch.autograd.grad(loss(s), s, create_graph=True)
    return torch.autograd.grad((first**2).sum(), s)[0].numpy()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_summed_in_float32(dtype):
    logits = ops.cast(LOGITS, dtype)
    losses = backend.sparse_cross_entropy(IDS, logits)
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"
    exact = backend.sparse_cross_entropy(IDS, ops.cast(logits, "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(losses), ops.convert_to_numpy(exact))


def test_huge_logits_are_finite():
    losses = backend.sparse_cross_entropy(np.array([0, 1]), np.array([[3e38, 0], [3e38, 0]], "f4"))
    np.testing.assert_allclose(ops.convert_to_numpy(losses), [0, 3e38], rtol=1e-6)


def test_no_places_give_no_losses():
    losses = backend.sparse_cross_entropy(np.zeros((2, 0), "int32"), np.zeros((2, 0, 4), "f4"))
    assert tuple(losses.shape) == (2, 0)
