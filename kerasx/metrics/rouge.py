"""ROUGE-1, ROUGE-2 and ROUGE-L of titles and summaries.

Source: Lin, 2004 (aclanthology.org/W04-1013); and the Python package `rouge` 1.0, with which
published Chinese results such as kexue.fm/archives/7867 are computed.
"""

from collections import Counter

from kerasx.checks import check_same_length, invalid
from kerasx.metrics.tokens import ngrams, tokens_of
from kerasx.text import longest_common_subsequence


def rouge(hypothesis, reference, distinct=True):
    """Compute precision, recall and F1 of ROUGE-1, ROUGE-2 and ROUGE-L.

        p = common / |H|, r = common / |R|, F1 = 2 p r / (p + r)

    ROUGE-1 counts the tokens H and R of the two texts, ROUGE-2 their pairs of adjacent tokens;
    for ROUGE-L, `common` is the length of the longest common subsequence. A score with an empty
    denominator is 0.

    Args:
        hypothesis, reference: str, whose tokens are the characters without white space; or lists
            of tokens. Upper and lower case differ.
        distinct: bool. True counts each token, pair and member of the subsequence once, as the
            package `rouge` does; ROUGE-L then depends a little on which of several longest
            subsequences is taken, and agrees with that package. False counts all occurrences,
            which is Lin's definition.

    Returns:
        {"rouge-1": {"f": F1, "p": p, "r": r}, "rouge-2": ..., "rouge-l": ...}, floats in [0, 1].
        (The package splits texts at ASCII full stops before it searches for subsequences; here a
        full stop is a token.)

    >>> scores = rouge("图像的检索方法", "图像检索研究")
    >>> {name: round(score["f"], 3) for name, score in scores.items()}
    {'rouge-1': 0.615, 'rouge-2': 0.364, 'rouge-l': 0.615}
    """
    hypothesis, reference = tokens_of(hypothesis), tokens_of(reference)
    counted = set if distinct else list
    scores = {}
    for n in (1, 2):
        ours, theirs = (Counter(counted(ngrams(x, n))) for x in (hypothesis, reference))
        scores[f"rouge-{n}"] = _score((ours & theirs).total(), ours.total(), theirs.total())
    _, pairs = longest_common_subsequence(hypothesis, reference)
    common = counted(hypothesis[i] for i, _ in pairs)
    sizes = (len(counted(x)) for x in (hypothesis, reference))
    return {**scores, "rouge-l": _score(len(common), *sizes)}


def mean_rouge(hypotheses, references, distinct=True):
    """Compute the mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L over a corpus.

    Args:
        hypotheses, references: sequences of n > 0 texts, as in `rouge`.
        distinct: as in `rouge`.

    Returns:
        {"rouge-1": F1, "rouge-2": F1, "rouge-l": F1}, floats in [0, 1].

    Raises:
        ValueError: the sequences differ in length or are empty.

    >>> mean_rouge(["图像", ""], ["图像", "检索"])
    {'rouge-1': 0.5, 'rouge-2': 0.5, 'rouge-l': 0.5}
    """
    if isinstance(hypotheses, str) or isinstance(references, str) or not len(hypotheses):
        raise invalid(
            "`hypotheses` and `references` must be non-empty sequences of texts.",
            hypotheses=hypotheses,
            references=references,
        )
    check_same_length(hypotheses=hypotheses, references=references)
    scores = [rouge(*pair, distinct) for pair in zip(hypotheses, references)]
    return {name: sum(s[name]["f"] for s in scores) / len(scores) for name in scores[0]}


def _score(common, ours, theirs):
    p, r = common / max(ours, 1), common / max(theirs, 1)
    return {"f": 2 * common / max(ours + theirs, 1), "p": p, "r": r}
