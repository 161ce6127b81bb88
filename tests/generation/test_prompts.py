"""Prompts in whatever form people have them: padding, arrays, tensors, and what is no prompt."""

import keras
import numpy as np
import pytest
import torch
from keras import ops

from kerasx.data import sequence_padding
from kerasx.generation import Generator
from kerasx.models import build_transformer_model
from kerasx.tokenizers import Tokenizer, character_vocab
from tests.generation.models import randomize, tiny_model

PROMPTS = [[5, 6], [7, 8, 9, 10, 3], [2]]


@pytest.fixture(scope="module")
def unmasked():
    """Return a language model in which every id is a token, as in GPT-2."""
    return tiny_model()


@pytest.fixture(scope="module")
def masked():
    """Return a language model that masks the id 0."""
    return tiny_model(pad_id=0)


@pytest.fixture(scope="module")
def both_halves():
    model = build_transformer_model(
        model="t5.1.1",
        vocab_size=11,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        with_lm="linear",
    )
    randomize(model, 1)
    return model


def test_no_id_is_padding_where_nothing_says_so(unmasked):
    generate = Generator(unmasked, max_new_tokens=4)
    assert generate.pad_id is None
    for prompts in ([[5, 6, 0]], [[0, 5, 6]], [[0, 0]]):
        assert generate(np.array(prompts)) == generate(prompts)
        assert list(generate.stream(np.array(prompts)))[0] == list(generate.stream(prompts))[0]
    assert generate([[5, 6, 0]]).best != generate([[5, 6]]).best


@pytest.mark.parametrize("mode", ["pre", "post"])
@pytest.mark.parametrize("pad", [0, 4])
def test_padding_is_cut_at_either_end(unmasked, mode, pad):
    generate = Generator(unmasked, max_new_tokens=4, pad_id=pad)
    assert generate(sequence_padding(PROMPTS, value=pad, mode=mode)) == generate(PROMPTS)


def test_the_tokenizer_says_which_id_is_padding(unmasked):
    tokenizer = Tokenizer(character_vocab(["今天天气很好"]))
    generate = Generator(unmasked, max_new_tokens=3, tokenizer=tokenizer, end_id=[])
    padded = sequence_padding(PROMPTS, value=tokenizer.pad_id, mode="pre")
    assert generate(padded) == generate(PROMPTS)


def test_segments_are_cut_like_their_prompts(masked):
    generate = Generator(masked, max_new_tokens=3)
    segments = [[1, 0], [0, 1, 1, 0, 1], [1]]
    arrays = [sequence_padding(x, mode="pre") for x in (PROMPTS, segments)]
    assert generate(*arrays) == generate(PROMPTS, segments)


def test_sources_and_starts_are_cut_at_either_end(both_halves):
    generate = Generator(both_halves, start_id=0, max_new_tokens=3)
    expected = generate(PROMPTS, decoder_token_ids=[[0, 4], [0], [0, 3]])
    for mode in ("pre", "post"):  # the start is the padding: one of them stays
        starts = sequence_padding([[0, 4], [0], [0, 3]], mode=mode)
        assert generate(sequence_padding(PROMPTS, mode=mode), decoder_token_ids=starts) == expected


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: np.array(rows, "uint8"),
        lambda rows: torch.tensor(rows),
        lambda rows: ops.convert_to_tensor(rows),
        lambda rows: keras.Variable(np.array(rows), dtype="int32", trainable=False),
        lambda rows: [np.array(row) for row in rows],
        lambda rows: [ops.convert_to_tensor(row) for row in rows],
        lambda rows: [[np.int64(i) for i in row] for row in rows],
        lambda rows: tuple(map(tuple, rows)),
        lambda rows: (row for row in rows),
        lambda rows: np.array([*rows, None], dtype=object)[:-1],
    ],
)
def test_ids_come_in_many_forms(unmasked, form):
    rows = [[5, 6], [7, 8]]
    generate = Generator(unmasked, max_new_tokens=2)
    assert generate(form(rows)) == generate(rows)


def test_ends_and_seeds_come_in_many_forms(unmasked):
    expected = Generator(unmasked, end_id=[3, 4], max_new_tokens=6)(PROMPTS)
    for ends in (np.array([3, 4]), {3, 4}, (np.int64(3), 4), torch.tensor([3, 4])):
        assert Generator(unmasked, end_id=ends, max_new_tokens=6)(PROMPTS) == expected
    assert Generator(unmasked, end_id=np.int32(3), max_new_tokens=2).loop.ends == (3,)


def test_texts_come_in_many_forms(unmasked):
    tokenizer = Tokenizer(character_vocab(["今天天气很好"]))
    generate = Generator(unmasked, max_new_tokens=2, tokenizer=tokenizer)
    expected = generate(["今天", "天气"])
    for texts in (np.array(["今天", "天气"]), ("今天", "天气"), iter(["今天", "天气"])):
        assert generate(texts) == expected


@pytest.mark.parametrize("bad", [None, 5, 5.0, np.array(5), True, object()])
def test_what_is_no_list_of_prompts_is_named(unmasked, bad):
    for call in (Generator(unmasked), lambda x: next(Generator(unmasked).stream(x))):
        with pytest.raises(ValueError, match="`prompts` must be a list or an array"):
            call(bad)


def test_what_is_no_list_of_other_arguments_is_named(both_halves, masked):
    with pytest.raises(ValueError, match="`decoder_token_ids` must be a list"):
        Generator(both_halves, start_id=0)(PROMPTS, decoder_token_ids=5)
    for name in ("segment_ids", "seeds", "new_segments"):
        with pytest.raises(ValueError, match=f"`{name}` must be a list"):
            Generator(masked, max_new_tokens=2)(PROMPTS, **{name: 5})
    with pytest.raises(ValueError, match="pad_id"):
        Generator(masked, pad_id=-1)


def test_a_prompt_and_its_continuation_have_a_length_together(unmasked):
    generate = Generator(unmasked, max_length=8)
    assert len(generate([[5, 6, 7]]).best[0]) == 5
    assert [len(x) for x in generate(PROMPTS).best] == [3, 3, 3]
    assert len(generate([[5, 6, 7]], max_new_tokens=2).best[0]) == 2
    with pytest.raises(ValueError, match="max_length=8.*longest_prompt=8"):
        generate([[5] * 8])
