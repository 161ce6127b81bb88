"""Keys of a configuration, given or left out, that change numbers without a tensor that tells."""

import json

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasx.models import build_transformer_model
from tests.parity.record import record
from tests.parity.reference import SIZES, random_model

GPT = {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 12}
TOKENS = np.array([[2, 5, 7, 9, 3], [2, 8, 3, 0, 6]])
# {case: (head, configuration, keys that its file lacks)}
CASES = {
    "padding is not always 0": ("BertModel", {"pad_token_id": 1}, ()),
    "a causal backbone": ("BertModel", {"is_decoder": True, "pad_token_id": 1}, ()),
    "a causal MLM": ("RobertaForMaskedLM", {"is_decoder": True}, ()),
    "an LM that is not causal": ("BertLMHeadModel", {"is_decoder": False, "pad_token_id": 1}, ()),
    "the activation of a head": ("RobertaForMaskedLM", {"hidden_act": "relu"}, ()),
    "the activation of a generator": (
        "ElectraForMaskedLM",
        {"hidden_act": "relu", "embedding_size": 8, "pad_token_id": 1},
        (),
    ),
    "GPT-2 before its activation had a key": (
        "GPT2LMHeadModel",
        {"initializer_range": 0.4},
        ("activation_function", "layer_norm_epsilon", "n_inner"),
    ),
    "GPT before its activation had a key": (
        "OpenAIGPTLMHeadModel",
        {"initializer_range": 0.4},
        ("afn", "layer_norm_epsilon"),
    ),
    "RoBERTa without ε and segments": ("RobertaModel", {}, ("layer_norm_eps", "type_vocab_size")),
    "ALBERT without an activation": ("AlbertModel", {"embedding_size": 8}, ("hidden_act",)),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_as_in_transformers(case, tmp_path):
    head, changes, absent = CASES[case]
    theirs = random_model(head, {**(GPT if "GPT" in head else SIZES), **changes})
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = {k: v for k, v in json.loads(path.read_text()).items() if k not in absent}
    path.write_text(json.dumps({**config, **changes}))  # also a change to the class's own value
    theirs = getattr(transformers, head).from_pretrained(tmp_path).eval()
    pad = theirs.config.pad_token_id
    mask = np.ones_like(TOKENS) if pad is None else TOKENS != pad
    with torch.no_grad():
        given = {"input_ids": torch.tensor(TOKENS), "attention_mask": torch.tensor(mask).long()}
        expected = theirs(**given)[0].numpy()
    model = build_transformer_model(tmp_path)
    inputs = [TOKENS] + [np.zeros_like(TOKENS)] * (len(model.inputs) - 1)
    got = keras.ops.convert_to_numpy(model(inputs if len(inputs) > 1 else TOKENS))
    error = np.abs(got - expected)[mask.astype(bool)].max()
    record(error)
    assert error < 1e-4
