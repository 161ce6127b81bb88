"""Reorder the hypotheses of each prompt after generation, in NumPy."""

import math
from dataclasses import replace

import numpy as np

from kerasx.checks import invalid


def rerank(generated, function):
    """Sort the hypotheses of each prompt by a given score, best first.

    Args:
        generated: `Generated`.
        function: function(i, sequence, score) -> number, for the prompt numbered `i`, a sequence
            of token ids and its present score. Equal numbers keep their order.

    Returns:
        `Generated` with the new scores.

    Raises:
        ValueError: a new score is not a number.

    >>> from kerasx.generation import Generated
    >>> found = Generated([[[5, 6, 7], [5]]], [[-1.0, -2.0]])
    >>> rerank(found, lambda i, sequence, score: score / len(sequence) ** 2).best
    [[5, 6, 7]]
    """
    sequences, scores = [], []
    for i, (rows, old) in enumerate(zip(generated.sequences, generated.scores, strict=True)):
        new = [float(function(i, *pair)) for pair in zip(rows, old, strict=True)]
        if any(map(math.isnan, new)):
            raise invalid("`function` must return numbers.", prompt=i, scores=new)
        order = sorted(range(len(new)), key=new.__getitem__, reverse=True)
        sequences.append([rows[j] for j in order])
        scores.append([new[j] for j in order])
    return replace(generated, sequences=sequences, scores=scores)


def vote(generated, value):
    """Merge hypotheses of equal value and add up their probabilities.

        p(value) = Σ p(sequence) over the different sequences of that value

    The most probable of these is kept. So an answer found in several ways beats an answer a little
    more probable in one way. A sequence that was sampled twice counts once.

    Args:
        generated: `Generated`, with log-probabilities as scores.
        value: function from a sequence of token ids to its value (hashable). A sequence for which
            it returns None or raises a ValueError, as `kerasx.text.evaluate` does, has no value;
            such sequences are not merged and come last.

    Returns:
        `Generated`, for each prompt one sequence for each value, best first, whose score is the
        logarithm of the sum of probabilities.

    Source: Wang et al., arXiv 2203.11171 (self-consistency), weighted by probability.

    >>> from kerasx.generation import Generated
    >>> found = Generated([[[1], [2], [12]]], [[-0.9, -1.2, -1.2]])
    >>> vote(found, lambda ids: ids[0] % 10 == 2).sequences
    [[[2], [1]]]
    """
    sequences, scores = [], []
    for rows, old in zip(generated.sequences, generated.scores, strict=True):
        groups = {}
        different = {tuple(row): (row, score) for row, score in zip(rows, old, strict=True)}
        for j, pair in enumerate(different.values()):
            worth = _worth(value, pair[0])
            groups.setdefault((worth is None, j if worth is None else worth), []).append(pair)
        found = [
            (without, np.logaddexp.reduce([s for _, s in group]), max(group, key=_score)[0])
            for (without, _), group in groups.items()
        ]
        found.sort(key=lambda x: (x[0], -x[1]))
        sequences.append([sequence for _, _, sequence in found])
        scores.append([float(score) for _, score, _ in found])
    return replace(generated, sequences=sequences, scores=scores)


def _worth(value, sequence):
    try:
        return value(sequence)
    except ValueError:
        return None


def _score(pair):
    return pair[1]
