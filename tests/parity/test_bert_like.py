"""ALBERT, ELECTRA, RoBERTa and DistilBERT equal transformers on folders it wrote."""

import keras
import numpy as np
import pytest
import torch

from kerasx import checkpoints
from kerasx.models import build_transformer_model
from tests.parity.record import record
from tests.parity.reference import SIZES, random_model

SMALL = {**SIZES, "embedding_size": 8}
DISTIL = {"vocab_size": 40, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24}
DISTIL |= {"max_position_embeddings": 12, "initializer_range": 0.4}
# {architecture: (configuration, outputs in our order, padding id)}
FOLDERS = {
    "AlbertModel": (SMALL, ["last_hidden_state"], 0),
    "AlbertForMaskedLM": (SMALL, ["logits"], 0),
    "AlbertForPreTraining": (SMALL, ["sop_logits", "prediction_logits"], 0),
    "ElectraModel": (SMALL, ["last_hidden_state"], 0),
    "ElectraForPreTraining": (SMALL, ["logits"], 0),
    "ElectraForMaskedLM": (SMALL, ["logits"], 0),
    "RobertaModel": (SIZES, ["last_hidden_state"], 1),
    "RobertaForMaskedLM": (SIZES, ["logits"], 1),
    "RobertaForCausalLM": ({**SIZES, "is_decoder": True}, ["logits"], 1),
    "XLMRobertaForMaskedLM": (SIZES, ["logits"], 1),
    "AlbertForSequenceClassification": ({**SMALL, "num_labels": 3}, ["logits"], 0),
    "ElectraForSequenceClassification": ({**SMALL, "num_labels": 3}, ["logits"], 0),
    "RobertaForSequenceClassification": ({**SIZES, "num_labels": 3}, ["logits"], 1),
    "RobertaForTokenClassification": (SIZES, ["logits"], 1),
    "DistilBertForSequenceClassification": (DISTIL, ["logits"], 0),
    "DistilBertModel": (DISTIL, ["last_hidden_state"], 0),
    "DistilBertForMaskedLM": (DISTIL, ["logits"], 0),
}
TOKENS = np.array([[2, 5, 7, 9, 3], [2, 8, 3, 0, 0]])
SEGMENTS = np.array([[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]])


def reference(architecture):
    one_segment = {"type_vocab_size": 1} if "Roberta" in architecture else {}
    return random_model(architecture, {**FOLDERS[architecture][0], **one_segment})


def difference(folder, architecture, original, **options):
    """Return the largest difference from the outputs of transformers, at the real tokens."""
    _, names, pad_id = FOLDERS[architecture]
    ours = build_transformer_model(str(folder), **options)
    tokens = np.where(TOKENS == 0, pad_id, TOKENS)
    inputs = [tokens, SEGMENTS][: len(ours.inputs)]
    given = {"token_type_ids": torch.tensor(SEGMENTS)} if len(inputs) > 1 else {}
    with torch.no_grad():
        theirs = original(torch.tensor(tokens), attention_mask=torch.tensor(TOKENS != 0), **given)
    got = keras.tree.flatten(ours(inputs if len(inputs) > 1 else inputs[0]))
    got = [keras.ops.convert_to_numpy(x) for x in got]
    assert len(got) == len(names)
    errors = []
    for x, name in zip(got, names):
        x, y = (x[..., 0] if x.shape[-1] == 1 else x), theirs[name].numpy()
        assert x.shape == y.shape
        real = TOKENS != 0 if x.shape[:2] == TOKENS.shape else slice(None)
        errors.append(np.abs(x[real] - y[real]).max())
    record(max(errors))
    return max(errors)


@pytest.mark.parametrize("architecture", FOLDERS)
def test_a_saved_folder_gives_the_same_outputs(architecture, tmp_path):
    model = reference(architecture)
    model.save_pretrained(tmp_path)
    assert difference(tmp_path, architecture, model) < 1e-4


@pytest.mark.parametrize(
    "architecture",
    [
        "AlbertForPreTraining",
        "ElectraForPreTraining",
        "ElectraForMaskedLM",
        "RobertaForMaskedLM",
        "RobertaForSequenceClassification",
        "DistilBertForMaskedLM",
        "DistilBertForSequenceClassification",
    ],
)
def test_transformers_would_read_what_we_write(architecture, tmp_path):
    reference(architecture).save_pretrained(tmp_path)
    builder = build_transformer_model(str(tmp_path), return_keras_model=False)
    builder.save_weights_as_checkpoint(tmp_path / "ours.safetensors", names="huggingface")
    ours = checkpoints.open_checkpoint(tmp_path / "ours.safetensors")
    theirs = checkpoints.open_checkpoint(tmp_path / "model.safetensors")
    with ours, theirs:
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_an_unshared_albert_starts_equal(tmp_path):
    model = reference("AlbertForMaskedLM")
    model.save_pretrained(tmp_path)
    options = {"model": "albert_unshared"}
    assert difference(tmp_path, "AlbertForMaskedLM", model, **options) < 1e-4
