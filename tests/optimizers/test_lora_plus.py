"""LoRA+: B learns `ratio` times as fast as A."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import (
    extend_with_gradient_accumulation,
    extend_with_parameter_wise_lr,
    lora_plus,
)

Adam, SGD = keras.optimizers.Adam, keras.optimizers.SGD


def lora_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(11, 6, name="embedding"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(3, name="dense"),
        ]
    )
    for layer in (model.layers[0], model.layers[2]):
        layer.enable_lora(2)
    return model


def data():
    random = np.random.default_rng(0)
    return random.integers(0, 11, (12, 4)), random.normal(size=(12, 3))


def fitted(optimizer, batch_size=4):
    model, (x, y) = lora_model(), data()
    model.compile(optimizer, "mse")
    model.fit(x, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
    return [ops.convert_to_numpy(v) for v in model.trainable_variables]


@pytest.mark.parametrize("cls, decay", [(SGD, None), (Adam, None), (Adam, 0.1)])
def test_it_equals_an_optimizer_for_each_group(cls, decay):
    groups = keras.optimizers.OptimizerMap(cls(0.01, weight_decay=decay))
    groups[".*lora_(kernel|embeddings)_b"] = cls(0.08, weight_decay=decay)
    expected = fitted(keras.optimizers.MultiOptimizer(groups))
    for a, b in zip(fitted(lora_plus(cls(0.01, weight_decay=decay), ratio=8)), expected):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_it_composes_with_accumulation_and_clipping_over_all_variables():
    accumulating = extend_with_gradient_accumulation(SGD)
    settings = dict(learning_rate=0.1, global_clipnorm=0.1)
    small = fitted(lora_plus(accumulating, 4, grad_accum_steps=3, **settings))
    big = fitted(lora_plus(SGD, 4, **settings), batch_size=12)
    for a, b in zip(small, big):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_class_and_instance_make_the_same_optimizer_and_it_survives_a_file():
    one, other = lora_plus(Adam, 4, learning_rate=0.5), lora_plus(Adam(0.5), 4)
    config = {**other.get_config(), "name": one.name}
    assert type(one) is type(other) and one.get_config() == config
    again = keras.optimizers.deserialize(keras.optimizers.serialize(one))
    assert type(again) is type(one) and again.get_config() == one.get_config()


def test_an_extended_instance_keeps_its_settings_and_factors():
    cls = extend_with_parameter_wise_lr(extend_with_gradient_accumulation(Adam))
    optimizer = lora_plus(
        cls(0.5, grad_accum_steps=3, paramwise_lr_schedule={"embedding": 0.1}), ratio=4
    )
    assert type(optimizer) is cls and optimizer.grad_accum_steps == 3
    optimizer.build(lora_model().trainable_variables)
    factors = {v.path: f for v, f in zip(optimizer._trainable_variables, optimizer._factors)}
    by_end = {path.split("/")[-1]: f for path, f in factors.items()}
    assert by_end["lora_embeddings_a"] == 0.1 and by_end["lora_embeddings_b"] == 0.4
    assert by_end["lora_kernel_a"] == 1 and by_end["lora_kernel_b"] == 4


def test_without_lora_it_says_so():
    dense = keras.layers.Dense(2)
    dense.build((None, 3))
    with pytest.raises(ValueError, match="must match paths of variables.*dense"):
        lora_plus(Adam(0.1)).build(dense.trainable_variables)


@pytest.mark.parametrize("ratio", [0, -1, None, True, "16"])
def test_the_ratio_must_be_positive(ratio):
    with pytest.raises(ValueError, match="`ratio` must be a finite number above 0"):
        lora_plus(Adam, ratio)


def test_it_takes_a_class_or_an_optimizer_that_is_not_built():
    built = Adam(0.1)
    built.build([keras.Variable(0.0)])
    for bad, settings in [(built, {}), ("adam", {}), (Adam(0.1), {"epsilon": 1e-3})]:
        with pytest.raises(ValueError, match="`optimizer` must be a class"):
            lora_plus(bad, **settings)
