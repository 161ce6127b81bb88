import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.data.padding import sequence_padding, truncate_sequences

pytestmark = pytest.mark.backend_free


def test_no_sequences_are_refused():
    with pytest.raises(ValueError, match="at least one sequence"):
        sequence_padding([])


def test_an_empty_sequence_is_all_padding_and_keeps_ids_integers():
    padded = sequence_padding([[], [3, 4]])
    assert padded.dtype == np.int64
    assert padded.tolist() == [[0, 0], [3, 4]]


def test_only_empty_sequences_give_no_columns():
    assert sequence_padding([[], []]).shape == (2, 0)


@pytest.mark.parametrize(
    "mode, expected", [("post", [[1, 2], [4, -1]]), ("pre", [[1, 2], [-1, 4]])]
)
def test_longer_sequences_lose_their_end_in_both_modes(mode, expected):
    padded = sequence_padding([[1, 2, 3], [4]], length=2, value=-1, mode=mode)
    assert padded.tolist() == expected


def test_two_sequence_axes_are_padded_together():
    padded = sequence_padding([np.ones((2, 3)), np.ones((1, 4))], seq_dims=2)
    assert padded.shape == (2, 2, 4)
    assert padded.sum(axis=(1, 2)).tolist() == [6, 4]


def test_axes_beyond_the_sequence_are_kept():
    assert sequence_padding([np.ones((2, 5)), np.ones((3, 5))], length=4).shape == (2, 4, 5)


@pytest.mark.parametrize(
    "arguments, match",
    [
        (dict(inputs=[[1]], mode="mid"), "`mode`"),
        (dict(inputs=[[1], [[2]]]), "`inputs`"),
        (dict(inputs=[1, 2]), "`inputs`"),
        (dict(inputs=[[[1]]], seq_dims=2, length=3), "`length`"),
    ],
)
def test_bad_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        sequence_padding(**arguments)


def test_it_equals_numpy_pad_row_by_row():
    rows = [np.arange(n) for n in (3, 0, 7, 1)]
    expected = [np.pad(x, (0, 7 - len(x)), constant_values=9) for x in rows]
    np.testing.assert_array_equal(sequence_padding(rows, value=9), expected)


def popped(maxlen, indices, sequences):
    """Pop one item at a time, as bert4keras does."""
    while sum(map(len, sequences)) > maxlen:
        i = int(np.argmax([len(s) for s in sequences]))
        sequences[i].pop(indices[i])
    return sequences


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.integers(0, 80),
    st.lists(st.sampled_from([-3, -2, -1, 0, 1, 2]), min_size=4, max_size=4),
)
def test_truncation_equals_popping_off_the_longest_one_at_a_time(lengths, maxlen, indices):
    sequences = [[(k, j) for j in range(n)] for k, n in enumerate(lengths)]
    try:
        expected = popped(maxlen, indices, [list(s) for s in sequences])
    except IndexError:
        with pytest.raises(ValueError, match="point into the sequence"):
            truncate_sequences(maxlen, indices, *[list(s) for s in sequences])
    else:
        assert truncate_sequences(maxlen, indices, *sequences) == expected


def test_truncation_happens_in_place_and_drops_empty_sequences():
    first, second = [1, 2, 3], [4]
    result = truncate_sequences(2, -1, first, [], None, second)
    assert result[0] is first and result[1] is second
    assert (first, second) == ([1], [4])


def test_nothing_is_cut_when_an_index_is_wrong():
    first, second = [1, 2, 3], [4]
    with pytest.raises(ValueError, match="indices"):
        truncate_sequences(0, [-1, -5], first, second)
    assert (first, second) == ([1, 2, 3], [4])
