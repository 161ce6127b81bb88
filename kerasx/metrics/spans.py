"""Precision, recall and F1 of sets: entities, words, triples, events. NumPy only."""

from typing import NamedTuple

import numpy as np

__all__ = [
    "Score",
    "event_f1",
    "segmentation_f1",
    "set_f1",
    "span_f1",
    "span_report",
    "spo_f1",
    "top_k_accuracy",
]


class Score(NamedTuple):
    """How far two lists of sets agree; counts as well as rates, so that scores can be pooled."""

    precision: float
    recall: float
    f1: float
    correct: int
    predicted: int
    gold: int

    @classmethod
    def of(cls, correct, predicted, gold):
        """The score of counts; rates without a denominator are 0, unless there was nothing to find.

        >>> Score.of(1, 2, 4).f1, Score.of(0, 0, 0).f1
        (0.3333333333333333, 1.0)
        """
        if not predicted and not gold:
            return cls(1.0, 1.0, 1.0, 0, 0, 0)
        precision, recall = correct / max(predicted, 1), correct / max(gold, 1)
        return cls(precision, recall, 2 * correct / (predicted + gold), correct, predicted, gold)


def set_f1(gold, predicted):
    """Micro-averaged score of what is in both sets, example by example.

    Args:
        gold, predicted: equally long sequences of iterables of hashable items; duplicates within
            an example count once.

    Returns:
        `Score`.

    Raises:
        ValueError: sequences of different lengths.

    >>> set_f1([{1, 2}, {3}], [{1}, {4}]).f1
    0.4
    """
    if len(gold) != len(predicted):
        raise ValueError(
            "`gold` and `predicted` must have an entry for each example. "
            f"Received: len(gold)={len(gold)}, len(predicted)={len(predicted)}"
        )
    pairs = [(set(g), set(p)) for g, p in zip(gold, predicted)]
    counts = [(len(g & p), len(p), len(g)) for g, p in pairs]
    return Score.of(*(sum(column) for column in zip(*counts))) if counts else Score.of(0, 0, 0)


def span_f1(gold, predicted):
    """Micro-averaged score of entities: start, end and label must all be right.

    Args:
        gold, predicted: for each sentence an iterable of (start, end, label).

    >>> span_f1([[(0, 2, "PER"), (3, 4, "LOC")]], [[(0, 2, "PER"), (3, 4, "ORG")]]).f1
    0.5
    """
    return set_f1(*([[tuple(span) for span in spans] for spans in x] for x in (gold, predicted)))


def span_report(gold, predicted):
    """`span_f1` of each label, by label in order, and over all of them as "micro".

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
    """Micro-averaged score of words, which count as right at the same place only.

    Args:
        gold, predicted: for each sentence its words, in order.

    Raises:
        ValueError: words of a sentence that do not make up the same text.

    >>> segmentation_f1([["研究", "生命"]], [["研究生", "命"]]).f1
    0.0
    """
    for i, (g, p) in enumerate(zip(gold, predicted)):
        if "".join(g) != "".join(p):
            raise ValueError(
                "`gold` and `predicted` must be words of the same text. "
                f"Received: {''.join(g)[:40]!r} and {''.join(p)[:40]!r} as sentence {i}"
            )
    return set_f1(*([_word_spans(words) for words in x] for x in (gold, predicted)))


def _word_spans(words):
    ends = np.cumsum([len(word) for word in words]).tolist()
    return list(zip([0, *ends[:-1]], ends))


def spo_f1(gold, predicted):
    """Score of relation extraction: subject, predicate and object must all be right.

    Args:
        gold, predicted: for each text an iterable of triples (subject, predicate, object); an
            object of several parts is a dict or a tuple.

    Source: the LIC2020 evaluation of relation extraction; kexue.fm/archives/7321.

    >>> right, wrong = ("鲁迅", "籍贯", "绍兴"), ("鲁迅", "籍贯", "北京")
    >>> spo_f1([[right]], [[right, wrong]])[:2]
    (0.5, 1.0)
    """
    return set_f1(*([list(map(_frozen, triples)) for triples in x] for x in (gold, predicted)))


def event_f1(gold, predicted):
    """Score of event extraction by its arguments: type, role and argument must all be right.

    Args:
        gold, predicted: for each text an iterable of events {"event_type": ..., "arguments":
            [{"role": ..., "argument": ...}, ...]}, as in the data of LIC2020. Arguments of the same
            type, role and text count once, whichever event they are in.

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
    """Lists and dicts as tuples, which are hashable."""
    if isinstance(x, dict):
        return tuple(sorted((key, _frozen(value)) for key, value in x.items()))
    return tuple(map(_frozen, x)) if isinstance(x, (list, tuple)) else x


def top_k_accuracy(labels, scores, k=5):
    """How often the label is among the k classes of the highest scores.

    Of equal scores that of the label counts as the lowest, so that a constant gets nothing for it.

    Args:
        labels: integers (n,).
        scores: (n, c).
        k: at least 1.

    Returns:
        float in [0, 1].

    >>> top_k_accuracy([0, 2], [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]], k=2)
    0.0
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not len(labels) or k < 1:
        raise ValueError(
            "`labels` must be (n,), `scores` (n, c) and `k` at least 1, with n > 0. "
            f"Received: labels.shape={labels.shape}, scores.shape={scores.shape}, k={k}"
        )
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(
            f"`labels` must be among the {scores.shape[1]} classes. Received: {labels.min()} to "
            f"{labels.max()}"
        )
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    return float(((scores >= own).sum(1) <= k).mean())
