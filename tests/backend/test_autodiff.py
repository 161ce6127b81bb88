import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend

X = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def test_a_function_of_no_tensor_has_no_gradients():
    value, gradients = backend.value_and_grad(lambda tensors: ops.array(2.0))([])
    assert float(value) == 2 and gradients == []


def test_a_tensor_that_is_not_used_has_a_zero_gradient():
    value, (used, unused) = backend.value_and_grad(lambda t: ops.sum(t[0]))([X, X])
    assert float(value) == X.sum()
    np.testing.assert_array_equal(numpy(used), np.ones_like(X))
    np.testing.assert_array_equal(numpy(unused), np.zeros_like(X))


def test_the_gradient_of_a_cube_is_three_squares():
    value, (g,) = backend.value_and_grad(lambda t: ops.sum(t[0] ** 3))([X])
    np.testing.assert_allclose(numpy(g), 3 * X**2, rtol=1e-6)
    assert float(value) == pytest.approx((X**3).sum())


def test_what_goes_with_the_value_is_handed_on():
    function = backend.value_and_grad(lambda t: (ops.sum(t[0]), {"a": [t[0] * 2]}), has_aux=True)
    (_, aux), _ = function([X])
    np.testing.assert_array_equal(numpy(aux["a"][0]), X * 2)


def test_it_nests_to_the_third_order():
    first = backend.value_and_grad(lambda t: ops.sum(t[0] ** 4))
    second = backend.value_and_grad(lambda t: ops.sum(first(t)[1][0]))
    third = backend.value_and_grad(lambda t: ops.sum(second(t)[1][0]))
    np.testing.assert_allclose(numpy(third([X])[1][0]), 24 * X, rtol=1e-5)


def test_a_penalty_on_the_gradient_of_the_input_reaches_the_weights():
    def loss(tensors):
        (w,) = tensors
        _, (g,) = backend.value_and_grad(lambda x: ops.sum((x[0] * w) ** 2))([X])
        return ops.sum(g**2)  # g = 2 x w^2, so the loss is 4 x^2 w^4

    w = np.array([0.5, 2.0], "float32")
    gradient = backend.value_and_grad(loss)([w])[1][0]
    np.testing.assert_allclose(numpy(gradient), (16 * X**2 * w**3).sum(0), rtol=1e-5)


def test_constant_gradients_are_not_differentiated():
    inner = backend.value_and_grad(lambda t: ops.sum(t[0] ** 3), constant=True)
    outer = backend.value_and_grad(lambda t: ops.sum(t[0] * inner(t)[1][0]))
    np.testing.assert_allclose(numpy(outer([X])[1][0]), 3 * X**2, rtol=1e-6)  # not 9 X^2


def test_sparse_gradients_of_an_embedding_come_out_dense():
    table = np.arange(12.0, dtype="float32").reshape(4, 3)
    _, (g,) = backend.value_and_grad(lambda t: ops.sum(ops.take(t[0], [1, 1, 3], axis=0)))([table])
    np.testing.assert_array_equal(numpy(g), np.array([0, 2, 0, 1])[:, None] * np.ones((4, 3)))


def test_gradients_of_a_layer_equal_those_of_its_formula():
    dense = keras.layers.Dense(3, "tanh")
    dense.build((None, 2))
    weights = dense.trainable_variables

    def loss(values):
        outputs, _ = dense.stateless_call(values, [], ops.array(X))
        return ops.sum(outputs)

    _, (kernel, bias) = backend.value_and_grad(loss)([w.value for w in weights])
    slope = 1 - np.tanh(X @ numpy(weights[0].value)) ** 2
    np.testing.assert_allclose(numpy(kernel), X.T @ slope, rtol=1e-5)
    np.testing.assert_allclose(numpy(bias), slope.sum(0), rtol=1e-5)


def test_outermost_results_hold_no_graph():
    value, (g,) = backend.value_and_grad(lambda t: ops.sum(t[0] ** 2))([X])
    for tensor in (value, g):
        assert not getattr(tensor, "requires_grad", False)
