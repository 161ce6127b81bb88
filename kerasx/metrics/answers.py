"""Answers to questions: whether one is exactly a reference, and how much the two overlap.

By character as in CMRC 2018 (Cui et al., arXiv 1810.07366), for Chinese; by word as in SQuAD
(Rajpurkar et al., arXiv 1606.05250), for English.
"""

import re
import string
from collections import Counter

from kerasx.text import longest_common_substring

__all__ = ["answer_f1", "answer_scores", "exact_match"]

# what CMRC 2018 does not count; ASCII commas, full stops and brackets stay
_CHINESE = str.maketrans("", "", "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_ENGLISH = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
# a Chinese character, a word or number with the points inside it, another character
_TOKEN = re.compile(r"[一-龥]|[^\W一-龥]+(?:\.[^\W一-龥]+|,[0-9]+)*|[^\w\s]")
_UNITS = ("character", "word")


def exact_match(prediction, references, unit="character"):
    """Whether an answer is one of the references, but for case and punctuation.

    Args:
        prediction: str.
        references: str, or several of which one must be met.
        unit: "character" leaves out the punctuation that CMRC 2018 does not count; "word" that of
            ASCII and the articles a, an, the, and takes runs of white space for one, as SQuAD.

    Returns:
        bool.

    Raises:
        ValueError: no references, something that is no string, or another unit.

    >>> exact_match("《红楼梦》", ["红楼梦", "石头记"]), exact_match("The  cat.", "a cat", "word")
    (True, True)
    """
    references = _checked(prediction, references, unit)
    return any(_plain(prediction, unit) == _plain(x, unit) for x in references)


def answer_f1(prediction, references, unit="character"):
    """How far an answer overlaps with the reference nearest to it.

    F1 = 2 c / (n + m), for c tokens in common of n in the answer and m in the reference.

    Args:
        prediction, references: as for `exact_match`.
        unit: "character": c is the length of the longest common piece, tokens being Chinese
            characters, and words and numbers of other scripts (CMRC 2018); "word": c are the
            words in common, in any order (SQuAD).

    Returns:
        float in [0, 1]; 1 if neither has a token, 0 if one has.

    Raises:
        ValueError: as `exact_match`.

    >>> answer_f1("在1998年夏天", "1998年"), answer_f1("on Monday", ["Monday", "1 May"], "word")
    (0.5714285714285714, 0.6666666666666666)
    """
    references = _checked(prediction, references, unit)
    return max(_f1(_tokens(prediction, unit), _tokens(x, unit), unit) for x in references)


def answer_scores(predictions, references, unit="character"):
    """The share of exact answers and the mean F1.

    Args:
        predictions: sequence of str.
        references: for each a str or several, see `exact_match`.
        unit: see `answer_f1`.

    Returns:
        {"exact": float, "f1": float}, in [0, 1].

    Raises:
        ValueError: the numbers differ or are zero; as `exact_match`.

    >>> answer_scores(["北京", "上海市"], ["北京", ["上海", "沪"]])
    {'exact': 0.5, 'f1': 0.9}
    """
    if isinstance(predictions, str) or not len(predictions) == len(references) > 0:
        raise ValueError(
            "`predictions` and `references` must be sequences, equally long and not empty. "
            f"Received: predictions of {len(predictions)}, references of {len(references)}"
        )
    pairs = list(zip(predictions, references))
    return {
        "exact": sum(exact_match(*pair, unit) for pair in pairs) / len(pairs),
        "f1": sum(answer_f1(*pair, unit) for pair in pairs) / len(pairs),
    }


def _checked(prediction, references, unit):
    """The references as a list."""
    if unit not in _UNITS:
        raise ValueError(f"`unit` must be one of {_UNITS}. Received: unit={unit!r}")
    references = [references] if isinstance(references, str) else list(references)
    if not references or not all(isinstance(x, str) for x in (prediction, *references)):
        raise ValueError(
            "`prediction` must be a string, and `references` one or several. "
            f"Received: prediction={prediction!r}, references={references!r}"
        )
    return references


def _plain(text, unit):
    if unit == "character":
        return text.lower().translate(_CHINESE).strip()
    return " ".join(_tokens(text, unit))


def _tokens(text, unit):
    if unit == "character":
        return _TOKEN.findall(_plain(text, unit))
    return _ARTICLES.sub(" ", text.lower().translate(_ENGLISH)).split()


def _f1(ours, theirs, unit):
    if not ours or not theirs:
        return float(ours == theirs)
    if unit == "character":
        common, _ = longest_common_substring(ours, theirs)
    else:
        common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))
