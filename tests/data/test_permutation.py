import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.data import RowRandom
from kerasx.data.permutation import permuted

pytestmark = pytest.mark.backend_free


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**70), st.integers(0, 9))
def test_every_number_stands_at_one_place(n, seed, epoch):
    assert sorted(permuted(np.arange(n), n, (seed % 2**63, epoch)).tolist()) == list(range(n))


def test_epochs_and_seeds_have_other_orders():
    orders = {tuple(permuted(np.arange(50), 50, key)) for key in [(0, 0), (0, 1), (1, 0), (1, 1)]}
    assert len(orders) == 4


def test_places_are_permuted_one_by_one_and_in_any_shape():
    whole = permuted(np.arange(1000), 1000, (3, 4))
    assert [int(permuted(i, 1000, (3, 4))) for i in range(5)] == whole[:5].tolist()
    assert (permuted(np.arange(6).reshape(2, 3), 1000, (3, 4)).ravel() == whole[:6]).all()


def test_a_place_of_a_huge_permutation_needs_no_memory():
    n = 10**15
    found = permuted(np.array([0, n // 2, n - 1]), n, (0, 0))
    assert len(set(found.tolist())) == 3 and (found < n).all()


def test_each_number_comes_to_each_place_about_as_often():
    n, draws = 7, 7000
    counts = np.zeros((n, n))
    for seed in range(draws):
        counts[np.arange(n), permuted(np.arange(n), n, (seed, 0))] += 1
    expected = draws / n
    assert ((counts - expected) ** 2 / expected).sum() < 36 + 6 * np.sqrt(2 * 36)  # chi square


def test_neighbours_are_scattered():
    order = permuted(np.arange(4000), 4000, (0, 0))
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.06
    assert abs(np.corrcoef(order, np.arange(4000))[0, 1]) < 0.06


def test_random_numbers_of_a_row_do_not_depend_on_its_batch():
    rows = np.array([5, 9, 7])
    whole, part = RowRandom(1, 2, rows), RowRandom(1, 2, rows[1:])
    for draw in (lambda r: r.uniform(4), lambda r: r.integers(3, 10), lambda r: r.bits(2)):
        assert (draw(whole)[1:] == draw(part)).all()


@pytest.mark.parametrize("other", [(1, 2, 6), (1, 3, 5), (2, 2, 5)])
def test_random_numbers_depend_on_seed_epoch_and_row(other):
    seed, epoch, row = other
    assert (RowRandom(1, 2, [5]).bits(9) != RowRandom(seed, epoch, [row]).bits(9)).all()


def test_random_numbers_are_uniform_and_rows_independent():
    x = RowRandom(0, 0, np.arange(200)).uniform(500)
    assert abs(x.mean() - 0.5) < 0.005 and abs(x.var() - 1 / 12) < 0.002
    assert abs(np.corrcoef(x[:-1].ravel(), x[1:].ravel())[0, 1]) < 0.015
    counts = np.bincount(RowRandom(0, 0, np.arange(200)).integers(500, 10).ravel())
    assert abs(counts / 1e5 - 0.1).max() < 0.005
