"""Scripts of bert4keras change the loading of weights, and ask for a model in their ways."""

import logging

import numpy as np
import pytest

from kerasx.models import BERT, build_transformer_model
from kerasx.snippets import delete_arguments, insert_arguments
from tests.models.helpers import CONFIG, build, random_checkpoint

pytestmark = pytest.mark.once
WORDS = "bert/embeddings/word_embeddings"
BLOCK = "bert/encoder/layer_1/"


class Sliced(BERT):
    """Reads the first rows of a larger table, and a kernel that is stored transposed."""

    def load_variable(self, checkpoint, name):
        value = super().load_variable(checkpoint, name)
        if name == WORDS:
            return value[: self.vocab_size]
        return value.T if name.endswith("intermediate/dense/kernel") else value


class Filled(BERT):
    def load_variable(self, checkpoint, name):
        return checkpoint[name] if name in checkpoint else np.full(8, 2.0)


class OfTensorFlow(BERT):
    def load_variable(self, checkpoint, name):
        raise TypeError("Expected binary or unicode string")  # as tf.train.load_variable does


def encoder_checkpoint():
    return {k: v for k, v in random_checkpoint().items() if not k.startswith("cls/")}


def changed(**values):
    return {**encoder_checkpoint(), **values}


def test_a_subclass_may_change_the_shape_of_what_it_reads():
    checkpoint = encoder_checkpoint()
    stored = {
        k: v.T if k.endswith("intermediate/dense/kernel") else v for k, v in checkpoint.items()
    }
    stored[WORDS] = np.concatenate([checkpoint[WORDS], np.ones((9, 8), "float32")])
    found = build_transformer_model(CONFIG, stored, model=Sliced).get_weights()
    expected = build(checkpoint).model.get_weights()
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_subclass_may_make_up_what_the_file_lacks(caplog):
    norm = "bert/embeddings/LayerNorm/beta"
    stored = {k: v for k, v in encoder_checkpoint().items() if k != norm}
    builder = build_transformer_model(
        CONFIG, {**stored, "extra": np.ones(3)}, model=Filled, return_keras_model=False
    )
    assert (np.array(builder.layers["Embedding-Norm"].get_weights()[0]) == 2).all()
    assert "left out: bert/pooler" in caplog.text and ", extra" in caplog.text
    assert builder.unfilled == []


def test_a_wrong_result_of_a_subclass_is_named_and_nothing_is_assigned():
    with pytest.raises(ValueError, match="of_another_shape=.*word_embeddings.*29, 8"):
        table = np.ones((29, 8), "float32")
        build_transformer_model(CONFIG, changed(**{WORDS: table}), model=Filled)
    with pytest.raises(ValueError, match=r"write checkpoint\[name\] in the place of tf.train"):
        build_transformer_model(CONFIG, changed(), model=OfTensorFlow)


def test_ignore_invalid_weights_passes_over_missing_ones(caplog):
    stored = {k: v for k, v in encoder_checkpoint().items() if not k.startswith(BLOCK)}
    with pytest.raises(ValueError, match="16 missing"):
        build(stored)
    with caplog.at_level(logging.WARNING, "kerasx"):
        builder = build(stored, ignore_invalid_weights=True)
    assert len(builder.unfilled) == 16 and "layer_1" in caplog.text and len(caplog.records) == 1
    table = builder.layers["Embedding-Token"].get_weights()[0]
    np.testing.assert_array_equal(table, stored[WORDS])
    own = build_transformer_model(
        CONFIG, stored, model=Sliced, ignore_invalid_weights=True, return_keras_model=False
    )
    assert {*builder.unfilled} < {*own.unfilled}


def test_ignore_invalid_weights_starts_a_model_from_one_with_positions(caplog):
    options = {"model": "roformer", "return_keras_model": False}
    with pytest.raises(ValueError, match="1 unused:"):
        build_transformer_model(CONFIG, encoder_checkpoint(), **options)
    with caplog.at_level(logging.WARNING, "kerasx"):
        builder = build_transformer_model(
            CONFIG, encoder_checkpoint(), ignore_invalid_weights=True, **options
        )
    assert builder.unfilled == [] and "left out: bert/embeddings/position" in caplog.text


def test_a_mapping_says_all_that_is_read():
    builder, checkpoint = build(), encoder_checkpoint()
    before = builder.layers["Embedding-Norm"].get_weights()
    builder.load_weights_from_checkpoint(checkpoint, {"Embedding-Token": [WORDS], "None": ["x"]})
    np.testing.assert_array_equal(
        builder.layers["Embedding-Token"].get_weights()[0], checkpoint[WORDS]
    )
    for x, y in zip(before, builder.layers["Embedding-Norm"].get_weights()):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("application", ["UniLM", "unilm"])
def test_the_case_of_an_application_is_free(application):
    builder = build(application=application)
    assert type(builder).__name__ == "BERTUnifiedLanguageModel"


def test_an_unknown_application_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="encoder.*Did you mean 'unilm'"):
        build(application="unilmm")


class Inserted(BERT):
    @insert_arguments(depth=3)
    @delete_arguments("with_mlm")
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.with_pool = True


def test_inserted_arguments_are_arguments_of_the_model():
    for given, depth in (({}, 3), ({"depth": 2}, 2)):
        builder = build_transformer_model(CONFIG, model=Inserted, return_keras_model=False, **given)
        assert builder.depth == depth and builder.model.output.shape == (None, 8)
    with pytest.raises(TypeError, match="unexpected keyword argument 'with_mlm'"):
        build_transformer_model(CONFIG, model=Inserted, with_mlm=True)
    with pytest.raises(ValueError, match="unknown arguments .'deepth'"):
        build_transformer_model(CONFIG, model=Inserted, deepth=2)
