"""Chains of tags against the enumeration of all sequences, with masks that have holes."""

import itertools

import numpy as np
import pytest
from keras import ops

from kerasx.ops import (
    chain_log_partition,
    chain_loss,
    chain_marginals,
    chain_score,
    viterbi,
    viterbi_n_best,
)
from tests.gradients import gradient

K = 4
RNG = np.random.default_rng(0)
TRANS = RNG.normal(size=(K, K)).astype("float32")
# lengths 5 to 0, and holes at the start, in the middle and at the end
MASK = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]
MASK = np.array([*MASK, [0, 0, 0, 0, 0], [0, 1, 0, 1, 1], [1, 0, 1, 0, 0]], "bool")
SCORES = (2 * RNG.normal(size=(*MASK.shape, K))).astype("float32")
ALLOWED = np.ones((K + 1, K + 1), "bool")
ALLOWED[[0, 2, K, 1, 3], [3, 2, 1, 0, K]] = False
DTYPES = ["float32", "bfloat16"]


def cast(dtype):
    """Return the scores in a dtype, with NaN where they are masked, and their exact values."""
    scores = ops.cast(SCORES, dtype)
    exact = ops.convert_to_numpy(ops.cast(scores, "float32")).astype("float64")
    return ops.where(ops.convert_to_tensor(MASK)[..., None], scores, float("nan")), exact


def every(scores, mask, allowed=None):
    """Return {sequence of tags: its score} of all allowed sequences of one example."""
    places, found = np.flatnonzero(mask), {}
    for tags in itertools.product(range(K), repeat=len(places)):
        pairs = [(K, *tags[:1]), *zip(tags, tags[1:]), (*tags[-1:], K)] if tags else []
        if allowed is None or all(allowed[pair] for pair in pairs):
            moves = sum(float(TRANS[pair]) for pair in zip(tags, tags[1:]))
            found[tags] = moves + sum(scores[i, y] for i, y in zip(places, tags))
    return found


