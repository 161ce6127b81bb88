import keras
import numpy as np
import pytest
from keras import ops

from kerasx import layers, training
from tests.training.models import numpy, step_gradients


@keras.saving.register_keras_serializable("kerasx.tests")
def in_batch_contrast(y_true, h):
    """Compare each example with all other examples of the batch, which no sum over chunks does."""
    h = h / ops.sqrt(ops.sum(h**2, -1, keepdims=True) + 1e-9)
    s = ops.matmul(h, ops.transpose(h)) * 5
    return ops.logsumexp(s, -1) - ops.sum(s * y_true, -1)


def encoder(dropout=None, chunks=None, norm=False):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(6, "tanh")(inputs)
    x = dropout(x) if dropout else x
    x = keras.layers.BatchNormalization()(x) if norm else x
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="out")(x))
    model.compile(keras.optimizers.SGD(1.0), in_batch_contrast)
    return training.contrastive_accumulation(model, chunks) if chunks else model


def pairs(n):
    x = np.random.default_rng(0).normal(size=(n, 4)).astype("float32")
    return x, np.roll(np.eye(n, dtype="float32"), 1, axis=1)


@pytest.mark.parametrize("n", [1, 2, 7, 12])
@pytest.mark.parametrize("chunks", [1, 2, 3, 5])
def test_chunks_give_the_gradient_of_the_whole_batch(n, chunks):
    whole, parts = (step_gradients(encoder(chunks=c), *pairs(n)) for c in (None, chunks))
    assert parts[0] == pytest.approx(whole[0], abs=1e-5)
    for a, b in zip(parts[1], whole[1]):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_dropout_is_replayed_and_each_chunk_draws_its_own():
    """Σ W ∂L/∂W = Σ y for L = Σ y, which holds only for the masks of the forward pass."""
    for dropout in (keras.layers.Dropout(0.5, seed=1), layers.Dropout(0.5, seed=1)):
        model = encoder(dropout, chunks=3)
        model.compile(keras.optimizers.SGD(1.0), lambda t, p: ops.sum(p, -1))
        kernel = model.get_layer("out").kernel
        before = numpy(kernel.value)
        x = np.ones((9, 4), "float32")
        loss, gradients = step_gradients(model, x, np.zeros((9, 1)))
        assert (gradients[-1] * before).sum() == pytest.approx(loss, rel=1e-4)
        state = numpy(dropout.seed_generator.state.value)
        model.train_on_batch(x, np.zeros((9, 1)))
        assert not np.array_equal(state, numpy(dropout.seed_generator.state.value))


def test_several_inputs_are_cut_alike():
    results = []
    for chunks in (None, 2):
        keras.utils.set_random_seed(0)
        a, b = keras.Input((3,)), keras.Input((3,))
        model = keras.Model([a, b], keras.layers.Dense(2)(keras.layers.Subtract()([a, b])))
        model.compile(keras.optimizers.SGD(1.0), in_batch_contrast)
        model = training.contrastive_accumulation(model, chunks) if chunks else model
        x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
        results.append(step_gradients(model, list(x), np.eye(5, dtype="float32"))[1])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_loss_layer_would_see_one_chunk_and_is_refused():
    class Square(layers.Loss):
        def compute_loss(self, inputs, mask=None):
            return ops.mean(inputs**2)

    inputs = keras.Input((3,))
    with pytest.raises(ValueError, match=r"compile\(\), not in layers.*\['square'\]"):
        training.contrastive_accumulation(keras.Model(inputs, Square(name="square")(inputs)), 2)
