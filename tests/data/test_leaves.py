import numpy as np
import pytest

from kerasx.data.leaves import Kind, Leaf, describe

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    "arguments, match",
    [
        (dict(kind="x", pad=0), "`kind` must be a Kind"),
        (dict(kind=Kind.INPUT), "`pad_value`"),
        (dict(kind=Kind.LABEL, pad="0"), "padding of `y` must be a number"),
        (dict(kind=Kind.LABEL, path=("tags",), size=2.5), r"`size of y\['tags'\]`"),
        (dict(kind=Kind.LABEL, size=-1), "`size of y`"),
    ],
)
def test_a_leaf_is_checked_when_it_is_made(arguments, match):
    with pytest.raises(ValueError, match=match):
        Leaf(**arguments)


def test_each_part_has_the_option_that_was_given_for_it():
    example = ({"y": [1, 2], "weight": [0, 0]}, ([3], 4), 0.5)
    x, y, weight = describe(example, 9, (-1, None), {"y": 5}, 6)
    assert x == {
        "y": Leaf(Kind.INPUT, ("y",), pad=9, size=5),
        "weight": Leaf(Kind.INPUT, ("weight",), pad=9),
    }
    assert y == (Leaf(Kind.LABEL, (0,), pad=-1, size=6), Leaf(Kind.LABEL, (1,), size=6))
    assert weight == Leaf(Kind.WEIGHT)


def test_the_kind_decides_about_the_padding_value_not_the_name():
    array, rows = np.array([[-1]]), [0]
    Leaf(Kind.LABEL, ("x",), pad=-1, size=3).check(array, rows)
    with pytest.raises(ValueError, match=r"`x\['y'\]` must be in"):
        Leaf(Kind.INPUT, ("y",), pad=-1, size=3).check(array, rows)