def spread(tags, mask, other=-1):
    """Put tags at the real positions of a mask."""
    full = np.full(len(mask), other)
    full[mask] = tags
    return full


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("allowed", [None, ALLOWED], ids=["all", "some"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_partition_is_the_sum_over_all_sequences(dtype, allowed):
    scores, exact = cast(dtype)
    got = numpy(chain_log_partition(scores, TRANS, MASK, allowed))
    assert got.dtype == "float32"
    wanted = [np.logaddexp.reduce([*every(*x, allowed).values()]) for x in zip(exact, MASK)]
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_sequence_scores_its_sum(dtype):
    scores, exact = cast(dtype)
    found = [every(*x) for x in zip(exact, MASK)]
    rows = np.repeat(np.arange(len(MASK)), [len(x) for x in found])
    tags = np.stack([spread(y, mask, 77) for x, mask in zip(found, MASK) for y in x])
    got = chain_score(tags, ops.take(scores, rows, axis=0), TRANS, MASK[rows])
    wanted = [score for x in found for score in x.values()]
    np.testing.assert_allclose(numpy(got), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("allowed", [None, ALLOWED], ids=["all", "some"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_marginals_are_the_shares_of_the_sequences(dtype, allowed):
    scores, exact = cast(dtype)
    got = numpy(chain_marginals(scores, TRANS, MASK, allowed))
    wanted = np.zeros(SCORES.shape)
    for i, mask in enumerate(MASK):
        found = every(exact[i], mask, allowed)
        total = np.logaddexp.reduce([*found.values()])
        for tags, score in found.items():
            wanted[i, np.flatnonzero(mask), list(tags)] += np.exp(score - total)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_marginals_are_the_gradient_of_the_partition():
    grad = gradient(lambda s: chain_log_partition(s, TRANS, MASK, ALLOWED), SCORES)
    np.testing.assert_allclose(
        grad, numpy(chain_marginals(SCORES, TRANS, MASK, ALLOWED)), atol=1e-5
    )


@pytest.mark.parametrize("allowed", [None, ALLOWED], ids=["all", "some"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_viterbi_and_n_best_are_the_first_of_all_sequences(dtype, allowed):
    scores, exact = cast(dtype)
    tags, score = map(numpy, viterbi(scores, TRANS, MASK, allowed))
    many, values = map(numpy, viterbi_n_best(scores, TRANS, 6, MASK, allowed))
    for i, mask in enumerate(MASK):
        found = sorted(every(exact[i], mask, allowed).items(), key=lambda x: -x[1])[:6]
        np.testing.assert_array_equal(tags[i], spread(found[0][0], mask))
        np.testing.assert_allclose(score[i], found[0][1], rtol=1e-5, atol=1e-5)
        assert [tuple(y[mask]) for y in many[i, : len(found)]] == [y for y, _ in found]
        wanted = [s for _, s in found] + [-np.inf] * (6 - len(found))
        np.testing.assert_allclose(values[i], wanted, rtol=1e-5, atol=1e-5)
        assert (many[i, :, ~mask] == -1).all() and (many[i, len(found) :] == -1).all()


def test_where_nothing_is_allowed_there_is_no_sequence():
    none = np.zeros_like(ALLOWED)
    assert numpy(viterbi(SCORES[:1], TRANS, None, none)[1]) == -np.inf
    tags, score = viterbi_n_best(SCORES[:1], TRANS, 2, None, none)
    assert (numpy(tags) == -1).all() and (numpy(score) == -np.inf).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loss_is_the_difference_and_never_negative(dtype):
    scores, exact = cast(dtype)
    for tags in (np.zeros_like(MASK, "int32"), np.argmax(SCORES, -1), viterbi(scores, TRANS)[0]):
        loss = numpy(chain_loss(tags, scores, TRANS, MASK))
        score = numpy(chain_score(tags, exact, TRANS, MASK))
        wanted = numpy(chain_log_partition(exact, TRANS, MASK)) - score
        np.testing.assert_allclose(loss, wanted, rtol=1e-5, atol=1e-5)
        assert (loss >= 0).all() and loss[5] == 0


def test_the_loss_of_a_long_sentence_keeps_its_digits():
    scores = (1000 + 30 * RNG.normal(size=(3, 150, K))).astype("float32")
    tags = np.argmax(scores, -1)
    best = np.take_along_axis(scores.astype("float64"), tags[..., None], -1)
    wanted = np.log(np.exp(scores - best).sum(-1)).sum(-1)  # without transitions
    got = numpy(chain_loss(tags, scores, 0 * TRANS))
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_a_sequence_that_is_not_allowed_costs_much_and_has_a_finite_gradient():
    tags = np.array([[0, 3, 1, 1, 1]])
    free, bound = (numpy(chain_score(tags, SCORES[:1], TRANS, None, a)) for a in (None, ALLOWED))
    np.testing.assert_allclose(free - bound, 32752, rtol=1e-6)
    grad = gradient(lambda s: chain_score(tags, s, TRANS, None, ALLOWED), SCORES[:1])
    np.testing.assert_array_equal(grad, np.eye(K)[tags])


@pytest.mark.parametrize("label", [-1, K])
def test_a_label_outside_the_tag_set_gives_nan_unless_it_is_masked(label):
    tags = np.where(MASK, 0, label)
    assert np.isfinite(numpy(chain_score(tags, SCORES, TRANS, MASK))).all()
    tags[0, 2] = label
    assert np.isnan(numpy(chain_score(tags, SCORES, TRANS, MASK))).tolist() == [True, *[False] * 7]


def test_a_number_masks_the_places_where_no_tag_scores_above_it():
    scores = np.where(MASK[..., None], SCORES, -40.0).astype("float32")
    tags = np.zeros(MASK.shape, "int32")
    for function in (chain_score, chain_loss):
        found, expected = (numpy(function(tags, scores, TRANS, mask)) for mask in (-30, MASK))
        np.testing.assert_array_equal(found, expected)
    for function in (chain_log_partition, chain_marginals):
        found, expected = (numpy(function(scores, TRANS, mask)) for mask in (-30, MASK))
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(viterbi(scores, TRANS, -30.0), viterbi(scores, TRANS, MASK)):
        np.testing.assert_array_equal(numpy(found), numpy(expected))


def test_sentences_without_places_are_empty():
    scores = np.zeros((2, 0, K), "float32")
    assert not numpy(chain_log_partition(scores, TRANS)).any()
    assert not numpy(chain_score(np.zeros((2, 0)), scores, TRANS)).any()
    assert numpy(viterbi(scores, TRANS)[0]).shape == (2, 0)


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: viterbi(SCORES, TRANS[:3]), "`trans` must be a score for each pair"),
        (lambda: viterbi(SCORES, TRANS, MASK[:, :3]), "`mask` must be true at real positions"),
        (lambda: viterbi(SCORES, TRANS, MASK, ALLOWED[:K]), "`allowed` must be true where"),
        (lambda: viterbi_n_best(SCORES, TRANS, 0), "`n_best` must be an integer of at least 1"),
    ],
)
def test_bad_arguments_are_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()
