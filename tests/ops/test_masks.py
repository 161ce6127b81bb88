"""Each mask against loops over queries and keys."""

import numpy as np
import pytest
from keras import ops

from kerasx import backend
from kerasx.ops import masks


def allowed(mask):
    return ops.convert_to_numpy(mask.allowed)


def loop(n, m, rule):
    return np.array([[rule(i, j) for j in range(m)] for i in range(n)])


@pytest.mark.parametrize("n, m", [(1, 1), (4, 4), (2, 5), (1, 6)])
def test_causal_sees_the_keys_up_to_its_own_place(n, m):
    expected = loop(n, m, lambda i, j: j <= i + m - n)
    assert (allowed(masks.causal(n, m))[0, 0] == expected).all()


@pytest.mark.parametrize("n, m", [(1, 1), (4, 4), (2, 5)])
def test_anticausal_sees_the_keys_from_its_own_place_on(n, m):
    expected = loop(n, m, lambda i, j: j >= i + m - n)
    assert (allowed(masks.anticausal(n, m))[0, 0] == expected).all()


def test_half_of_the_heads_are_causal_and_half_anticausal():
    got = allowed(masks.half_causal(4, heads=6))
    assert got.shape == (1, 6, 4, 4)
    assert (got[0, :3] == loop(4, 4, lambda i, j: j <= i)).all()
    assert (got[0, 3:] == loop(4, 4, lambda i, j: j >= i)).all()
    assert got.any(axis=1).all()


def test_masks_across_heads_compose_with_those_of_a_batch():
    valid = np.array([[True, True, False], [True, False, False]])
    mask = masks.across_heads(2, masks.causal(3), masks.padding(valid))
    got = allowed(mask & masks.sliding_window(3, 2))
    near = loop(3, 3, lambda i, j: abs(i - j) < 2)
    assert (got[:, 0] == (near & loop(3, 3, lambda i, j: j <= i))).all()
    assert (got[:, 1] == (near & valid[:, None])).all()


@pytest.mark.parametrize("heads, count", [(3, 2), (2, 0)])
def test_heads_that_do_not_divide_among_the_masks_are_refused(heads, count):
    with pytest.raises(ValueError, match="`heads` must be a multiple of the number of masks"):
        masks.across_heads(heads, *[masks.causal(3)] * count)


@pytest.mark.parametrize("width", [1, 2, 9])
def test_a_window_sees_keys_less_than_its_width_away(width):
    expected = loop(5, 5, lambda i, j: abs(i - j) < width)
    assert (allowed(masks.sliding_window(5, width))[0, 0] == expected).all()


def test_padding_hides_the_same_keys_from_every_query():
    valid = np.array([[True, True, False], [False, False, False]])
    assert (allowed(masks.padding(valid)) == valid[:, None, None, :]).all()


def test_a_prefix_sees_itself_whole_and_the_rest_is_causal():
    got = allowed(masks.prefix(np.array([0, 2, 4]), 4))[:, 0]
    for b, length in enumerate([0, 2, 4]):
        assert (got[b] == loop(4, 4, lambda i, j, k=length: j <= i or j < k)).all()


def test_unilm_source_is_whole_and_target_causal():
    segments = np.array([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]])
    got = allowed(masks.unilm(segments))[:, 0]
    for b, s in enumerate(segments):
        expected = loop(4, 4, lambda i, j, s=s: j <= i or not s[: j + 1].any())
        assert (got[b] == expected).all()


def test_masks_compose_like_sets():
    causal, window = masks.causal(5), masks.sliding_window(5, 2)
    a, b = allowed(causal), allowed(window)
    assert (allowed(causal & window) == (a & b)).all()
    assert (allowed(causal | window) == (a | b)).all()
    assert (allowed(~causal) == ~a).all()
    valid = np.array([[True] * 5, [True] * 3 + [False] * 2])
    assert (allowed(masks.padding(valid) & causal) == valid[:, None, None] & a).all()


def test_a_mask_draws_itself():
    assert str(masks.causal(2)) == "■□\n■■"
    assert str(masks.padding(np.array([[True, False]]))) == "■□"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_mask_value_is_finite_even_when_doubled(dtype):
    import ml_dtypes

    value = backend.mask_value(dtype)
    assert np.isfinite(np.asarray(2 * value, getattr(ml_dtypes, dtype, dtype)).astype("float64"))
    assert np.exp(value) == 0


def test_tokens_see_their_own_document():
    ids = np.array([[1, 1, 2, 0], [3, 3, 3, 3]])
    got = allowed(masks.same_document(ids))
    assert got.shape == (2, 1, 4, 4)
    for row in range(2):
        assert (got[row, 0] == loop(4, 4, lambda i, j: ids[row, i] == ids[row, j])).all()  # noqa: B023
