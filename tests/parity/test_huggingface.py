"""kerasx equals transformers on folders that save_pretrained wrote, loaded without torch."""

import json
import os

import keras
import numpy as np
import pytest
import torch

from kerasx.models import build_transformer_model
from tests.parity.record import record
from tests.parity.reference import SIZES, random_model

CONFIG = SIZES
OUTPUTS = {
    "BertModel": ["last_hidden_state"],
    "BertForMaskedLM": ["logits"],
    "BertLMHeadModel": ["logits"],
    "BertForNextSentencePrediction": ["logits"],
    "BertForPreTraining": ["seq_relationship_logits", "prediction_logits"],
    "BertForSequenceClassification": ["logits"],
    "BertForTokenClassification": ["logits"],
}
TOKENS = np.array([[2, 5, 7, 9, 3], [2, 8, 3, 0, 0]])
SEGMENTS = np.array([[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]])


def reference(architecture):
    decoder = {"is_decoder": True} if architecture == "BertLMHeadModel" else {}
    return random_model(architecture, {**CONFIG, **decoder})


def outputs_of(model, names):
    with torch.no_grad():
        out = model(
            torch.tensor(TOKENS),
            attention_mask=torch.tensor(TOKENS != 0).long(),
            token_type_ids=torch.tensor(SEGMENTS),
        )
    return [out[name].float().numpy() for name in names]


def assert_same(folder, expected, tolerance=1e-4):
    """Assert that the folder's model gives the expected outputs, at the real tokens."""
    got = keras.tree.flatten(build_transformer_model(str(folder))([TOKENS, SEGMENTS]))
    got = [keras.ops.convert_to_numpy(x) for x in got]
    assert len(got) == len(expected)
    real = TOKENS != 0
    pairs = [(x[real], y[real]) if x.ndim == 3 else (x, y) for x, y in zip(got, expected)]
    error = max(np.abs(x - y).max() for x, y in pairs)
    record(error)
    assert error < tolerance


@pytest.mark.parametrize("architecture", OUTPUTS)
def test_a_saved_folder_gives_the_same_outputs(architecture, tmp_path):
    folder = tmp_path / architecture
    model = reference(architecture)
    model.save_pretrained(folder)
    assert_same(folder, outputs_of(model, OUTPUTS[architecture]))


def test_a_sharded_folder_gives_the_same_outputs(tmp_path):
    model = reference("BertForMaskedLM")
    model.save_pretrained(tmp_path / "sharded", max_shard_size="8KB")
    assert len(list((tmp_path / "sharded").glob("model-*-of-*.safetensors"))) > 1
    assert_same(tmp_path / "sharded", outputs_of(model, ["logits"]))


def test_a_bfloat16_folder_is_computed_in_float32_on_the_stored_values(tmp_path):
    model = reference("BertForMaskedLM").to(torch.bfloat16)
    model.save_pretrained(tmp_path / "bfloat16")
    assert_same(tmp_path / "bfloat16", outputs_of(model.float(), ["logits"]))


def test_a_torch_file_gives_the_same_outputs(tmp_path):
    model = reference("BertForPreTraining")
    model.save_pretrained(tmp_path)
    os.remove(tmp_path / "model.safetensors")
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    assert_same(tmp_path, outputs_of(model, OUTPUTS["BertForPreTraining"]))


def test_the_backbone_of_a_model_with_heads_loads_when_asked_for(tmp_path):
    model = reference("BertForPreTraining")
    model.save_pretrained(tmp_path)
    encoder = build_transformer_model(str(tmp_path), application="encoder")
    expected = outputs_of(model.bert, ["last_hidden_state"])[0]
    real = TOKENS != 0
    got = keras.ops.convert_to_numpy(encoder([TOKENS, SEGMENTS]))
    np.testing.assert_allclose(got[real], expected[real], atol=1e-4)


@pytest.mark.parametrize("head", ["BertForMultipleChoice", "BertForQuestionAnswering"])
def test_a_head_that_we_do_not_have_is_refused_with_what_to_do(head, tmp_path, caplog):
    model = reference(head)
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"say what to build: application=.*{head}"):
        build_transformer_model(str(tmp_path))
    encoder = build_transformer_model(str(tmp_path), application="encoder")
    (line,) = caplog.messages
    assert "classifier.bias" in line or "qa_outputs.bias" in line
    expected = outputs_of(model.bert, ["last_hidden_state"])[0]
    got = keras.ops.convert_to_numpy(encoder([TOKENS, SEGMENTS]))
    np.testing.assert_allclose(got[TOKENS != 0], expected[TOKENS != 0], atol=1e-4)


@pytest.mark.parametrize(
    "key, value", [("tie_word_embeddings", False), ("position_embedding_type", "relative_key")]
)
def test_a_configuration_that_means_another_graph_is_refused(key, value, tmp_path):
    reference("BertForMaskedLM").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(ValueError, match=f"`{key}` must be"):
        build_transformer_model(str(tmp_path))
