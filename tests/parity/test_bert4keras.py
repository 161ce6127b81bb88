"""kerasx equals bert4keras on the same weights, model by model, option by option."""

import functools
import json
import os

import keras
import numpy as np
import pytest

from kerasx.models import build_transformer_model
from tests.parity.bert4keras_cases import CASES, arguments
from tests.parity.record import record

FOLDER = os.path.join(os.path.dirname(__file__), "bert4keras")


@functools.cache
def reference(model):
    """Return (arrays, {case: its arguments and tensor keys}) of a model's stored file."""
    with np.load(os.path.join(FOLDER, f"{model}.npz"), allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(str(arrays["cases"]))


@pytest.mark.parametrize("model", CASES)
def test_the_reference_holds_the_table(model):
    made = {name: arguments(model, case) for name, case in CASES[model].items()}
    stored = {name: case["arguments"] for name, case in reference(model)[1].items()}
    assert stored == json.loads(json.dumps(made))


@pytest.mark.parametrize("model, name", [(m, name) for m in CASES for name in CASES[m]])
def test_outputs_equal_those_of_bert4keras(model, name):
    arrays, cases = reference(model)
    options = arguments(model, CASES[model][name])
    if "layer_norm_cond" in options:
        condition = keras.Input((options["layer_norm_cond"],), name="Condition")
        options.update(layer_norm_cond=condition, additional_input_layers=condition)
    builder = build_transformer_model(model=model, return_keras_model=False, **options)
    tensors = {key.split(":")[0]: arrays[f"tensor/{key}"] for key in cases[name]["tensors"]}
    conditions = {k: tensors.pop(k) for k in list(tensors) if "/condition_" in k}
    builder.load_weights_from_checkpoint(tensors)
    for key, value in conditions.items():
        layer, i = key.split("/condition_")
        norm = builder.layers[layer]
        norm.weights[norm.offset + norm.scale + int(i)].assign(value)

    inputs = [arrays[f"{name}/input_{i}"] for i in range(len(builder.inputs))]
    outputs = keras.tree.flatten(builder.model(inputs if len(inputs) > 1 else inputs[0]))
    expected = [arrays[f"{name}/output_{i}"] for i in range(len(outputs))]
    assert f"{name}/output_{len(outputs)}" not in arrays
    ours = [keras.ops.convert_to_numpy(x) for x in outputs]
    if "t5" in model and not model.endswith("_encoder"):
        # bert4keras hides a padding id from itself in the decoder, transformers does not
        real = inputs[1] != 0
        assert real.sum() > 12
        ours, expected = ([x[real] for x in arrays] for arrays in (ours, expected))
    error = max(np.abs(x - y).max() for x, y in zip(ours, expected))
    record(error)
    for x, y in zip(ours, expected):
        np.testing.assert_allclose(x, y, atol=1e-4, rtol=1e-4)
