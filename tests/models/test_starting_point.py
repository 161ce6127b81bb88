"""A model starts from a pretrained folder or from the characters of the data."""

import numpy as np

from kerasx.models import build_transformer_model, starting_point
from tests.tiny import save_tiny_bert

TEXTS = ["今天天气好", "今天很好"]


def test_without_a_folder_the_vocabulary_is_the_characters_that_are_frequent_enough():
    start = starting_point(None, TEXTS, 8, 2, 32, min_count=2, learning_rate=0.1, dropout_rate=0)
    ids, _ = start.tokenizer.encode("今很")
    unknown = start.tokenizer.unk_id
    assert ids[1] != unknown and ids[2] == unknown
    assert not start.pretrained and start.learning_rate == 0.1 and start.keep_tokens is None
    model = build_transformer_model(start.config, keep_tokens=start.keep_tokens)
    assert model.get_layer("Embedding-Token").input_dim == start.tokenizer.vocab_size
    assert start.config["num_hidden_layers"] == 2 and start.config["dropout_rate"] == 0


def test_a_folder_brings_its_vocabulary_its_weights_and_a_low_learning_rate(tmp_path):
    folder = save_tiny_bert(tmp_path / "bert", TEXTS)
    start = starting_point(folder, [], learning_rate=0.1)
    assert start.pretrained and start.learning_rate == 2e-5 and start.keep_tokens is None
    model = build_transformer_model(start.config)
    assert model.get_layer("Embedding-Token").input_dim == start.tokenizer.vocab_size


def test_a_simplified_vocabulary_says_which_rows_it_keeps(tmp_path):
    folder = save_tiny_bert(tmp_path / "bert", TEXTS)
    whole, few = (starting_point(folder, [], simplified=x) for x in (False, True))
    models = [build_transformer_model(x.config, keep_tokens=x.keep_tokens) for x in (whole, few)]
    tables = [model.get_layer("Embedding-Token").get_weights()[0] for model in models]
    assert few.tokenizer.vocab_size < whole.tokenizer.vocab_size
    ids = [x.tokenizer.encode("今天好")[0] for x in (whole, few)]
    np.testing.assert_array_equal(tables[0][ids[0]], tables[1][ids[1]])
