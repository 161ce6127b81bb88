"""Tables of plain text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.text import text_table
from kerasx.text.tables import display_width

pytestmark = pytest.mark.backend_free


def test_columns_start_at_the_same_place_whatever_the_script():
    lines = text_table([["question", "x"], ["鸡兔同笼", "x"], ["", "x"]]).split("\n")
    assert len({display_width(line[: line.rindex("x")]) for line in lines}) == 1


@given(st.text(alphabet="鸡a1，é", max_size=20), st.integers(0, 10))
@settings(max_examples=50, deadline=None)
def test_a_limited_column_is_never_wider(text, limit):
    assert display_width(text_table([[text]], [limit])) <= limit


def test_rows_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match="argument"):
        text_table([["a", "b"], ["c"]])
