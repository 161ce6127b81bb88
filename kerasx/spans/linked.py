"""Convert relations and events to the labels of GPLinker and CasRel, and decode their scores.

GPLinker links two spans by a link of their first tokens and a link of their last tokens
(kexue.fm/archives/8888, 8926).
"""

from itertools import combinations

import numpy as np

from kerasx.checks import check_shape, invalid
from kerasx.spans.alignment import text_spans, token_spans
from kerasx.spans.half_pointers import half_pointer_labels
from kerasx.spans.tagging import pointer_labels, pointer_spans


def token_triples(text, triples, offsets):
    """Convert triples of spans of a text to triples of spans of its tokens.

    Args:
        text: str.
        triples: list of ((start, end), predicate, (start, end)) in characters.
        offsets: (start, end) of each token in characters, as in `token_spans`.

    Returns:
        List of ((first, last + 1), predicate, (first, last + 1)) in tokens; triples with a span
        that does not begin and end where tokens do are left out.

    >>> token_triples("鲁迅，绍兴", [((0, 2), "籍贯", (3, 5))], [(0, 2), (2, 3), (3, 5)])
    [((0, 1), '籍贯', (2, 3))]
    """
    found = []
    for s, predicate, o in triples:
        spans = token_spans(text, [(*s, ""), (*o, "")], offsets, errors="skip")
        if len(spans) == 2:
            found.append((spans[0][:2], predicate, spans[1][:2]))
    return found


def text_triples(text, triples, offsets):
    """Convert triples of spans of tokens, such as a model predicts, to triples of strings.

    Args:
        text: str.
        triples: list of ((first, last + 1), predicate, (first, last + 1)) in tokens.
        offsets: (start, end) of each token in characters, as in `token_spans`.

    Returns:
        List of (subject, predicate, object); triples with a span of special tokens alone are left
        out.

    >>> text_triples("鲁迅，绍兴", [((0, 1), "籍贯", (2, 3))], [(0, 2), (2, 3), (3, 5)])
    [('鲁迅', '籍贯', '绍兴')]
    """
    found = []
    for s, predicate, o in triples:
        spans = text_spans(text, [(*s, ""), (*o, "")], offsets)
        if len(spans) == 2:
            subject, value = (text[start:end] for start, end, _ in spans)
            found.append((subject, predicate, value))
    return found


def subject_labels(triples, length, predicates):
    """Make the targets of CasRel for each subject: all subjects, and the objects of this subject.

    Args:
        triples: list of ((start, end), predicate, (start, end)) in tokens.
        length: number of tokens n.
        predicates: list of the p predicates.

    Returns:
        List of (marks (n,), subjects (n, 2), objects (n, 2p)), float32, one for each subject in
        order. The marks are 1 at the tokens of the subject; the other two are targets arranged as
        by `half_pointer_labels`. Without triples, one entry of zeros.

    Raises:
        ValueError: a span outside the text, or an unknown predicate.

    Source: CasRel, arXiv 1909.03227.

    >>> [(marks, subjects, objects)] = subject_labels([((0, 2), "籍贯", (2, 3))], 3, ["籍贯"])
    >>> marks.tolist(), objects.tolist()
    ([1.0, 1.0, 0.0], [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    """
    subjects = half_pointer_labels([(*s, "") for s, _, _ in triples], length, [""])
    place, rows = np.arange(length), []
    for start, end in sorted({s for s, _, _ in triples}) or [(0, 0)]:
        marks = ((start <= place) & (place < end)).astype("float32")
        objects = [(*o, predicate) for s, predicate, o in triples if s == (start, end)]
        rows.append((marks, subjects, half_pointer_labels(objects, length, predicates)))
    return rows


