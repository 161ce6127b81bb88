"""RoFormer equals transformers on folders that save_pretrained wrote."""

import keras
import numpy as np
import pytest
import torch

from kerasx.models import build_transformer_model
from tests.parity.record import record
from tests.parity.reference import SIZES, random_model

CONFIG = SIZES
TOKENS = np.array([[2, 5, 7, 9, 3], [2, 8, 3, 0, 0]])
SEGMENTS = np.array([[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]])


def reference(architecture, **config):
    return random_model(architecture, {**CONFIG, **config})


def expected_of(model):
    with torch.no_grad():
        out = model(
            torch.tensor(TOKENS),
            attention_mask=torch.tensor(TOKENS != 0).long(),
            token_type_ids=torch.tensor(SEGMENTS),
        )
    return out[0].numpy()[TOKENS != 0]


@pytest.mark.parametrize("embedding_size", [None, 8])
@pytest.mark.parametrize(
    "architecture", ["RoFormerModel", "RoFormerForMaskedLM", "RoFormerForCausalLM"]
)
def test_a_saved_folder_gives_the_same_outputs(architecture, embedding_size, tmp_path):
    config = {"is_decoder": True} if architecture == "RoFormerForCausalLM" else {}
    model = reference(architecture, embedding_size=embedding_size, **config)
    model.save_pretrained(tmp_path)
    ours = build_transformer_model(str(tmp_path))
    got = keras.ops.convert_to_numpy(ours([TOKENS, SEGMENTS]))[TOKENS != 0]
    error = np.abs(got - expected_of(model)).max()
    record(error)
    assert error < 1e-4


def test_rotated_values_are_refused(tmp_path):
    reference("RoFormerModel", rotary_value=True).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="`rotary_value` must be False"):
        build_transformer_model(str(tmp_path))
