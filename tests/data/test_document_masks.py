"""Rows of several documents: a model whose tokens see their own document alone."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.layers import AttentionMask
from kerasx.models import BERT, build_transformer_model

CONFIG = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
}


class PackedBERT(BERT):
    """BERT of rows of several documents, whose numbers are the last input."""

    def attention(self, query, source, name, bias=None, position=None, **arguments):
        mask = self.apply(self.inputs[-1], AttentionMask, kind="documents", name="Document-Mask")
        bias = mask if bias is None else ops.logical_and(mask, bias)
        return super().attention(query, source, name, bias, position, **arguments)


@pytest.mark.parametrize("application", ["encoder", "lm"])
def test_tokens_of_one_document_do_not_depend_on_another(application):
    documents = keras.Input((None,), dtype="int32", name="Input-Document")
    model = build_transformer_model(
        CONFIG, model=PackedBERT, application=application, additional_input_layers=documents
    )
    rng = np.random.default_rng(0)
    ids, numbers = rng.integers(1, 20, (1, 8)), np.array([[1, 1, 1, 2, 2, 2, 2, 0]])
    other = np.where(numbers == 1, rng.integers(1, 20, (1, 8)), ids)
    zeros = np.zeros_like(ids)
    one, two = (ops.convert_to_numpy(model([x, zeros, numbers])) for x in (ids, other))
    assert np.abs(one - two)[0, :3].max() > 1e-3
    np.testing.assert_array_equal(one[0, 3:], two[0, 3:])