def triple_labels(triples, length, predicates, most):
    """Make the targets of GPLinker: spans that are subjects and objects, and the links of both.

    Args:
        triples: list of ((start, end), predicate, (start, end)) in tokens; no span has token 0.
        length: number of tokens.
        predicates: list of the p predicates.
        most: largest number of different subjects, of objects, or of links of one predicate.

    Returns:
        (entities (2, most, 2), heads (p, most, 2), tails (p, most, 2)): sparse int32 labels of
        `GlobalPointer(2)` and of two `GlobalPointer(p, RoPE=False, tril_mask=False)`.

    Raises:
        ValueError: a span outside the text, an unknown predicate, more than `most`.

    >>> entities, heads, tails = triple_labels([((3, 5), "籍贯", (1, 2))], 6, ["籍贯"], 1)
    >>> entities.tolist(), heads.tolist(), tails.tolist()
    ([[[3, 4]], [[1, 1]]], [[[3, 1]]], [[[4, 1]]])
    """
    ends = {(*s, "subject") for s, _, _ in triples} | {(*o, "object") for _, _, o in triples}
    entities = pointer_labels(ends, length, ("subject", "object"), most)
    heads = {(s[0], o[0], predicate) for s, predicate, o in triples}
    tails = {(s[1] - 1, o[1] - 1, predicate) for s, predicate, o in triples}
    return entities, _pairs(heads, predicates, most), _pairs(tails, predicates, most)


def linked_triples(entities, heads, tails, predicates, threshold=0.0, most=64):
    """Decode the triples whose subject, object and two links all score above the threshold.

    Args:
        entities: scores (2, n, n) of subjects and objects.
        heads, tails: scores (p, n, n) of the links from a subject's first, or last, token to that
            of its object.
        predicates: list of the p predicates.
        threshold: float; 0 for the loss ZLPR.
        most: number of subjects and objects with the highest scores to consider; a model at the
            start of training finds thousands.

    Returns:
        Sorted list of ((start, end), predicate, (start, end)).

    Raises:
        ValueError: scores of other shapes.

    >>> scores = np.full((4, 3, 3), -1.0)
    >>> scores[0, 2, 2] = scores[1, 0, 1] = scores[2, 2, 0] = scores[3, 2, 1] = 1.0
    >>> linked_triples(scores[:2], scores[2:3], scores[3:], ["籍贯"])
    [((2, 3), '籍贯', (0, 2))]
    """
    heads, tails, triples = np.asarray(heads), np.asarray(tails), []
    spans = _best_spans(entities, ("subject", "object"), threshold, most)
    _check_links((len(predicates), *np.shape(entities)[1:]), heads=heads, tails=tails)
    for s in (span[:2] for span in spans if span[2] == "subject"):
        for o in (span[:2] for span in spans if span[2] == "object"):
            linked = np.minimum(heads[:, s[0], o[0]], tails[:, s[1] - 1, o[1] - 1]) > threshold
            triples += [(s, predicates[i], o) for i in np.flatnonzero(linked)]
    return sorted(triples)


def event_labels(events, length, labels, most):
    """Make the targets of GPLinker for events: the arguments, and the links within an event.

    Args:
        events: for each event the list of its arguments (start, end, label) in tokens; no span
            has token 0.
        length: number of tokens.
        labels: list of the h labels of arguments, such as pairs (event type, role).
        most: largest number of arguments of one label, or of links.

    Returns:
        (arguments (h, most, 2), heads (1, most, 2), tails (1, most, 2)): sparse int32 labels of
        `GlobalPointer(h)` and of two `GlobalPointer(1, RoPE=False)`. A link goes from the earlier
        token to the later one.

    Raises:
        ValueError: a span outside the text, an unknown label, more than `most`.

    >>> _, heads, tails = event_labels([[(1, 3, "A"), (4, 5, "B")]], 6, ["A", "B"], 2)
    >>> heads.tolist(), tails.tolist()
    ([[[1, 4], [0, 0]]], [[[2, 4], [0, 0]]])
    """
    arguments = {argument for event in events for argument in event}
    pairs = [pair for event in events for pair in combinations(event, 2)]
    heads = {(*sorted((a[0], b[0])), "link") for a, b in pairs}
    tails = {(*sorted((a[1] - 1, b[1] - 1)), "link") for a, b in pairs}
    spans = pointer_labels(arguments, length, labels, most)
    return spans, _pairs(heads, ["link"], most), _pairs(tails, ["link"], most)


