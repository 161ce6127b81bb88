"""ModernBERT equals transformers on folders that save_pretrained wrote."""

import json

import keras
import numpy as np
import pytest
import torch

from kerasx.models import build_transformer_model
from tests.parity.record import record
from tests.parity.reference import random_model

CONFIG = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "initializer_range": 0.4,
    "pad_token_id": 1,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "cls_token_id": 2,
    "sep_token_id": 3,
    "local_attention": 6,
}
TOKENS = np.array(
    [[2, 5, 7, 9, 0, 4, 11, 17, 6, 8, 21, 30], [2, 8, 3, 12, 13, 4, 5, 1, 1, 1, 1, 1]]
)


def reference(architecture, **config):
    return random_model(architecture, {**CONFIG, **config})


def expected_of(model):
    real = TOKENS != CONFIG["pad_token_id"]
    with torch.no_grad():
        out = model(torch.tensor(TOKENS), attention_mask=torch.tensor(real).long())
    return out[0].numpy()[real]


def difference(source, expected, **options):
    """Return the largest difference between the model with these options and `expected`."""
    got = keras.ops.convert_to_numpy(build_transformer_model(str(source), **options)(TOKENS))
    error = np.abs(got[TOKENS != CONFIG["pad_token_id"]] - expected).max()
    return error


def error_of(source, expected, **options):
    """Record and return the difference of models that ought to be equal."""
    error = difference(source, expected, **options)
    record(error)
    return error


@pytest.mark.parametrize("architecture", ["ModernBertModel", "ModernBertForMaskedLM"])
def test_a_saved_folder_gives_the_same_outputs(architecture, tmp_path):
    model = reference(architecture, classifier_activation="relu")
    model.save_pretrained(tmp_path)
    assert error_of(tmp_path, expected_of(model)) < 1e-4


def test_the_window_and_its_rotations_count(tmp_path):
    """The outputs are others where local blocks are full, or turn as full ones do."""
    model = reference("ModernBertModel")
    model.save_pretrained(tmp_path)
    expected = expected_of(model)
    assert difference(tmp_path, expected, layer_types=["full_attention"] * 4) > 0.1
    assert difference(tmp_path, expected, local_rope_theta=160000) > 1e-3


def test_a_configuration_of_the_first_release_is_understood(tmp_path):
    """Before transformers 5 it named the bases and the period of the full blocks."""
    model = reference("ModernBertForMaskedLM")
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["rope_parameters"], config["layer_types"]
    config |= {"global_rope_theta": 160000.0, "local_rope_theta": 10000.0}
    config |= {"global_attn_every_n_layers": 3, "layer_norm_eps": 1e-5}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert error_of(tmp_path, expected_of(model)) < 1e-4


def test_the_encoder_of_a_model_with_a_head_loads_when_asked_for(tmp_path):
    model = reference("ModernBertForMaskedLM")
    model.save_pretrained(tmp_path)
    assert error_of(tmp_path, expected_of(model.model), application="encoder") < 1e-4


def test_weights_written_under_hugging_faces_names_are_those_read(tmp_path):
    from safetensors.numpy import load_file

    reference("ModernBertForMaskedLM").save_pretrained(tmp_path)
    builder = build_transformer_model(str(tmp_path), return_keras_model=False)
    builder.save_weights_as_checkpoint(tmp_path / "ours.safetensors", names="huggingface")
    theirs, ours = (load_file(tmp_path / f"{name}.safetensors") for name in ("model", "ours"))
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name]).all() for name in ours)


@pytest.mark.parametrize("key, value", [("norm_bias", True), ("rope_scaling", {"factor": 2})])
def test_a_configuration_that_means_another_graph_is_refused(key, value, tmp_path):
    reference("ModernBertModel").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(ValueError, match="must be"):
        build_transformer_model(str(tmp_path))
