"""Spans found from the scores of their ends equal the best of all spans."""

import numpy as np
import pytest

from kerasx.spans.half_pointers import best_span, half_pointer_labels, half_pointer_spans

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("longest", [None, 1, 3, 20])
def test_the_best_span_is_the_best_of_all(longest):
    rng = np.random.default_rng(0)
    for n in (1, 2, 7):
        starts, ends = rng.normal(size=(2, n))
        spans = [(i, j + 1) for i in range(n) for j in range(i, n) if j - i < (longest or n)]
        best = max(spans, key=lambda span: starts[span[0]] + ends[span[1] - 1])
        assert best_span(starts, ends, longest) == best


def test_masked_tokens_are_in_no_best_span():
    low = np.finfo("float32").min
    assert best_span(np.float32([low, 0, low]), np.float32([low, low, -5])) == (1, 3)
    assert best_span([-np.inf, -np.inf], [-np.inf, -np.inf]) == (0, 1)


@pytest.mark.parametrize(
    "arguments", [([], []), ([1.0], [1.0, 2.0]), ([1.0], [1.0], 0), ([np.nan], [1.0]), (1.0, 2.0)]
)
def test_bad_scores_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        best_span(*arguments)


def test_spans_apart_come_back_from_their_labels():
    spans = [(0, 1, "A"), (1, 3, "B"), (2, 4, "A"), (5, 6, "B")]
    marks = half_pointer_labels(spans, 6, ["A", "B"])
    assert marks.shape == (6, 4) and marks.sum() == 8
    assert half_pointer_spans(marks, ["A", "B"], 0.5) == spans


def test_a_start_without_an_end_after_it_is_no_span():
    assert half_pointer_spans([[-1, 1], [1, -1]], ["A"]) == []
    assert half_pointer_spans(np.zeros((0, 2)), ["A"]) == []


@pytest.mark.parametrize(
    "span, match",
    [
        ((0, 0, "A"), "must lie within the 3 tokens"),
        ((2, 4, "A"), "must lie within the 3 tokens"),
        ((-1, 2, "A"), "must lie within the 3 tokens"),
        ((0, 1, "C"), "must have labels of"),
    ],
)
def test_spans_outside_and_unknown_labels_are_refused(span, match):
    with pytest.raises(ValueError, match=match):
        half_pointer_labels([span], 3, ["A", "B"])


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"of shape \(None, 4\)"):
        half_pointer_spans(np.zeros((3, 2)), ["A", "B"])
