"""Streams of tokens."""

import itertools

import numpy as np
import pytest

from kerasx.generation import BeamSearch, Generator, Sampling
from tests.generation.models import tiny_model

PROMPTS = [[5, 3, 9, 2], [7], [3, 8, 4, 6]]


@pytest.fixture(scope="module")
def generate():
    strategy = Sampling(2, top_p=0.9, seed=4)
    return Generator(tiny_model(), strategy, end_id=[10, 7], max_new_tokens=6, batch_size=4)


def joined(steps):
    """Convert the tokens (b, k) of each step to lists of the hypotheses of each prompt."""
    rows = np.moveaxis(np.array(list(steps)), 0, -1)
    return [[ids[ids >= 0].tolist() for ids in hypotheses] for hypotheses in rows]


@pytest.mark.parametrize("chunk", [1, 4])
def test_a_stream_is_what_a_call_returns(generate, chunk):
    expected = generate(PROMPTS).sequences
    steps = list(generate.stream(PROMPTS, chunk=chunk))
    assert joined(steps) == expected
    assert len({len(x) for rows in expected for x in rows}) > 1
    assert steps[0].shape == (3, 2) and steps[0].dtype == "int32"


def test_a_stream_may_be_left_and_begun_again(generate):
    stream = generate.stream(PROMPTS)
    first = next(stream)
    stream.close()
    assert next(stream, None) is None
    assert np.array_equal(next(generate.stream(PROMPTS)), first)


def test_a_callback_is_told_each_step(generate):
    told = []
    prompts = PROMPTS * 2  # two batches
    found = generate(prompts, on_token=lambda numbers, tokens: told.append((numbers, tokens)))
    assert found == generate(prompts)
    for i, expected in enumerate(found.sequences):
        steps = [tokens[[numbers.index(i)]] for numbers, tokens in told if i in numbers]
        assert joined(steps) == [expected]


def test_a_stream_ends_where_all_have_ended(generate):
    longest = max(len(x) for rows in generate(PROMPTS).sequences for x in rows)
    assert len(list(generate.stream(PROMPTS))) in (longest, longest + 1)


def test_what_cannot_be_streamed_is_named(generate):
    with pytest.raises(ValueError, match="beam search"):
        Generator(tiny_model(), BeamSearch(2), max_new_tokens=6).stream(PROMPTS)
    with pytest.raises(ValueError, match="prompts"):
        generate.stream([])
    with pytest.raises(ValueError, match="prompts"):
        generate.stream(list(itertools.repeat([3], 5)))
    with pytest.raises(ValueError, match="chunk"):
        generate.stream(PROMPTS, chunk=0)
