"""BART equals transformers on folders that save_pretrained wrote."""

import json

import keras
import numpy as np
import pytest
import torch

from kerasx.models import build_transformer_model
from tests.parity.encoder_decoder import (
    SOURCES,
    TARGETS,
    assert_same,
    assert_same_generation,
    padded,
    reference,
)

CONFIG = {
    "vocab_size": 30,
    "d_model": 16,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "max_position_embeddings": 12,
    "init_std": 0.4,
}
# {case: (head, its differences from CONFIG)}
CASES = {
    "logits": ("BartForConditionalGeneration", {}),
    "vectors": ("BartModel", {}),
    "chinese": ("BartForConditionalGeneration", {"pad_token_id": 0, "decoder_start_token_id": 3}),
}


def saved(case, folder):
    """Write the reference of a case to the folder, and return it."""
    head, options = CASES[case]
    model = reference(head, "BartConfig", **CONFIG, **options)
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("case", CASES)
def test_a_saved_folder_gives_the_same_outputs(case, tmp_path):
    model = saved(case, tmp_path / case)
    pad = model.config.pad_token_id
    assert_same(tmp_path / case, model, [padded(SOURCES, pad), padded(TARGETS, pad)], pad)


def test_the_encoder_of_a_whole_model_loads_when_asked_for(tmp_path):
    model = saved("logits", tmp_path)
    source = padded(SOURCES, 1)
    with torch.no_grad():
        mask = torch.tensor(source != 1).long()
        expected = model.model.encoder(torch.tensor(source), attention_mask=mask)[0].numpy()
    encoder = build_transformer_model(str(tmp_path), model="bart_encoder")
    got = keras.ops.convert_to_numpy(encoder(source))
    np.testing.assert_allclose(got[source != 1], expected[source != 1], atol=1e-4)


def test_kept_tokens_cut_the_table_and_the_bias(tmp_path):
    saved("logits", tmp_path)
    keep = np.array([0, 1, 2, 7, 3, 9])
    whole = build_transformer_model(str(tmp_path))
    cut = build_transformer_model(str(tmp_path), keep_tokens=keep.tolist())
    source, target = np.array([[5, 3, 2]]), np.array([[2, 4]])
    expected = keras.ops.convert_to_numpy(whole([keep[source], keep[target]]))[..., keep]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(cut([source, target])), expected, atol=1e-5
    )


def test_a_written_folder_is_read_by_transformers(tmp_path):
    model = saved("logits", tmp_path)
    builder = build_transformer_model(str(tmp_path), return_keras_model=False)
    builder.save_weights_as_checkpoint(tmp_path / "model.safetensors", names="huggingface")
    again = type(model).from_pretrained(tmp_path)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)


@pytest.mark.parametrize(
    "key, value",
    [("normalize_before", True), ("scale_embedding", True), ("decoder_ffn_dim", 8)],
)
def test_a_configuration_that_means_another_graph_is_refused(key, value, tmp_path):
    saved("logits", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(ValueError, match=f"`{key}` must"):
        build_transformer_model(str(tmp_path))


def test_generated_sequences_are_those_of_transformers(tmp_path):
    model = saved("logits", tmp_path)
    assert_same_generation(
        tmp_path, model, model.config.decoder_start_token_id, model.config.pad_token_id
    )
