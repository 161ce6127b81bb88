"""Every generated sequence satisfies the constraint, whatever logits the model gives."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from kerasx.generation import BannedWords, BeamSearch, Generator, PassageNgrams, PrefixTrie
from kerasx.generation.strategies.strategy import NEVER
from tests.generation.models import tiny_model
from tests.generation.noise import Noise, each_strategy

END, STEPS, VOCABULARY = 3, 6, 11
PROMPTS = [[5, 9, 2, 9, 4], [7], [1, 8, 8, 1, END, 4], [2, 2, 2]]
BANNED = [[0], [9, 9], [2, 4, 5], [4, 4], [8, 1]]
ANSWERS = [[5], [5, 6], [5, 6, 7], [8] * STEPS, [10, 9], [10] * (STEPS + 1)]

draws = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def model():
    return tiny_model(vocab_size=VOCABULARY)


def check(model, strategy, constraint, holds):
    """Assert `holds(prompt, sequence)` for all hypotheses of random logits; compiled once."""
    noise = Noise()
    generate = Generator(
        model, strategy, end_id=END, max_new_tokens=STEPS, constraints=[noise, constraint]
    )

    @draws
    @given(st.integers(0, 2**32 - 1))
    def for_any_logits(seed):
        noise.seed = seed
        for prompt, hypotheses in zip(PROMPTS, generate(PROMPTS).sequences, strict=True):
            for x in hypotheses:
                assert holds(prompt, x), (prompt, x)

    for_any_logits()


def contains(text, word):
    return any(text[i : i + len(word)] == word for i in range(len(text) + 1 - len(word)))


@each_strategy
def test_banned_words_neither_appear_nor_end_what_the_prompt_began(model, strategy):
    def holds(prompt, x):
        texts = [[*prompt[len(prompt) + 1 - len(word) :], *x] for word in BANNED]
        return not any(map(contains, texts, BANNED))

    check(model, strategy, BannedWords(BANNED), holds)


@each_strategy
def test_an_extract_is_a_piece_of_its_own_prompt(model, strategy):
    def holds(prompt, x):
        return x and END not in x and contains(prompt, x)

    check(model, strategy, PassageNgrams(END), holds)


@each_strategy
def test_answers_come_from_the_list_and_are_not_cut_off(model, strategy):
    check(model, strategy, PrefixTrie(ANSWERS, END), lambda prompt, x: x in ANSWERS[:-1])


def allowed(constraint, prompt, tokens, steps=STEPS):
    """Return the set of tokens that may come after `prompt` and `tokens`."""
    tables, state = constraint.start([prompt], VOCABULARY, steps)
    tables = keras.tree.map_structure(ops.convert_to_tensor, tables)
    state = ops.convert_to_tensor(state)[:, None]
    for step, token in enumerate(tokens):
        state = constraint.advance(tables, state, np.full((1, 1), token, "int32"), step)
    logits = ops.zeros((1, 1, VOCABULARY))
    logits = ops.convert_to_numpy(constraint.apply(tables, state, logits, len(tokens)))
    assert set(np.unique(logits)) <= {0.0, np.float32(NEVER)}
    return set(np.nonzero(logits[0, 0] == 0)[0].tolist())


@pytest.mark.parametrize("n", [None, 2, 3])
def test_what_follows_in_an_extract_follows_in_the_passage(n):
    draw = np.random.default_rng(0)
    for _ in range(20):
        passage = draw.integers(4, 7, 8).tolist()
        first = draw.integers(8)
        tokens = passage[first : first + draw.integers(4)]
        tail = tokens if n is None else tokens[-(n - 1) :]
        after = {
            passage[i + len(tail)]
            for i in range(8 - len(tail))
            if passage[i : i + len(tail)] == tail
        }
        found = allowed(PassageNgrams(END, n=n), passage, tokens)
        assert found == after | ({END} if tokens else set())


def test_the_passage_is_what_the_function_makes_of_the_prompt():
    second = PassageNgrams(END, lambda ids: ids[ids.index(END) + 1 :])
    assert allowed(second, [5, 6, END, 7, 8], []) == {7, 8}
    assert allowed(second, [5, 6, END, 7, 8, END, 7, 9], [7]) == {8, 9, END}
    assert allowed(second, [5, 6, END, 7, END, 9], [7]) == {END}  # no piece goes on over an end


def test_an_answer_may_begin_another():
    trie = PrefixTrie(ANSWERS, END)
    assert allowed(trie, [1], []) == {5, 8, 10}
    assert allowed(trie, [1], [5]) == {6, END}
    assert allowed(trie, [1], [5, 6, 7]) == {END}
    assert allowed(trie, [1], [5, 6, 7, END]) == {END}  # and nothing comes after it


def test_what_does_not_fit_is_not_begun():
    trie = PrefixTrie(ANSWERS, END)
    assert allowed(trie, [1], [], steps=STEPS + 1) == {5, 8, 10}
    assert allowed(trie, [1], [10], steps=STEPS + 1) == {9, 10}
    assert allowed(trie, [1], [], steps=2) == {5, 10}
    assert allowed(trie, [1], [10], steps=2) == {9}
    assert allowed(trie, [1], [], steps=1) == {5}


def test_one_token_is_a_word_and_a_prompt():
    everything = set(range(VOCABULARY))
    assert allowed(BannedWords([[7]]), [7], []) == everything - {7}
    assert allowed(BannedWords([[7], [8, 9]]), [8], []) == everything - {7, 9}
    assert allowed(BannedWords([[1, 8, 9]]), [8], []) == everything
    assert allowed(BannedWords([[1, 8, 9]]), [1], [8]) == everything - {9}
    assert allowed(PassageNgrams(END), [7], []) == {7}
    assert allowed(PrefixTrie([[7]], END), [7], []) == {7}


def test_a_batch_equals_its_prompts_one_by_one(model):
    constraints = [BannedWords(BANNED), PassageNgrams(END, n=2)]
    generate = Generator(
        model, BeamSearch(2), end_id=END, max_new_tokens=STEPS, constraints=constraints
    )
    one_by_one = [generate([prompt]).sequences[0] for prompt in PROMPTS]
    assert generate(PROMPTS).sequences == one_by_one


@pytest.mark.parametrize("least, banned", [(1, 7), (4, 10)])
def test_where_nothing_is_allowed_the_sequence_ends(model, least, banned):
    """The only answer has a banned word, or is shorter than what is asked for."""
    generate = Generator(
        model,
        end_id=END,
        min_new_tokens=least,
        max_new_tokens=STEPS,
        constraints=[PrefixTrie([[6, 7]], END), BannedWords([[banned]])],
    )
    assert generate(PROMPTS).best == [[6] if banned == 7 else [6, 7]] * len(PROMPTS)


@pytest.mark.parametrize("sequences", [[], [[]], [[1], []], [[-1]], [["a"]], [[0.5]]])
def test_nothing_to_ban_or_answer_is_an_error(sequences):
    with pytest.raises(ValueError, match="`sequences` must be lists of token ids"):
        BannedWords(sequences)
    with pytest.raises(ValueError, match="`answers` must be lists of token ids"):
        PrefixTrie(sequences, END)


@pytest.mark.parametrize("end_id", [None, -1, 2.0])
def test_a_missing_end_is_an_error(end_id):
    for make in (PassageNgrams, lambda end_id: PrefixTrie([[5]], end_id)):
        with pytest.raises(ValueError, match="`end_id` must be an integer"):
            make(end_id)


@pytest.mark.parametrize(
    "constraint",
    [
        BannedWords([[1, VOCABULARY]]),
        PrefixTrie([[VOCABULARY]], END),
        PrefixTrie([[1]], VOCABULARY),
        PassageNgrams(END, lambda ids: [VOCABULARY]),
        PassageNgrams(END, lambda ids: [-1]),
        PassageNgrams(VOCABULARY),
    ],
)
def test_ids_out_of_the_vocabulary_are_an_error(constraint):
    with pytest.raises(ValueError, match=r"ids in \[0, 11\)"):
        constraint.start([[1]], VOCABULARY, STEPS)


def test_what_would_leave_nothing_is_an_error():
    everything = [[i] for i in range(VOCABULARY)]
    with pytest.raises(ValueError, match=r"banned=11, after=\[\]"):
        allowed(BannedWords(everything), [1], [])
    with pytest.raises(ValueError, match=r"after=\[4, 5\]"):
        allowed(BannedWords([*everything[:-1], [4, 5, 10]]), [1], [])
    assert allowed(BannedWords(everything[:-1]), [1], []) == {10}
    with pytest.raises(ValueError, match="`max_new_tokens` must leave room"):
        allowed(PrefixTrie([[5, 6, 7]], END), [1], [], steps=2)
    with pytest.raises(ValueError, match="`answers` must not hold the end token"):
        PrefixTrie([[5, END]], END)
    for passage in ([], [END, END]):
        with pytest.raises(ValueError, match="`passage` must return a token that is not the end"):
            allowed(PassageNgrams(END, lambda ids: passage), [1], [])  # noqa: B023
    with pytest.raises(ValueError, match="`n` must be an integer of at least 2"):
        PassageNgrams(END, n=1)
