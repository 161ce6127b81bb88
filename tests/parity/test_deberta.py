"""DeBERTa-v2 and v3 equal transformers on folders that save_pretrained wrote."""

import keras
import numpy as np
import pytest
import torch

from kerasx.layers.disentangled_attention import log_buckets
from kerasx.models import build_transformer_model
from tests.parity.record import record
from tests.parity.reference import SIZES, random_model

CONFIG = {**SIZES, "max_position_embeddings": 16}
V2 = {
    "relative_attention": True,
    "pos_att_type": "p2c|c2p",
    "position_buckets": 6,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
}
CONFIGS = {
    "absolute": {"type_vocab_size": 2},
    "v3": V2,
    "v2-xlarge": V2 | {"conv_kernel_size": 3, "conv_act": "gelu"},
    "every distance": V2 | {"position_buckets": -1, "max_relative_positions": 5},
    "own projections": V2 | {"share_att_key": False, "norm_rel_ebd": "none"},
    "c2p": V2 | {"share_att_key": False, "pos_att_type": ["c2p"], "position_biased_input": True},
    "p2c": V2 | {"share_att_key": False, "pos_att_type": ["p2c"]},
}
TOKENS = np.array(
    [[2, 5, 7, 9, 3, 4, 11, 17, 6, 8, 21, 30], [2, 8, 3, 12, 13, 4, 5, 0, 0, 0, 0, 0]]
)
SEGMENTS = np.array([[0] * 5 + [1] * 7, [0] * 3 + [1] * 4 + [0] * 5])


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


def error_of(source, expected, **options):
    model = build_transformer_model(str(source), **options)
    got = model([TOKENS, SEGMENTS] if len(model.inputs) > 1 else TOKENS)
    error = np.abs(keras.ops.convert_to_numpy(got)[TOKENS != 0] - expected).max()
    record(error)
    return error


@pytest.mark.parametrize("name", CONFIGS)
def test_a_saved_encoder_gives_the_same_outputs(name, tmp_path):
    model = reference("DebertaV2Model", **CONFIGS[name])
    model.save_pretrained(tmp_path)
    assert error_of(tmp_path, expected_of(model)) < 1e-4


@pytest.mark.parametrize("legacy", [True, False])
def test_both_token_outputs_give_the_same_scores(legacy, tmp_path):
    model = reference("DebertaV2ForMaskedLM", **V2, legacy=legacy)
    model.save_pretrained(tmp_path)
    assert error_of(tmp_path, expected_of(model)) < 1e-4


def test_the_encoder_of_a_model_with_a_head_loads_when_asked_for(tmp_path):
    model = reference("DebertaV2ForMaskedLM", **V2, legacy=False)
    model.save_pretrained(tmp_path)
    assert error_of(tmp_path, expected_of(model.deberta), application="encoder") < 1e-4


def test_weights_written_under_hugging_faces_names_are_those_read(tmp_path):
    from safetensors.numpy import load_file

    reference("DebertaV2ForMaskedLM", **CONFIGS["own projections"]).save_pretrained(tmp_path)
    builder = build_transformer_model(str(tmp_path), return_keras_model=False)
    builder.save_weights_as_checkpoint(tmp_path / "ours.safetensors", names="huggingface")
    theirs, ours = (load_file(tmp_path / f"{name}.safetensors") for name in ("model", "ours"))
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name]).all() for name in ours)


@pytest.mark.parametrize("buckets, reach", [(256, 512), (6, 16), (64, 300), (0, 512)])
def test_buckets_are_the_references(buckets, reach):
    from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

    distances = np.arange(1 - reach, reach)
    expected = torch.tensor(distances)
    if buckets:
        expected = make_log_bucket_position(expected, buckets, reach).long()
    np.testing.assert_array_equal(log_buckets(distances, buckets, reach), expected.numpy())
