"""Models leave Python: traces of PyTorch and ONNX files take any batch and length."""

import keras
import numpy as np
import pytest

from kerasx.models import build_transformer_model
from tests.models.families import FAMILIES

SHAPES = ((1, 3), (4, 9))
pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="exported from PyTorch")


def built(name):
    """Return a tiny model and a function from a shape to random inputs, the last row padded."""
    row = FAMILIES[name]
    model = build_transformer_model(row.options(), model=name)

    def inputs(shape):
        tokens = np.random.default_rng(0).integers(3, 24, shape).astype("int32")
        tokens[-1, 2:] = row.pad_id
        return [tokens, np.zeros_like(tokens)][: len(model.inputs)]

    return model, inputs


def outputs(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs if inputs[1:] else inputs[0]))


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2"])
def test_a_trace_takes_any_batch_and_length(name):
    import torch

    model, inputs = built(name)

    class Flat(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *tensors):
            return self.model(list(tensors) if tensors[1:] else tensors[0])

    sample = tuple(map(torch.tensor, inputs((2, 5))))
    traced = torch.jit.trace(Flat(), sample, check_trace=False)
    for shape in SHAPES:
        got = traced(*map(torch.tensor, inputs(shape))).detach().numpy()
        np.testing.assert_allclose(got, outputs(model, inputs(shape)), atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2"])
def test_an_onnx_file_gives_the_outputs_of_the_model(name, tmp_path):
    pytest.importorskip("onnx", reason="Keras writes ONNX files with the package onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, inputs = built(name)
    outputs(model, inputs((1, 3)))
    model.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    names = [x.name for x in session.get_inputs()]
    for shape in SHAPES:
        (got,) = session.run(None, dict(zip(names, inputs(shape), strict=True)))
        np.testing.assert_allclose(got, outputs(model, inputs(shape)), atol=1e-5)
