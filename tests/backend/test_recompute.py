import sys

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import backend, layers
from kerasx.models import build_transformer_model

JIT = [False] if keras.backend.backend() == "torch" else [False, True]
CONFIG = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "dropout_rate": 0.3,
    "attention_dropout_rate": 0.3,
    "max_position": 16,
}


def numpy(x):
    return ops.convert_to_numpy(x)


class Block(keras.layers.Layer):
    """dropout(x W), recomputed. A row of its gradient tells which elements were dropped."""

    def __init__(self, dropout, units=5, recompute=True, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units, use_bias=False, dtype=self.dtype_policy)
        self.dropout, self.recompute = dropout, recompute

    def build(self, input_shape):
        self.dense.build(input_shape)

    @backend.recompute_grad
    def call(self, x):
        return self.dropout(self.dense(x))  # `training` comes from the context of the call


@keras.saving.register_keras_serializable("kerasx.tests")
def total(y_true, y_pred):
    return ops.sum(ops.cast(y_pred, "float32"), -1)


def dropouts(seed):
    return [keras.layers.Dropout(0.5, seed=seed), layers.Dropout(0.5, seed=seed)]


def trained(model, jit=False, eager=False, **options):
    model.compile(
        keras.optimizers.SGD(1.0),
        total,
        jit_compile=jit,
        run_eagerly=eager,
        **options,
    )
    return model


def step_gradient(model, variable, x):
    """Return (sum of the outputs, its gradient), by a step of SGD with rate 1."""
    before = numpy(variable.value)
    loss = float(model.train_on_batch(x, np.zeros((len(x), 1), "float32"))) * len(x)
    return loss, (before - numpy(variable.value)) * len(x)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("jit", JIT)
@pytest.mark.parametrize("seed", [None, 7])
def test_the_gradient_is_that_of_the_very_forward_pass(seed, jit, eager):
    """Σ_jk W_jk ∂(Σ y)/∂W_jk = Σ y, exactly, for y = dropout(x W) with one mask."""
    if jit and eager:
        pytest.skip("an eager step is not compiled")
    for dropout in dropouts(seed):
        block = Block(dropout)
        inputs = keras.Input((4,))
        model = trained(keras.Model(inputs, block(inputs)), jit, eager)
        for _ in range(20):
            x = np.random.normal(size=(8, 4)).astype("float32")
            w = numpy(block.dense.kernel.value)
            loss, gradient = step_gradient(model, block.dense.kernel, x)
            np.testing.assert_allclose((w * gradient).sum(), loss, rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("jit", JIT)
def test_the_column_sums_are_the_gradient_at_the_identity(jit):
    """With x = 1 the gradient of Σ y by W_k is the number of kept rows over the keep rate."""
    for dropout in dropouts(None):
        block = Block(dropout, units=50)
        inputs = keras.Input((1,))
        model = trained(keras.Model(inputs, block(inputs)), jit)
        block.dense.kernel.assign(np.ones((1, 50), "float32"))
        x, seen = np.ones((6, 1), "float32"), []
        for _ in range(2):
            _, gradient = step_gradient(model, block.dense.kernel, x)
            assert set(np.unique(gradient.round(3))) <= set(np.arange(0, 13, 2.0))
            seen.append(gradient)
            block.dense.kernel.assign(np.ones((1, 50), "float32"))
        assert not np.array_equal(*seen)  # two steps draw different masks


def kept_bytes(model, x):
    """Count the bytes that a step keeps, or needs beside its arguments, for the backward pass."""
    if keras.backend.backend() == "jax":
        import jax

        def loss(values):
            outputs, _ = model.stateless_call(values, states, x, training=True)
            return ops.sum(outputs)

        values = [v.value for v in model.trainable_variables]
        states = [v.value for v in model.non_trainable_variables]
        compiled = jax.jit(jax.grad(loss)).lower(values).compile()
        return compiled.memory_analysis().temp_size_in_bytes
    import torch

    kept = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.setdefault(t.data_ptr(), t.nbytes) and t, lambda t: t
    ):
        model(x, training=True)
    return sum(kept.values())


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="it tells no bytes on a CPU")
def test_recomputing_keeps_less_memory():
    sizes = {"num_hidden_layers": 6, "intermediate_size": 64, "hidden_size": 16}
    x = [np.ones((8, 16), "int32")] * 2
    plain, recomputed = (
        kept_bytes(build_transformer_model({**CONFIG, **sizes}, recompute=recompute), x)
        for recompute in (False, True)
    )
    assert recomputed < 0.5 * plain


def test_without_training_nothing_is_dropped_and_no_seed_advances():
    block = Block(layers.Dropout(0.5, seed=3))
    x = np.ones((2, 4), "float32")
    state = numpy(block.dropout.seed_generator.state.value)
    np.testing.assert_allclose(numpy(block(x)), x @ numpy(block.dense.kernel.value), rtol=1e-6)
    np.testing.assert_array_equal(numpy(block.dropout.seed_generator.state.value), state)


def test_the_seed_advances_as_without_recomputation():
    states, outputs = [], []
    for recompute in (True, False):
        block = Block(layers.Dropout(0.5, seed=3), recompute=recompute)
        block.build((2, 4))
        block.dense.kernel.assign(np.ones((4, 5), "float32"))
        outputs.append([numpy(block(np.ones((2, 4), "float32"), training=True)) for _ in range(3)])
        states.append(numpy(block.dropout.seed_generator.state.value))
    np.testing.assert_array_equal(*states)
    np.testing.assert_array_equal(*outputs)


