"""What each backend offers on one device, and what it refuses."""

import contextlib
import json

import keras
import numpy as np
import pytest

from kerasx.distribution import (
    check_layouts,
    data_parallel,
    fully_sharded,
    model_parallel,
    prepare,
)
from kerasx.optimizers import extend_with_gradient_accumulation

BACKEND = keras.backend.backend()
only = pytest.mark.skipif


def dense():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


@only(BACKEND == "jax", reason="JAX can")
@pytest.mark.parametrize("context", [fully_sharded, model_parallel])
def test_a_backend_that_cannot_cut_weights_says_what_can(context):
    with pytest.raises(ValueError, match=f"`{context.__name__}` needs .*jax.*data_parallel works"):
        context()


@only(BACKEND != "tensorflow", reason="of TensorFlow's workers")
def test_several_workers_of_tensorflow_are_refused(monkeypatch):
    cluster = {"chief": ["host0:1"], "worker": ["host1:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"index": 0}}))
    with pytest.raises(ValueError, match="`TF_CONFIG` must name one worker.*jax, or torch"):
        data_parallel()


def test_a_model_that_is_prepared_twice_trains_as_before():
    x, y = np.ones((4, 4), "float32"), np.ones((4, 3), "float32")
    losses = []
    for times in (0, 1, 2):
        keras.utils.set_random_seed(0)
        model = dense()
        for _ in range(times):
            assert prepare(model) is model
        losses.append([model.train_on_batch(x, y) for _ in range(3)])
        model.predict(x, verbose=0)
    np.testing.assert_allclose(losses[1:], [losses[0]] * 2, rtol=1e-6)


def test_the_table_has_weights_and_slots():
    model = dense()
    model.optimizer.build(model.trainable_variables)
    table = check_layouts(model)
    assert table[0] == ("scores/kernel", (4, 3), (None, None), 48, "one device")
    assert table.bytes == sum(row.bytes for row in table) > 60
    lines = str(table).splitlines()
    assert len(lines) == 5 and "slots of the optimizer" in lines[3] and str(table.bytes) in lines[4]


def test_accumulation_on_the_one_device_of_a_context_is_as_outside():
    x, y = np.ones((4, 4), "float32"), np.ones((4, 3), "float32")
    found = []
    for context in (contextlib.nullcontext, lambda: data_parallel(devices=1)):
        keras.utils.set_random_seed(0)
        with context():
            model = dense()
            adam = extend_with_gradient_accumulation(keras.optimizers.Adam)(grad_accum_steps=2)
            model.compile(adam, "mse")
            model = prepare(model)
            model.fit(x, y, batch_size=1, shuffle=False, verbose=0)
        found.append(keras.ops.convert_to_numpy(model.weights[0]))
    np.testing.assert_allclose(*found, rtol=1e-6)
