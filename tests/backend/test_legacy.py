"""K computes what it did in Keras 2, on values and in the graph of a model."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.backend import K, output_at, set_gelu
from kerasx.backend.legacy_gone import INSTEAD
from kerasx.models import build_transformer_model, save_pretrained
from tests.backend.legacy_table import EAGER_ONLY, IDS, ROWS, X

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def check(got, row):
    np.testing.assert_allclose(ops.convert_to_numpy(got), row.value, rtol=2e-4, atol=1e-5)


@each_row
def test_a_function_of_values(row):
    check(row.call(K, *map(ops.convert_to_tensor, row.inputs)), row)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.function not in EAGER_ONLY], ids=lambda row: row.name
)
def test_a_function_of_symbolic_tensors(row):
    inputs = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in row.inputs]
    model = keras.Model(inputs, row.call(K, *inputs))
    check(model([ops.convert_to_tensor(x) for x in row.inputs]), row)


def test_the_values_of_tensors_and_variables_are_numpy_arrays_of_their_own():
    x = ops.convert_to_tensor(X)
    value = K.eval(x)
    value[:] = 0  # writable, and not the tensor's memory
    assert (K.get_value(x) == X).all() and isinstance(K.eval(ops.sum(x)), np.float32)
    assert K.batch_get_value([x, K.variable(2.0)])[1] == 2 and K.eval(3) == 3
    with pytest.raises(ValueError, match="keras.Model"):
        K.eval(keras.Input((2,)))


def test_variables_are_set_added_to_and_averaged():
    optimizer = keras.optimizers.Adam(0.1)
    K.set_value(optimizer.learning_rate, 0.5)
    x = K.variable(np.ones(2), name="x", constraint=keras.constraints.NonNeg())
    K.batch_set_value([(x, [2, 3])])
    assert K.get_value(optimizer.learning_rate) == 0.5 and K.dtype(x) == "float32"
    assert K.eval(K.update_add(x, 1)).tolist() == [3, 4]
    assert K.eval(K.update_sub(x, 2)).tolist() == [1, 2]
    assert K.eval(K.moving_average_update(x, np.array([3, 0]), 0.5)).tolist() == [2, 1]
    with pytest.raises(ValueError, match="`x` must be a variable"):
        K.set_value(X, 0)


def test_shapes_are_tuples_that_multiply_and_slice():
    x = keras.Input((3, 4), dtype="int32")
    assert K.int_shape(x) == (None, 3, 4) and K.ndim(x) == 3 and K.dtype(x) == "int32"
    assert K.prod(K.shape(ops.convert_to_tensor(X))[1:]) == 12 and K.count_params(X) == 24
    assert K.int_shape(K.reshape(X, (2, -1), 2)) == (2, 3, 2, 2)
    assert K.int_shape(K.flatten(X, 1)) == (2, 12)


def test_tensors_are_made_of_floatx():
    made = [K.zeros((2, 2), name="z"), K.ones((2, 2)), K.eye(2), K.constant(3, shape=(2, 2))]
    assert {K.dtype(x) for x in made} == {K.floatx()} and K.eval(made[3]).tolist() == [[3, 3]] * 2
    assert K.eval(K.constant([1, 2, 3, 4], shape=(2, 2))).tolist() == [[1, 2], [3, 4]]
    assert K.eval(K.arange(-3)).tolist() == [] and K.eval(K.arange(1, 7, 2)).tolist() == [1, 3, 5]
    assert K.dtype(K.arange(2, dtype="float32")) == "float32" and K.dtype(K.arange(2)) == "int32"
    assert K.eval(K.where(X > 0, 1.0, 0)).tolist() == (X > 0).tolist()


def test_ids_may_be_floats_as_the_inputs_of_old_models():
    ids = IDS.astype("float32")
    assert (K.eval(K.gather(X[0].T, ids)) == X[0].T[IDS]).all()
    assert (K.eval(K.one_hot(ids, 4)) == np.eye(4)[IDS]).all()


@pytest.mark.parametrize(
    "draw, mean",
    [
        (lambda: K.random_normal((4000,), 1.0, 0.5), 1),
        (lambda: K.truncated_normal((4000,), 1.0, 0.5), 1),
        (lambda: K.random_uniform((4000,), 0.0, 4.0), 2),
        (lambda: K.random_uniform((4000,), 0, 5, dtype="int32"), 2),
        (lambda: K.random_binomial((4000,), p=0.25), 0.25),
        (lambda: K.dropout(K.ones((4000,)), 0.5), 1),
    ],
)
def test_random_numbers_repeat_under_a_seed(draw, mean):
    keras.utils.set_random_seed(1)
    first, second = K.eval(draw()), K.eval(draw())
    keras.utils.set_random_seed(1)
    assert (K.eval(draw()) == first).all() and (first != second).any()
    assert first.mean() == pytest.approx(mean, abs=0.1)


class Doubled(keras.layers.Layer):
    """A layer in the way of Keras 2, whose `call` does not take the phase."""

    def call(self, inputs):
        return K.in_train_phase(inputs * 2, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


def test_a_layer_knows_the_phase_without_asking_for_it():
    x = keras.Input((4,))
    inner = keras.Model(x, Doubled()(x))
    model, data = keras.Model(x, inner(x)), np.ones((2, 4), "float32")
    assert K.eval(model(data, training=True)).max() == 2 and K.eval(model(data)).max() == 1
    model.compile(keras.optimizers.SGD(0.0), "mae")
    assert model.train_on_batch(data, data) == pytest.approx(1)
    assert model.predict(data, verbose=0).max() == 1


def test_function_computes_layers_of_a_model():
    x, y = keras.Input((4,)), keras.Input((4,))
    f = K.function([x, y], [x + y, x * y])
    total, product = f([[[1, 2, 3, 4]], np.ones((1, 4))])
    assert total.tolist() == [[2, 3, 4, 5]] and product.tolist() == [[1, 2, 3, 4]]
    assert K.function([x], [x * 2])([np.ones((1, 4))])[0].tolist() == [[2] * 4]
    with pytest.raises(ValueError, match="`updates` must be empty"):
        K.function([x], [y], updates=[1])


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_what_is_gone_says_what_to_write_instead(name):
    with pytest.raises(AttributeError, match=f"K.{name} is gone in Keras 3: .+"):
        getattr(K, name)


def test_other_names_are_those_of_keras_or_none():
    assert K.epsilon is keras.backend.epsilon and K.einsum is ops.einsum
    with pytest.raises(AttributeError, match="K has no 'sumo'"):
        K.sumo  # noqa: B018


def test_output_at_finds_each_call_of_a_layer():
    layer = keras.layers.Dense(2, name="d")
    outputs = [layer(keras.Input((3,))) for _ in range(3)]
    for i in range(-3, 3):
        assert output_at(layer, np.int64(i)) is outputs[i]
    with pytest.raises(ValueError, match="`index` must be one of the 3 calls of `d`"):
        output_at(layer, 3)
    lstm = keras.layers.LSTM(2, return_state=True)
    parts = lstm(keras.Input((3, 2)))
    assert [a is b for a, b in zip(output_at(lstm, 0), parts)] == [True] * 3


CONFIG = {
    "vocab_size": 9,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 8,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "initializer_range": 1.0,
}


def test_set_gelu_chooses_for_models_to_come_and_is_written_into_them(tmp_path):
    exact = build_transformer_model(CONFIG)
    try:
        set_gelu("TANH")
        chosen = build_transformer_model(CONFIG)
        gated = build_transformer_model({**CONFIG, "hidden_act": ["gelu", "linear"]})
        chosen.set_weights(exact.get_weights())
        chosen.save(tmp_path / "m.keras")
        save_pretrained(chosen, tmp_path / "folder")
        inputs = [IDS, IDS * 0]
        values = K.eval(chosen(inputs)), K.eval(exact(inputs))
    finally:
        set_gelu("erf")
    assert 1e-5 < np.abs(values[0] - values[1]).max() < 1e-2
    assert gated.builder.hidden_act == ["gelu_tanh", "linear"]
    assert '"hidden_act": "gelu_new"' in (tmp_path / "folder" / "config.json").read_text()
    for loaded in (
        keras.models.load_model(tmp_path / "m.keras"),
        build_transformer_model(tmp_path / "folder"),
    ):
        np.testing.assert_allclose(K.eval(loaded(inputs)), values[0], atol=1e-6)
    with pytest.raises(ValueError, match="`version` must be one of 'erf', 'tanh'"):
        set_gelu("exact")
