"""Random choices depend on the seed alone, keep their bounds, and items are distinct."""

import pytest

from kerasx.datasets.draw import Draw, draw_distinct

pytestmark = pytest.mark.backend_free


def test_choices_are_those_of_the_seed_on_every_platform():
    draw = Draw(1)
    assert [draw.number(0, 99) for _ in range(5)] == [13, 84, 76, 25, 49]


def test_every_number_of_a_range_occurs_and_no_other():
    draw = Draw(0)
    assert {draw.number(3, 10, 2) for _ in range(200)} == {3, 5, 7, 9}
    assert {draw.choice("ab") for _ in range(50)} == {"a", "b"}
    assert {draw.two("abc") for _ in range(200)} == {(a, b) for a in "abc" for b in "abc" if a != b}


def test_items_are_distinct_and_end_with_what_can_be_drawn():
    def tens(draw):
        return draw.number(0, 90, 10) or None

    assert sorted(draw_distinct(8, 0, tens, str, exclude={"50"})) == [
        10,
        20,
        30,
        40,
        60,
        70,
        80,
        90,
    ]
    with pytest.raises(ValueError, match="at most about 9: there are no more new numbers"):
        draw_distinct(10, 0, tens, str, what="numbers")
