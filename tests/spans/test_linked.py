"""Triples and events are restored from their labels."""

from itertools import combinations

import numpy as np
import pytest

from kerasx.datasets import generate_relations
from kerasx.datasets.relations import triple_spans
from kerasx.spans import (
    event_labels,
    linked_events,
    linked_triples,
    text_triples,
    token_triples,
    triple_labels,
)
from kerasx.spans.half_pointers import half_pointer_spans
from kerasx.spans.linked import subject_labels

pytestmark = pytest.mark.backend_free

# nested and overlapping spans, one subject with two objects, one object of two subjects
TRIPLES = [
    ((1, 3), "A", (4, 6)),
    ((1, 3), "A", (5, 6)),
    ((1, 3), "B", (4, 6)),
    ((2, 3), "A", (1, 2)),
    ((5, 6), "B", (1, 3)),
]
LABELS = [("X", "a"), ("X", "b"), ("Y", "a")]


def dense(sparse, length):
    """Return scores of 1 at the pairs of sparse labels and of -1 elsewhere."""
    scores = np.full((len(sparse), length, length), -1.0)
    for head, pairs in zip(scores, sparse):
        for i, j in pairs[pairs.any(1)]:
            head[i, j] = 1
    return scores


def test_triples_come_back_from_their_labels():
    labels = triple_labels(TRIPLES, 7, ["A", "B"], most=5)
    assert [x.shape for x in labels] == [(2, 5, 2)] * 3
    assert linked_triples(*(dense(x, 7) for x in labels), ["A", "B"]) == sorted(TRIPLES)


def test_no_pair_is_given_twice():
    entities, heads, tails = triple_labels(TRIPLES[:3] * 2, 7, ["A", "B"], most=2)
    assert entities.any(-1).sum() == 3 and heads.any(-1).sum() == 3 and tails.any(-1).sum() == 2


def test_a_link_of_one_end_is_no_triple():
    entities, heads, tails = triple_labels(TRIPLES[:1], 7, ["A", "B"], most=1)
    scores = [dense(x, 7) for x in (entities, heads, 0 * tails)]
    assert linked_triples(*scores, ["A", "B"]) == []


def test_texts_without_triples_have_labels_of_padding():
    assert not any(x.any() for x in triple_labels([], 4, ["A"], most=3))
    assert not any(x.any() for x in event_labels([], 4, LABELS, most=3))
    [(marks, subjects, objects)] = subject_labels([], 4, ["A"])
    assert marks.shape == (4,) and not marks.any() and not subjects.any() and not objects.any()


@pytest.mark.parametrize(
    "triple, most", [(((1, 9), "A", (1, 2)), 1), (((1, 2), "C", (2, 3)), 1), (TRIPLES[0], 0)]
)
def test_triples_that_have_no_place_are_refused(triple, most):
    with pytest.raises(ValueError, match="must"):
        triple_labels([triple], 7, ["A", "B"], most)


def test_scores_of_other_shapes_are_refused():
    good, bad = np.zeros((1, 3, 3)), np.zeros((1, 3, 4))
    with pytest.raises(ValueError, match="`tails` must be scores of links, of shape"):
        linked_triples(np.zeros((2, 3, 3)), good, bad, ["A"])
    with pytest.raises(ValueError, match="`heads` must be scores of links, of shape"):
        linked_events(good, bad, good, LABELS[:1])
    with pytest.raises(ValueError, match=r"`scores` must be of shape \(1, n, n\)"):
        linked_events(good[0], good, good, LABELS[:1])


def test_each_subject_has_its_objects():
    rows = subject_labels(TRIPLES, 7, ["A", "B"])
    found = []
    for marks, subjects, objects in rows:
        place = np.flatnonzero(marks)
        subject = (int(place[0]), int(place[-1]) + 1)
        spans = half_pointer_spans(objects, ["A", "B"], 0.5)
        found += [(subject, predicate, (start, end)) for start, end, predicate in spans]
        assert half_pointer_spans(subjects, ["s"], 0.5) == [(1, 3, "s"), (2, 3, "s"), (5, 6, "s")]
    assert len(rows) == 3 and set(found) == set(TRIPLES)


def test_events_that_share_an_argument_come_back():
    events = [
        [(1, 2, ("X", "a")), (3, 5, ("X", "b"))],
        [(1, 2, ("X", "a")), (6, 8, ("X", "b")), (2, 3, ("X", "a"))],
        [(4, 5, ("Y", "a"))],
    ]
    labels = event_labels(events, 9, LABELS, most=5)
    found = linked_events(*(dense(x, 9) for x in labels), LABELS)
    assert found == sorted(map(sorted, events))


def test_arguments_of_two_types_are_never_one_event():
    events = [[(1, 2, ("X", "a")), (3, 5, ("Y", "a"))]]
    scores = [dense(x, 6) for x in event_labels(events, 6, LABELS, most=1)]
    assert linked_events(*scores, LABELS) == [[argument] for argument in events[0]]


def test_events_are_largest_cliques_of_any_graph_with_every_link_in_one():
    rng = np.random.default_rng(0)
    labels, n = [("X", "a")], 7
    for _ in range(30):
        near = np.triu(rng.random((n, n)) < 0.6, 1)
        scores = np.where(np.eye(n) > 0, 1.0, -1.0)[None]
        links = np.where(near, 1.0, -1.0)[None]
        cliques = [
            set(x)
            for size in range(1, n + 1)
            for x in combinations(range(n), size)
            if all(near[pair] for pair in combinations(x, 2))
        ]
        largest = [x for x in cliques if not any(x < y for y in cliques)]
        events = linked_events(scores, links, links, labels)
        found = [{start for start, *_ in event} for event in events]
        assert all(x in largest for x in found) and len(found) <= len(largest)
        assert all(any(x <= y for y in found) for x in cliques if len(x) <= 2)


def test_of_very_many_spans_the_highest_count():
    rng = np.random.default_rng(0)
    scores = rng.uniform(1, 2, (5, 40, 40))
    assert len(linked_events(scores[:3], scores[3:4], scores[4:], LABELS, most=10)) < 10
    triples = linked_triples(scores[:2], scores[2:3], scores[3:4], ["A"], most=10)
    spans = {(*s, 0) for s, *_ in triples} | {(*o, 1) for *_, o in triples}
    upper = np.triu(np.ones((40, 40)))
    assert len(spans) == 10 and all(
        (scores[:2] * upper > scores[h, start, end - 1]).sum() < 10 for start, end, h in spans
    )


def test_triples_of_a_text_come_back_from_its_tokens():
    for text, triples in generate_relations(50):
        offsets = [(0, 0), *((i, i + 1) for i in range(len(text)))]
        spans = token_triples(text, triple_spans(text, triples), offsets)
        assert text_triples(text, spans, offsets) == list(triples)


def test_triples_that_are_cut_off_are_left_out():
    assert token_triples("鲁迅，绍兴", [((0, 2), "A", (3, 5))], [(0, 1), (1, 2), (2, 3)]) == []