def linked_events(arguments, heads, tails, labels, threshold=0.0, most=64):
    """Decode events: maximal sets of arguments of one event type that are all linked in pairs.

    For each link outside the events found so far, an event is grown from the link in the order of
    the text. So every link and every argument is in an event.

    Args:
        arguments: scores (h, n, n).
        heads, tails: scores (1, n, n) of the links.
        labels: list of the h labels of arguments, pairs (event type, role).
        threshold: float; 0 for the loss ZLPR.
        most: number of arguments with the highest scores to consider.

    Returns:
        List of events, each a sorted list of (start, end, label). An argument without links is an
        event by itself; an argument that is linked with two events is in both.

    Raises:
        ValueError: scores of other shapes.

    Source: kexue.fm/archives/8926.

    >>> scores = np.full((4, 3, 3), -1.0)
    >>> scores[0, 0, 0] = scores[1, 2, 2] = scores[2, 0, 2] = scores[3, 0, 2] = 1.0
    >>> linked_events(scores[:2], scores[2:3], scores[3:], [("夺冠", "冠军"), ("夺冠", "时间")])
    [[(0, 1, ('夺冠', '冠军')), (2, 3, ('夺冠', '时间'))]]
    """
    spans = _best_spans(arguments, labels, threshold, most)
    heads, tails = np.asarray(heads), np.asarray(tails)
    _check_links((1, *np.shape(arguments)[1:]), heads=heads, tails=tails)

    def linked(a, b):
        head, tail = sorted((a[0], b[0])), sorted((a[1] - 1, b[1] - 1))
        score = min(heads[(0, *head)], tails[(0, *tail)])
        return a[2][0] == b[2][0] and score > threshold

    near = {a: {b for b in spans if b != a and linked(a, b)} for a in spans}
    links = [(a, b) for a, b in combinations(spans, 2) if b in near[a]]
    events = [{a} for a in spans if not near[a]]
    for pair in links:
        if not any(event.issuperset(pair) for event in events):
            events.append(_grown(pair, spans, near))
    return sorted(map(sorted, events))


def _grown(pair, spans, near):
    """Grow an event from two linked spans: add each span that is linked with all of the event."""
    event = set(pair)
    for span in spans:
        if event <= near[span]:
            event.add(span)
    return event


def _best_spans(scores, labels, threshold, most):
    """Decode at most `most` spans: those above the threshold with the highest scores."""
    scores = np.asarray(scores)
    if scores.ndim == 3:  # else `pointer_spans` refuses the scores
        spans = scores[:, np.triu(np.ones(scores.shape[1:], "bool"))].ravel()
        if len(spans) > most:
            threshold = max(threshold, np.partition(spans, -most - 1)[-most - 1])
    return pointer_spans(scores, labels, threshold)


def _check_links(expected, **scores):
    for name, links in scores.items():
        check_shape(name, links, expected, "scores of links")


def _pairs(pairs, labels, most):
    """Return sparse labels (h, most, 2): the pairs (i, j) of each label, then zeros."""
    places = {label: [] for label in labels}
    for i, j, label in sorted(pairs):
        if label not in places:
            raise invalid(f"links must have labels of {list(labels)}.", label=label)
        places[label].append((i, j))
    sparse = np.zeros((len(places), most, 2), "int32")
    for row, (label, found) in zip(sparse, places.items()):
        if len(found) > most:
            raise invalid(
                f"`most` must be at least {len(found)}, the links of {label!r}.", most=most
            )
        row[: len(found)] = found or np.zeros((0, 2))
    return sparse
