"""Tokenizers take tensors of every backend where they take lists of ids."""

import keras
import numpy as np
import pytest

from kerasx.tokenizers import load_tokenizer
from tests.tokenizers.folders import make_folder, piece_model


@pytest.fixture(scope="module", params=["bert", "gpt2", "xlm-roberta", "plain"])
def tokenizer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    if request.param == "plain":
        (folder / "spiece.model").write_bytes(piece_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1))
        return load_tokenizer(folder)
    return load_tokenizer(make_folder(request.param, folder / "x"))


def test_ids_may_be_tensors(tokenizer):
    ids = tokenizer.encode("天气 hello")[0] + [tokenizer.vocab_size + 5]
    text = tokenizer.decode(ids)
    assert "hello" in text
    for tensor in (
        np.array(ids),
        tuple(map(np.int32, ids)),
        keras.ops.convert_to_tensor(ids, "int32"),
        keras.Variable(ids, dtype="int32", trainable=False),
        list(keras.ops.convert_to_tensor(ids, "int32")),
    ):
        assert tokenizer.decode(tensor) == text
        assert tokenizer.decode(tensor, skip_special_tokens=False) != ""
        assert tokenizer.ids_to_tokens(tensor[:-1]) == tokenizer.ids_to_tokens(ids[:-1])


def test_a_batch_of_ids_is_refused(tokenizer):
    for ids in ([[1, 2]], keras.ops.ones((1, 2), "int32"), "12", None):
        with pytest.raises(ValueError, match="`ids` must be one sequence of integers"):
            tokenizer.decode(ids)
