"""Encoders equal transformers at the real tokens, wherever the padding is."""

import keras
import numpy as np
import pytest
import torch

from kerasx.models import build_transformer_model
from tests.parity import reference
from tests.parity.record import record
from tests.parity.reference import random_model

SIZES = {**reference.SIZES, "max_position_embeddings": 16}
DISTIL = {"vocab_size": 40, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24}
DEBERTA = {"relative_attention": True, "pos_att_type": "p2c|c2p", "position_buckets": 6}
MODERN = {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3, "local_attention": 6}
T5 = {"vocab_size": 40, "d_model": 16, "d_kv": 5, "d_ff": 24, "num_layers": 2, "num_heads": 3}
ENCODERS = {  # {architecture: (configuration, padding id)}
    "AlbertModel": ({**SIZES, "embedding_size": 8}, 0),
    "BertModel": (SIZES, 0),
    "DebertaV2Model": ({**SIZES, **DEBERTA}, 0),
    "DistilBertModel": ({**DISTIL, "max_position_embeddings": 16, "initializer_range": 0.4}, 0),
    "ElectraModel": ({**SIZES, "embedding_size": 8}, 0),
    "ModernBertModel": ({**SIZES, **MODERN, "num_hidden_layers": 4}, 1),
    "RobertaModel": ({**SIZES, "type_vocab_size": 1}, 1),
    "RoFormerModel": (SIZES, 0),
    "T5EncoderModel": (T5, 0),
    "XLMRobertaModel": ({**SIZES, "type_vocab_size": 1}, 1),
}
WORDS = np.array([[2, 5, 7, 9, 3, 11, 17], [2, 8, 31, 12, 6, 4, 3], [2, 8, 9, 14, 22, 4, 3]])
PADDED = {
    "left": [[0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1]],
    "inner": [[1, 1, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1], [1, 0, 0, 0, 0, 0, 1]],
    "right": [[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 0]],
}


@pytest.mark.parametrize("architecture", ENCODERS)
def test_padding_at_any_place_is_not_seen(architecture, tmp_path):
    config, pad_id = ENCODERS[architecture]
    reference = random_model(architecture, config)
    reference.save_pretrained(tmp_path)
    model, errors = build_transformer_model(str(tmp_path)), []
    for real in (np.array(places, "bool") for places in PADDED.values()):
        tokens = np.where(real, WORDS, pad_id)
        with torch.no_grad():
            expected = reference(torch.tensor(tokens), attention_mask=torch.tensor(real).long())[0]
        inputs = [tokens, 0 * tokens][: len(model.inputs)]
        got = keras.ops.convert_to_numpy(model(inputs if len(inputs) > 1 else inputs[0]))
        errors.append(np.abs(got - expected.numpy())[real].max())
    record(max(errors))
    assert max(errors) < 1e-5
