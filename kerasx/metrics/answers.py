"""Compare answers to questions with reference answers.

Answers are compared by character as in CMRC 2018 (Cui et al., arXiv 1810.07366), for Chinese, or
by word as in SQuAD (Rajpurkar et al., arXiv 1606.05250), for English.
"""

import re
import string
from collections import Counter

from kerasx.checks import check_choice, check_same_length, check_texts, invalid
from kerasx.metrics.treebank import treebank_words
from kerasx.text import longest_common_substring

# the characters that CMRC 2018 ignores; ASCII commas, full stops and brackets count
_CHINESE = str.maketrans("", "", "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_ENGLISH = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_CHARACTER = re.compile(r"([一-龥])")
_UNITS = ("character", "word")


def exact_match(prediction, references, unit="character"):
    """Tell whether an answer equals one of the references, regardless of case and punctuation.

    Args:
        prediction: str.
        references: str or non-empty list of str.
        unit: "character" ignores the punctuation that CMRC 2018 ignores; "word" ignores ASCII
            punctuation, the articles a, an, the and repeated white space, as SQuAD does.

    Returns:
        bool.

    Raises:
        ValueError: `prediction` is no str, there is no reference, or `unit` is unknown.

    >>> exact_match("《红楼梦》", ["红楼梦", "石头记"]), exact_match("The  cat.", "a cat", "word")
    (True, True)
    """
    references = _checked(prediction, references, unit)
    return any(_plain(prediction, unit) == _plain(x, unit) for x in references)


def answer_f1(prediction, references, unit="character"):
    """Compute the F1 of the tokens of an answer and a reference, for the best reference.

        F1 = 2 c / (n + m), with n tokens in the answer, m in the reference and c in common

    Args:
        prediction, references: as in `exact_match`.
        unit: "character": a token is a Chinese character, or a word, number or mark between them,
            and c is the length of the longest common substring (CMRC 2018). "word": a token is a
            word, and c is the number of common words in any order (SQuAD).

    Returns:
        float in [0, 1]; 1 if both have no tokens, 0 if one of them has none.

    Raises:
        ValueError: as in `exact_match`.

    >>> answer_f1("在1998年夏天", "1998年"), answer_f1("on Monday", ["Monday", "1 May"], "word")
    (0.5714285714285714, 0.6666666666666666)
    """
    references = _checked(prediction, references, unit)
    return max(_f1(_tokens(prediction, unit), _tokens(x, unit), unit) for x in references)


def answer_scores(predictions, references, unit="character"):
    """Compute the share of exact answers and the mean F1 of a corpus.

    Args:
        predictions: sequence of n > 0 str.
        references: sequence of n references, each a str or a list of str.
        unit: as in `answer_f1`.

    Returns:
        {"exact": float, "f1": float}, both in [0, 1].

    Raises:
        ValueError: the sequences differ in length or are empty, or as in `exact_match`.

    >>> answer_scores(["北京", "上海市"], ["北京", ["上海", "沪"]])
    {'exact': 0.5, 'f1': 0.9}
    """
    if not check_texts("predictions", predictions):
        raise invalid("`predictions` must not be empty.", predictions=predictions)
    check_same_length(predictions=predictions, references=references)
    pairs = list(zip(predictions, references))
    return {
        "exact": sum(exact_match(*pair, unit) for pair in pairs) / len(pairs),
        "f1": sum(answer_f1(*pair, unit) for pair in pairs) / len(pairs),
    }


def _checked(prediction, references, unit):
    """Check the arguments, and return the references as a list."""
    check_choice("unit", unit, _UNITS)
    references = [references] if isinstance(references, str) else list(references)
    if not references or not all(isinstance(x, str) for x in (prediction, *references)):
        raise invalid(
            "`prediction` must be a str, and `references` a str or a non-empty list of str.",
            prediction=prediction,
            references=references,
        )
    return references


def _plain(text, unit):
    if unit == "character":
        return text.lower().strip().translate(_CHINESE)
    return " ".join(_tokens(text, unit))


def _tokens(text, unit):
    if unit == "character":
        parts = _CHARACTER.split(_plain(text, unit))  # characters at the odd places
        return [t for i, x in enumerate(parts) for t in ([x] if i % 2 else treebank_words(x))]
    return _ARTICLES.sub(" ", text.lower().translate(_ENGLISH)).split()


def _f1(ours, theirs, unit):
    if not ours or not theirs:
        return float(ours == theirs)
    if unit == "character":
        common, _ = longest_common_substring(ours, theirs)
    else:
        common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))
