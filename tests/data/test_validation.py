import numpy as np
import pytest

from kerasx.data import check_ids, check_labels
from kerasx.data.validation import check_finite

pytestmark = pytest.mark.backend_free


def test_an_empty_batch_passes():
    check_ids(np.zeros((0, 4), int), 10)
    check_ids(np.zeros((4, 0), int), 10)


@pytest.mark.parametrize("value", [-1, 10, 2**31])
def test_an_id_out_of_range_is_named_with_its_example(value):
    ids = np.array([[0, 9], [3, value]])
    message = rf"`ids` must be in \[0, 10\). Received: ids={value} in example 7"
    with pytest.raises(ValueError, match=message):
        check_ids(ids, 10, "ids", rows=[4, 7])


def test_without_rows_examples_are_counted_from_zero():
    with pytest.raises(ValueError, match="example 1"):
        check_labels(np.array([0, 5]), 3)


def test_only_the_ignored_label_is_let_through():
    check_labels(np.array([[0, -100]]), 3, ignore=-100)
    with pytest.raises(ValueError, match="labels=-99"):
        check_labels(np.array([[-99, -100]]), 3, ignore=-100)


def test_ids_must_be_integers():
    with pytest.raises(ValueError, match="integers"):
        check_ids(np.array([1.0]), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_must_be_finite(value):
    check_finite(np.array([0.5]))
    check_finite(np.array([3]))
    with pytest.raises(ValueError, match=f"{value} in example 2"):
        check_finite(np.array([[0.5], [value]]), rows=[1, 2])
