"""Outputs are in the order of the texts, and independent of other texts in the batch."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.models import Predictor, bert_config, build_transformer_model, t5_config
from kerasx.tokenizers import Tokenizer, character_vocab

TEXTS = [
    "北京今天天气怎么样",
    "好",
    "你好吗",
    "今天天气很好，我们去公园",
    "公园在哪",
    "你好吗",
    "去北京",
]
TOKENIZER = Tokenizer(character_vocab(TEXTS))
CONFIG = bert_config(TOKENIZER.vocab_size, hidden_size=8, max_position=20)


@pytest.fixture(scope="module")
def encoder():
    return build_transformer_model(CONFIG)


@pytest.fixture(scope="module")
def pooled(encoder):
    return keras.Model(encoder.inputs, GlobalAveragePooling1D()(encoder.output))


def alone(model, text, *pair):
    """Return the outputs for one text, by the model itself."""
    ids = [np.array([x], "int32") for x in TOKENIZER.encode(text, *pair)][: len(model.inputs)]
    return ops.convert_to_numpy(model(ids, training=False))[0]


def assert_alone(model, found, texts):
    for x, text in zip(found, texts, strict=True):
        np.testing.assert_allclose(x, alone(model, text), atol=1e-5)


def test_vectors_do_not_depend_on_the_other_texts(pooled):
    found = Predictor(pooled, TOKENIZER, batch_size=4, multiple=8)(TEXTS)
    assert found.shape == (7, 8)
    assert_alone(pooled, found, TEXTS)


def test_token_outputs_are_as_long_as_their_texts(encoder):
    found = Predictor(encoder, TOKENIZER, batch_size=4, multiple=8)(TEXTS)
    assert [x.shape for x in found] == [(len(text) + 2, 8) for text in TEXTS]
    assert_alone(encoder, found, TEXTS)


def test_a_model_that_masks_nothing_is_exact_at_every_token():
    config = {**CONFIG, "pad_id": None}
    encoder = build_transformer_model(config)
    model = keras.Model(encoder.inputs, keras.layers.GlobalMaxPooling1D()(encoder.output))
    assert_alone(model, Predictor(model, TOKENIZER, batch_size=2)(TEXTS), TEXTS)


def test_pairs_have_segments(pooled):
    pairs = list(zip(TEXTS, reversed(TEXTS)))
    found = Predictor(pooled, TOKENIZER, maxlen=20)([*pairs[:2], TEXTS[1]])
    np.testing.assert_allclose(found[1], alone(pooled, *pairs[1]), atol=1e-5)
    np.testing.assert_allclose(found[2], alone(pooled, TEXTS[1]), atol=1e-5)


def test_texts_and_their_ids_in_every_form_give_the_same(pooled):
    ids, segments = TOKENIZER.encode(TEXTS[0])
    by_name = {"Input-Segment": segments, "Input-Token": ids}
    forms = [TEXTS[0], ids, np.array(ids), (ids, segments), [np.array(ids), segments], by_name]
    found = Predictor(pooled, TOKENIZER)(forms)
    np.testing.assert_allclose(found, np.stack([found[0]] * len(forms)), atol=1e-6)


def test_several_outputs_are_a_tuple_of_arrays_and_lists(encoder):
    outputs = [FirstToken()(encoder.output), encoder.output]
    vectors, tokens = Predictor(keras.Model(encoder.inputs, outputs), TOKENIZER)(TEXTS[:2])
    assert vectors.shape == (2, 8)
    for vector, token in zip(vectors, tokens):
        np.testing.assert_array_equal(vector, token[0])


def test_both_axes_of_pair_scores_are_cut(encoder):
    scores = ops.einsum("bnd,bmd->bnm", encoder.output, encoder.output)[:, None]
    found = Predictor(keras.Model(encoder.inputs, scores), TOKENIZER)(TEXTS)
    assert [x.shape for x in found] == [(1, len(x) + 2, len(x) + 2) for x in TEXTS]


def test_outputs_of_an_encoder_and_decoder_are_as_long_as_the_target():
    config = t5_config(30, d_model=8)
    model = build_transformer_model(config, with_lm="linear")
    rows = [([5, 6, 7, 1], [0, 9]), ([8, 1], [0, 9, 4, 3]), ([4, 5, 1], [0])]
    found = Predictor(model, multiple=4)(rows)
    for x, (source, target) in zip(found, rows, strict=True):
        expected = model([np.array([source]), np.array([target])], training=False)
        np.testing.assert_allclose(x, ops.convert_to_numpy(expected)[0], atol=1e-5)


def test_few_shapes_reach_the_model(pooled):
    shapes = set()
    run = pooled.predict_on_batch
    pooled.predict_on_batch = lambda x: (shapes.add(x[0].shape), run(x))[1]
    texts = [[5] * n for n in range(1, 21)]
    Predictor(pooled, batch_size=8, multiple=8)(texts * 3)
    del pooled.predict_on_batch
    assert shapes == {(8, 8), (8, 16), (8, 20), (4, 20)}  # 20 is the model's reach


def test_decode_is_given_the_outputs_of_one_text(encoder):
    found = Predictor(encoder, TOKENIZER)(TEXTS, decode=lambda scores: len(scores) - 2)
    assert found == list(map(len, TEXTS))


def test_maxlen_cuts_texts_before_their_end_and_ids_at_their_end(pooled):
    ids, _ = TOKENIZER.encode(TEXTS[0], maxlen=4)
    text, row = Predictor(pooled, TOKENIZER, maxlen=4)([TEXTS[0], [*ids, 7, 8]])
    np.testing.assert_allclose(text, row, atol=1e-6)


def test_no_texts_give_no_rows(encoder, pooled):
    assert Predictor(pooled, TOKENIZER)([]).shape == (0, 8)
    assert Predictor(encoder, TOKENIZER)([]) == []


def test_the_progress_bar_counts_texts(pooled, capsys):
    Predictor(pooled, TOKENIZER, batch_size=3)(TEXTS, verbose=1)
    assert "7/7" in capsys.readouterr().out


@pytest.mark.parametrize(
    "texts, message",
    [
        ([[5] * 21], "must have 1 to 20 tokens .* tokens=21"),
        ([[]], "must have 1 to 20 tokens .* tokens=0"),
        ([([5], [0], [0])], "a sequence for each input"),
        (["好"], "`tokenizer` must be given"),
    ],
)
def test_bad_texts_are_refused(pooled, texts, message):
    with pytest.raises(ValueError, match=message):
        Predictor(pooled)(texts)


def test_one_text_is_not_a_list_of_characters(pooled):
    with pytest.raises(ValueError, match="`texts` must be a list"):
        Predictor(pooled, TOKENIZER)("你好吗")