class Several(keras.layers.Layer):
    """Masks, keyword arguments, several outputs, a loss and a moving average."""

    def __init__(self, recompute, **kwargs):
        super().__init__(**kwargs)
        self.recompute = recompute
        self.supports_masking = True
        self.inner = layers.GlobalAveragePooling1D()

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        self.seen = self.add_weight(name="seen", shape=(), trainable=False, initializer="zeros")

    @backend.recompute_grad
    def call(self, x, other=None, factor=1.0, mask=None):
        self.seen.assign(self.seen + 1)
        self.add_loss(ops.mean(x**2) * self.scale)
        y = ops.tanh(x * self.scale) * factor
        return {
            "y": y if other is None else y + other,
            "pooled": self.inner(y, mask=mask),
            "no": None,
        }

    def compute_mask(self, inputs, *args, **kwargs):
        return None


def results_of_several(recompute):
    layer = Several(recompute)
    layer.build((None, 3, 2))
    x = np.arange(12, dtype="float32").reshape(2, 3, 2) / 10
    mask = np.array([[True, True, False], [True, False, False]])

    def loss(tensors):
        mapping = [(layer.scale, tensors[0])]
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            out = layer(tensors[1], other=tensors[1] * 2, factor=3.0, mask=ops.array(mask))
            assert out["no"] is None
            value = ops.sum(out["y"] ** 2) + ops.sum(out["pooled"] ** 3) + sum(scope.losses)
        return value, scope.get_current_value(layer.seen)

    (value, seen), gradients = backend.value_and_grad(loss, has_aux=True)([np.float32(0.7), x])
    return [float(value), float(seen), *map(numpy, gradients)]


def test_masks_keywords_several_outputs_states_and_losses_pass_through():
    for got, wanted in zip(results_of_several(True), results_of_several(False)):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert results_of_several(True)[1] == 1


def test_the_mask_that_a_tensor_carries_reaches_sublayers():
    class Pooled(keras.layers.Layer):
        def __init__(self, recompute):
            super().__init__()
            self.recompute, self.supports_masking = recompute, True
            self.pool = layers.GlobalAveragePooling1D()

        @backend.recompute_grad
        def call(self, x):
            return self.pool(x)

        def compute_mask(self, inputs, mask=None):
            return None

    ids = np.array([[1, 2, 0], [3, 0, 0]])
    embedding = layers.Embedding(5, 4, mask_zero=True)
    plain, again = (numpy(Pooled(r)(embedding(ids))) for r in (False, True))
    np.testing.assert_array_equal(plain, again)


def test_it_is_differentiable_twice():
    def penalty(recomputed):
        def inner(x, w):
            return [ops.sum((x[0] * w[0]) ** 3)]

        def loss(w):
            def value(x):
                return backend.recompute(inner, x, w)[0] if recomputed else inner(x, w)[0]

            _, (g,) = backend.value_and_grad(value)([np.array([0.5, -1.0], "float32")])
            return ops.sum(g**2)

        return numpy(backend.value_and_grad(loss)([np.array([2.0, 0.3], "float32")])[1][0])

    np.testing.assert_allclose(penalty(True), penalty(False), rtol=1e-6)


@pytest.mark.parametrize(
    "policy, jit",
    [
        ("float32", False),
        ("mixed_bfloat16", JIT[-1]),
        ("mixed_float16", JIT[-1]),
    ],
)
def test_a_transformer_trains_as_without_recomputation(policy, jit):
    ids = np.random.randint(1, 30, (4, 10))
    ids[2, 5:] = 0
    x, y = [ids, np.zeros_like(ids)], np.random.randint(0, 30, (4, 10))
    trained_weights, losses = [], []
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(policy)
        for recompute in (True, False):
            keras.utils.set_random_seed(1)
            model = build_transformer_model(CONFIG, with_mlm="linear", recompute=recompute)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=jit)
            losses.append([float(model.train_on_batch(x, y)) for _ in range(3)])
            trained_weights.append([numpy(w.value) for w in model.trainable_variables])
    finally:
        keras.config.set_dtype_policy(before)
    tolerance = {"float32": 2e-6, "mixed_bfloat16": 2e-2, "mixed_float16": 2e-3}[policy]
    np.testing.assert_allclose(*losses, rtol=tolerance)
    for again, plain in zip(*trained_weights):
        np.testing.assert_allclose(again, plain, atol=tolerance)


def test_the_switch_is_the_argument_or_the_environment(monkeypatch):
    calls = []
    monkeypatch.setattr(
        sys.modules["kerasx.backend.recompute"],
        "recompute",
        lambda function, inputs, weights: calls.append(1) or function(inputs, weights),
    )
    for argument, variable, wanted in [
        (None, None, 0),
        (None, "0", 0),
        (None, "1", 1),
        (True, None, 1),
        (False, "1", 0),
    ]:
        calls.clear()
        monkeypatch.delenv("RECOMPUTE", raising=False)
        if variable is not None:
            monkeypatch.setenv("RECOMPUTE", variable)
        layers.FeedForward(4, recompute=argument)(np.ones((1, 2, 3), "float32"))
        assert len(calls) == wanted


def test_the_argument_survives_saving(tmp_path):
    model = build_transformer_model(CONFIG, recompute=True)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.get_layer("Transformer-0-FeedForward").recompute is True
