"""kerasx equals bert4keras on the same weights, option by option."""

import json
import os

import keras
import numpy as np
import pytest

from kerasx.models import build_transformer_model
from tests.parity.make_bert4keras_reference import CASES, arguments

PATH = os.path.join(os.path.dirname(__file__), "bert4keras.npz")
REFERENCE = np.load(PATH, allow_pickle=False)
STORED = json.loads(str(REFERENCE["cases"]))


def test_the_reference_holds_every_case_of_its_maker():
    assert {name: case["arguments"] for name, case in STORED.items()} == CASES


@pytest.mark.parametrize("name", STORED)
def test_outputs_equal_those_of_bert4keras(name, record_property):
    options = arguments(STORED[name]["arguments"])
    if "layer_norm_cond" in options:
        condition = keras.Input((options["layer_norm_cond"],), name="Condition")
        options.update(layer_norm_cond=condition, additional_input_layers=condition)
    builder = build_transformer_model(return_keras_model=False, **options)
    tensors = {key.split(":")[0]: REFERENCE[f"tensor/{key}"] for key in STORED[name]["tensors"]}
    conditions = {k: tensors.pop(k) for k in list(tensors) if "/condition_" in k}
    builder.load_weights_from_checkpoint(tensors)
    for key, value in conditions.items():
        layer, i = key.split("/condition_")
        builder.layers[layer].weights[2 + int(i)].assign(value)

    inputs = [REFERENCE[f"{name}/input_{i}"] for i in range(len(builder.inputs))]
    outputs = builder.model(inputs if len(inputs) > 1 else inputs[0])
    outputs = keras.tree.flatten(outputs)
    expected = [REFERENCE[f"{name}/output_{i}"] for i in range(len(outputs))]
    assert f"{name}/output_{len(outputs)}" not in REFERENCE
    ours = [keras.ops.convert_to_numpy(x) for x in outputs]
    error = max(np.abs(x - y).max() for x, y in zip(ours, expected))
    record_property("largest_error", float(error))
    print(f"{keras.backend.backend()} {name}: largest error {error:.1e}")
    for x, y in zip(ours, expected):
        np.testing.assert_allclose(x, y, atol=1e-4, rtol=1e-4)
