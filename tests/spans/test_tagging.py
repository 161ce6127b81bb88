"""Tags and pointers: spans are restored, illegal transitions and bad input are refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.spans import (
    allowed_transitions,
    encode_tags,
    pointer_labels,
    pointer_spans,
    spans_to_tags,
    tag_set,
    tags_to_spans,
)

pytestmark = pytest.mark.backend_free
SCHEMES = ["BIO", "BIOES", "BMES"]
each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@st.composite
def flat_spans(draw):
    """Draw (length, spans that do not overlap, in order)."""
    spans, place = [], 0
    for gap, size, label in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from("XY")))
    ):
        spans.append((place + gap, place + gap + size, label))
        place += gap + size
    return place + draw(st.integers(0, 2)), spans


@given(flat_spans(), st.sampled_from(SCHEMES))
@settings(max_examples=200, deadline=None)
def test_spans_come_back_from_their_tags_which_are_legal(example, scheme):
    length, spans = example
    tags = spans_to_tags(spans, length, scheme)
    assert len(tags) == length
    assert tags_to_spans(tags, scheme, strict=True) == spans
    assert set(tags) <= set(tag_set("XY", scheme))
    whole = allowed_transitions(tag_set("XY", scheme), scheme)
    ids = encode_tags(tags, tag_set("XY", scheme)).tolist()
    outside = len(whole) - 1
    assert all(whole[pair] for pair in zip([outside, *ids], [*ids, outside]))


@each_scheme
def test_transitions_allow_just_the_tags_of_some_spans(scheme):
    tags = tag_set("X", scheme)
    allowed, k = allowed_transitions(tags, scheme), len(tags)
    for ids in itertools.product(range(k), repeat=4):
        legal = all(allowed[pair] for pair in zip([k, *ids], [*ids, k]))
        spans = tags_to_spans([tags[i] for i in ids], scheme)
        assert legal == (spans_to_tags(spans, 4, scheme) == [tags[i] for i in ids])


def test_words_have_bare_roles():
    spans = [(0, 2, ""), (2, 3, ""), (3, 6, "")]
    assert spans_to_tags(spans, 6, "BMES") == list("BESBME")
    assert tags_to_spans("BESBME", "BMES") == spans
    assert allowed_transitions(list("BMES"), "BMES").astype(int).tolist() == [
        [0, 1, 1, 0, 0],
        [0, 1, 1, 0, 0],
        [1, 0, 0, 1, 1],
        [1, 0, 0, 1, 1],
        [1, 0, 0, 1, 1],
    ]


@pytest.mark.parametrize(
    "tags, scheme, spans",
    [
        (["I-X", "I-X"], "BIO", [(0, 2, "X")]),
        (["B-X", "I-Y"], "BIO", [(0, 1, "X"), (1, 2, "Y")]),
        (["B-X", "O", "E-X"], "BIOES", [(0, 1, "X"), (2, 3, "X")]),
        (["M", "B", "S"], "BMES", [(0, 1, ""), (1, 2, ""), (2, 3, "")]),
        ([], "BIO", []),
    ],
)
def test_tags_that_cannot_continue_begin_a_span(tags, scheme, spans):
    assert tags_to_spans(tags, scheme) == spans


@pytest.mark.parametrize(
    "tags, match",
    [
        (["O", "I-X"], "'I-X' after 'O' at 1"),
        (["I-X"], "'I-X' after 'the start' at 0"),
        (["B-X", "I-Y"], "'I-Y' after 'B-X' at 1"),
    ],
)
def test_strict_names_the_place_of_an_illegal_tag(tags, match):
    with pytest.raises(ValueError, match=match):
        tags_to_spans(tags, strict=True)


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: spans_to_tags([(0, 3, "X"), (2, 4, "Y")], 5), "must not overlap.*token 2"),
        (lambda: spans_to_tags([(0, 4, "X"), (1, 2, "Y")], 5), "must not overlap.*token 1"),
        (lambda: spans_to_tags([(3, 6, "X")], 5), r"within the 5 tokens.*\(3, 6, 'X'\)"),
        (lambda: spans_to_tags([(2, 2, "X")], 5), "hold at least one"),
        (lambda: spans_to_tags([(0, 1, "X")], 0), "within the 0 tokens"),
        (lambda: encode_tags(["O", "B-Z"], tag_set("XY")), "'B-Z' at 1"),
        (lambda: tags_to_spans(["Q-X"]), "scheme 'BIO'.*'Q-X'"),
        (lambda: tag_set("X", "BILOU"), "`scheme` must be one of"),
        (lambda: pointer_labels([(0, 1, "Z")], 3, "XY"), "labels of .*'Z'"),
        (lambda: pointer_labels([(0, 2, "X"), (1, 2, "X")], 3, "XY", 1), "at most `most`"),
        (lambda: pointer_labels([(0, 1, "X")], 3, "XY", 1), "not the first token alone"),
        (lambda: pointer_spans(np.zeros((1, 3, 3)), "XY"), r"of shape \(2, n, n\)"),
    ],
)
def test_bad_input_is_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(1, 7), st.sampled_from("XY"))))
@settings(max_examples=100, deadline=None)
def test_any_spans_come_back_from_pointers(spans):
    spans = sorted((s, e, x) for s, e, x in spans if s < e)
    scores = pointer_labels(spans, 7, "XY") - 0.5
    assert pointer_spans(scores, "XY") == spans
    kept = pointer_spans(scores, "XY", flat=True)
    assert set(kept) <= set(spans) and bool(kept) == bool(spans)
    assert all(a[1] <= b[0] for a, b in zip(kept, kept[1:]))
    sparse = pointer_labels([(s + 1, e + 1, x) for s, e, x in spans], 8, "XY", most=len(spans) or 1)
    found = {(s - 1, e, "XY"[h]) for h, pairs in enumerate(sparse) for s, e in pairs if e}
    assert found == set(spans)


@each_scheme
def test_no_tokens_and_one_token(scheme):
    assert spans_to_tags([], 0, scheme) == [] and tags_to_spans([], scheme) == []
    tags = spans_to_tags([(0, 1, "X")], 1, scheme)
    assert tags == (["B-X"] if scheme == "BIO" else ["S-X"])
    assert tags_to_spans(tags, scheme, strict=True) == [(0, 1, "X")]
