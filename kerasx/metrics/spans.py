"""Compute precision, recall and F1 of sets: entities, words, triples or arguments of events."""

from typing import NamedTuple

import numpy as np

from kerasx.checks import check_integer, check_same_length, invalid


class Score(NamedTuple):
    """Precision, recall and F1, with the counts from which they are computed."""

    precision: float
    recall: float
    f1: float
    correct: int
    predicted: int
    gold: int

    @classmethod
    def of(cls, correct, predicted, gold):
        """Compute the score of counts: 1 if both sets are empty; x / 0 counts as 0.

        >>> Score.of(1, 2, 4).f1, Score.of(0, 0, 0).f1
        (0.3333333333333333, 1.0)
        """
        if not predicted and not gold:
            return cls(1.0, 1.0, 1.0, 0, 0, 0)
        precision, recall = correct / max(predicted, 1), correct / max(gold, 1)
        return cls(precision, recall, 2 * correct / (predicted + gold), correct, predicted, gold)


def set_f1(gold, predicted):
    """Compute the micro-averaged precision, recall and F1 of sets of items.

    Args:
        gold, predicted: sequences with an iterable of hashable items for each example; repeated
            items of an example count once.

    Returns:
        A tuple `Score` with the fields precision, recall and f1 (float), correct, predicted and
        gold (int).

    Raises:
        ValueError: the sequences differ in length.

    >>> set_f1([{1, 2}, {3}], [{1}, {4}]).f1
    0.4
    """
    check_same_length(gold=gold, predicted=predicted)
    pairs = [(set(g), set(p)) for g, p in zip(gold, predicted)]
    counts = [(len(g & p), len(p), len(g)) for g, p in pairs]
    return Score.of(*(sum(column) for column in zip(*counts))) if counts else Score.of(0, 0, 0)


def span_f1(gold, predicted):
    """Compute the micro-averaged F1 of entities; start, end and label must be right.

    Args:
        gold, predicted: sequences with an iterable of (start, end, label) for each sentence.

    Returns:
        A `Score` (see `set_f1`).

    >>> span_f1([[(0, 2, "PER"), (3, 4, "LOC")]], [[(0, 2, "PER"), (3, 4, "ORG")]]).f1
    0.5
    """
    return set_f1(*([[tuple(span) for span in spans] for spans in x] for x in (gold, predicted)))


def span_report(gold, predicted):
    """Compute `span_f1` for each label, and for all labels together.

    Args:
        gold, predicted: as in `span_f1`.

    Returns:
        {label: Score} in the order of the labels; the last key is "micro".

    >>> report = span_report([[(0, 2, "PER"), (3, 4, "LOC")]], [[(0, 2, "PER")]])
    >>> {label: score.f1 for label, score in report.items()}
    {'LOC': 0.0, 'PER': 1.0, 'micro': 0.6666666666666666}
    """
    labels = sorted({label for x in (gold, predicted) for spans in x for _, _, label in spans})

    def only(label, sentences):
        return [[span for span in spans if span[2] == label] for spans in sentences]

    report = {label: span_f1(only(label, gold), only(label, predicted)) for label in labels}
    return report | {"micro": span_f1(gold, predicted)}


def segmentation_f1(gold, predicted):
    """Compute the micro-averaged F1 of word segmentation; start and end of a word must be right.

    Args:
        gold, predicted: sequences with the list of words of each sentence.

    Returns:
        A `Score` (see `set_f1`).

    Raises:
        ValueError: the words of a sentence join to different texts.

    >>> segmentation_f1([["研究", "生命"]], [["研究生", "命"]]).f1
    0.0
    """
    for i, (g, p) in enumerate(zip(gold, predicted)):
        if "".join(g) != "".join(p):
            raise invalid(
                f"`gold[{i}]` and `predicted[{i}]` must be words of the same text.",
                gold="".join(g),
                predicted="".join(p),
            )
    return set_f1(*([_word_spans(words) for words in x] for x in (gold, predicted)))


def _word_spans(words):
    ends = np.cumsum([len(word) for word in words]).tolist()
    return list(zip([0, *ends[:-1]], ends))


def spo_f1(gold, predicted):
    """Compute the F1 of relation extraction; subject, predicate and object must be right.

    Args:
        gold, predicted: sequences with an iterable of (subject, predicate, object) for each text;
            an object of several parts is a dict or a tuple.

    Returns:
        A `Score` (see `set_f1`).

    Source: the LIC2020 evaluation of relation extraction; kexue.fm/archives/7321.

    >>> right, wrong = ("鲁迅", "籍贯", "绍兴"), ("鲁迅", "籍贯", "北京")
    >>> spo_f1([[right]], [[right, wrong]])[:2]
    (0.5, 1.0)
    """
    return set_f1(*([list(map(_frozen, triples)) for triples in x] for x in (gold, predicted)))


def event_f1(gold, predicted):
    """Compute the F1 of the arguments of events; type, role and argument must be right.

    Args:
        gold, predicted: sequences with an iterable of events for each text: {"event_type": ...,
            "arguments": [{"role": ..., "argument": ...}, ...]}, as in the data of LIC2020. Equal
            arguments of several events of a type count once.

    Returns:
        A `Score` (see `set_f1`).

    Source: the LIC2020 evaluation of event extraction; kexue.fm/archives/7321.

    >>> event = {"event_type": "夺冠", "arguments": [{"role": "冠军", "argument": "中国队"}]}
    >>> event_f1([[event]], [[event, event]]).f1
    1.0
    """

    def arguments(events):
        return [
            (event["event_type"], argument["role"], argument["argument"])
            for event in events
            for argument in event["arguments"]
        ]

    return set_f1(*([arguments(events) for events in x] for x in (gold, predicted)))


def _frozen(x):
    """Convert lists and dicts to tuples, which are hashable."""
    if isinstance(x, dict):
        return tuple(sorted((key, _frozen(value)) for key, value in x.items()))
    return tuple(map(_frozen, x)) if isinstance(x, (list, tuple)) else x


def top_k_accuracy(labels, scores, k=5):
    """Compute the share of examples whose label is among the k classes with the highest scores.

    Among equal scores the label is ranked last, so constant scores gain nothing.

    Args:
        labels: int (n,), classes in [0, c).
        scores: float (n, c).
        k: int, at least 1.

    Returns:
        float in [0, 1].

    Raises:
        ValueError: a shape is wrong, n is 0, or a label is out of range.

    >>> top_k_accuracy([0, 2], [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]], k=2)
    0.0
    """
    check_integer("k", k, least=1)
    labels, scores = np.asarray(labels), np.asarray(scores)
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not len(labels):
        shapes = {"labels.shape": labels.shape, "scores.shape": scores.shape}
        raise invalid("`labels` must be (n,) and `scores` (n, c), with n > 0.", **shapes)
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise invalid(f"`labels` must be among the {scores.shape[1]} classes.", labels=labels)
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    return float(((scores >= own).sum(1) <= k).mean())
