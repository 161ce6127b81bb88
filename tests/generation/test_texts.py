"""Texts in and out, ids from the tokenizer, and arguments of one call."""

import numpy as np
import pytest

from kerasx.generation import Generated, Generator, Greedy, Sampling
from kerasx.models import build_transformer_model
from kerasx.tokenizers import Tokenizer, character_vocab
from tests.generation.models import randomize, tiny_model

TEXTS = ["你好吗", "我很好"]
TOKENIZER = Tokenizer(character_vocab(TEXTS), do_lower_case=True)
START, END = TOKENIZER.start_id, TOKENIZER.end_id
PROMPTS = [[5, 3, 9, 2], [7], [1, 1, 8, 4, 6, 10, 2]]


def ids(text):
    return TOKENIZER.encode(text)[0]


@pytest.fixture(scope="module")
def model():
    return tiny_model(vocab_size=TOKENIZER.vocab_size + 3)


def test_a_language_model_continues_texts_without_their_end(model):
    generate = Generator(model, tokenizer=TOKENIZER, max_new_tokens=5)
    found = generate(TEXTS)
    plain = Generator(model, end_id=END, max_new_tokens=5)([ids(text)[:-1] for text in TEXTS])
    assert found == plain and generate([ids(text)[:-1] for text in TEXTS]) == plain
    known = [[i for i in row if i < TOKENIZER.vocab_size] for row in plain.best]
    assert found.texts == [TOKENIZER.decode(row) for row in known] and known != plain.best
    assert list(generate.stream(TEXTS))[0].shape == (2, 1)


def test_a_unified_model_answers_whole_texts():
    model = tiny_model("unilm", vocab_size=TOKENIZER.vocab_size)
    found = Generator(model, tokenizer=TOKENIZER, max_new_tokens=4)(TEXTS)
    assert found == Generator(model, end_id=END, max_new_tokens=4)([ids(text) for text in TEXTS])


@pytest.mark.parametrize("name, start", [("t5.1.1", START), ("bart", END)])
def test_an_encoder_decoder_reads_texts_and_starts_as_its_family_does(name, start):
    sizes = dict(vocab_size=TOKENIZER.vocab_size, hidden_size=8, num_hidden_layers=1)
    sizes |= dict(num_attention_heads=2, intermediate_size=12, with_lm="linear")
    sizes |= {"max_position": 16} if name == "bart" else {}
    model = build_transformer_model(model=name, **sizes)
    randomize(model, seed=1)
    generate = Generator(model, tokenizer=TOKENIZER, max_new_tokens=4)
    assert (generate.start_id, generate.end_id, generate.pad_id) == (start, END, TOKENIZER.pad_id)
    expected = Generator(model, end_id=END, start_id=start, max_new_tokens=4)
    assert generate(TEXTS) == expected([ids(text) for text in TEXTS])


def test_given_ids_win_over_the_tokenizers(model):
    generate = Generator(model, end_id=[], pad_id=7, tokenizer=TOKENIZER, max_new_tokens=6)
    assert (generate.end_id, generate.pad_id) == ([], 7)
    assert [len(x) for x in generate(TEXTS).best] == [6, 6]
    array = np.array([[2, 5, 6, 7], [2, 5, 7, 7]])
    assert generate(array).best == generate([[2, 5, 6], [2, 5]]).best


def test_texts_need_a_tokenizer_and_a_list(model):
    with pytest.raises(ValueError, match="tokenizer"):
        Generator(model)(TEXTS)
    with pytest.raises(ValueError, match="tokenizer"):
        _ = Generated([[[1]]], [[0.0]]).texts
    generate = Generator(model, tokenizer=TOKENIZER)
    for bad in (TEXTS[0], [*TEXTS, [5, 6]]):
        with pytest.raises(ValueError, match="`prompts` must be a list of str"):
            generate(bad)


def test_a_prompt_with_a_seed_is_sampled_as_if_it_were_alone(model):
    options = dict(max_new_tokens=4, batch_size=2)
    found = Generator(model, Sampling(2), **options)(PROMPTS, seeds=[3, 4, 3])
    for prompt, seed, samples in zip(PROMPTS, [3, 4, 3], found.sequences):
        assert Generator(model, Sampling(2, seed=seed), **options)([prompt]).best[0] == samples[0]
    generate = Generator(model, Sampling(2), **options)
    streamed = [x[0] for x in generate.stream(PROMPTS[:1], seeds=[3])]
    assert np.transpose(streamed).tolist() == found.sequences[0]


def test_the_segment_of_new_tokens_is_an_argument_of_the_call(model):
    generate, segments = Generator(model, max_new_tokens=4), [1, None, 0]
    found = generate(PROMPTS, new_segments=segments).best
    for prompt, segment, tokens in zip(PROMPTS, segments, found):
        alone = Generator(model, Greedy(), segment_id=segment, max_new_tokens=4)
        assert alone([prompt]).best == [tokens]


@pytest.mark.parametrize(
    "options", [{"seeds": [1]}, {"seeds": [1, -1, 1]}, {"new_segments": [0, 1, 2]}]
)
def test_bad_arguments_of_a_call_are_named(model, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Generator(model, Sampling(), max_new_tokens=4)(PROMPTS, **options)
