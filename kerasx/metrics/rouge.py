"""ROUGE-1, ROUGE-2 and ROUGE-L of titles and summaries, by character unless tokens are given.

Lin, 2004 (aclanthology.org/W04-1013), and what the Python package `rouge` 1.0 makes of it, with
which Chinese results such as those of kexue.fm/archives/7867 are computed.
"""

from collections import Counter

from kerasx.metrics.tokens import ngrams, tokens_of
from kerasx.text import longest_common_subsequence

__all__ = ["lcs_length", "mean_rouge", "rouge"]


def rouge(hypothesis, reference, distinct=True):
    """What a hypothesis recalls of a reference (r), how precisely (p), and F1 = 2 p r / (p + r).

    With H and R what the two consist of, p = |H ∩ R| / |H| and r = |H ∩ R| / |R|. ROUGE-1 and
    ROUGE-2 are of their tokens and pairs of tokens, ROUGE-L has for H ∩ R their longest common
    subsequence. Where a part is empty, p, r or F1 is 0.

    Args:
        hypothesis, reference: str, which are compared by their characters without white space, as
            they are (lower them first where case does not matter); or lists of tokens.
        distinct: each of the tokens, pairs and members of the subsequence counts once, as in the
            package `rouge`, which compares sets; then ROUGE-L depends a little on which of equally
            long subsequences is meant, and is that package's. False counts as often as they
            occur, which is Lin's definition.

    Returns:
        {"rouge-1": {"f": F1, "p": p, "r": r}, "rouge-2": ..., "rouge-l": ...}, floats in [0, 1].
        (The package cuts texts at ASCII full stops before it looks for subsequences; here
        they are tokens as others are.)

    >>> scores = rouge("图像的检索方法", "图像检索研究")
    >>> {name: round(score["f"], 3) for name, score in scores.items()}
    {'rouge-1': 0.615, 'rouge-2': 0.364, 'rouge-l': 0.615}
    """
    hypothesis, reference = tokens_of(hypothesis), tokens_of(reference)
    counted = _once if distinct else list
    scores = {}
    for n in (1, 2):
        ours, theirs = (Counter(counted(ngrams(x, n))) for x in (hypothesis, reference))
        scores[f"rouge-{n}"] = _score((ours & theirs).total(), ours.total(), theirs.total())
    if distinct:
        _, pairs = longest_common_subsequence(hypothesis, reference)
        common = len({hypothesis[i] for i, _ in pairs})
    else:
        common = lcs_length(hypothesis, reference)
    sizes = (len(counted(x)) for x in (hypothesis, reference))
    return {**scores, "rouge-l": _score(common, *sizes)}


def mean_rouge(hypotheses, references, distinct=True):
    """The means over a corpus of the F1 of ROUGE-1, ROUGE-2 and ROUGE-L.

    Args:
        hypotheses, references: sequences of texts, equally many and at least one; see `rouge`.
        distinct: see `rouge`.

    Returns:
        {"rouge-1": F1, "rouge-2": F1, "rouge-l": F1}.

    Raises:
        ValueError: the numbers differ or are zero.

    >>> mean_rouge(["图像", ""], ["图像", "检索"])
    {'rouge-1': 0.5, 'rouge-2': 0.5, 'rouge-l': 0.5}
    """
    if isinstance(hypotheses, str) or isinstance(references, str):
        raise ValueError("`hypotheses` and `references` must be sequences of texts. Received: str")
    if not len(hypotheses) == len(references) > 0:
        raise ValueError(
            "`hypotheses` and `references` must be equally many and at least one. Received: "
            f"len(hypotheses)={len(hypotheses)}, len(references)={len(references)}"
        )
    scores = [rouge(*pair, distinct) for pair in zip(hypotheses, references)]
    return {name: sum(s[name]["f"] for s in scores) / len(scores) for name in scores[0]}


def lcs_length(source, target):
    """Length of the longest common subsequence, with a bit for each item of the source.

    A 0 in `row` marks where the length for a prefix of `source` grows by 1. O(n m / 64) operations
    and O(n) memory (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).

    >>> lcs_length("ABCBDAB", "BDCABA")
    4
    """
    places = {}
    for i, item in enumerate(source):
        places[item] = places.get(item, 0) | 1 << i
    row = ones = (1 << len(source)) - 1
    for item in target:
        matches = row & places.get(item, 0)
        row = (row + matches | row - matches) & ones
    return len(source) - row.bit_count()


def _once(items):
    return list(dict.fromkeys(items))


def _score(common, ours, theirs):
    """2 p r / (p + r) is 2 common / (ours + theirs)."""
    p, r = common / max(ours, 1), common / max(theirs, 1)
    return {"f": 2 * common / max(ours + theirs, 1), "p": p, "r": r}
