"""Split English text into words and punctuation by the conventions of the Penn Treebank."""

import re

# (pattern, replacement), applied in this order to one sentence
_RULES = [
    (r"[«‘„`]+", r" \g<0> "),  # quotation marks: `` where they open, '' where they close
    (r'^"', r" `` "),
    (r"([ (\[{<])(\"|'')", r"\1 `` "),
    (r"(')(?!re|ve|ll|m|t|s|d|n)(\w)\b", r"\1 \2"),
    (r"([^.])(\.)([\])}>\"'»”’ ]*)\s*$", r"\1 \2 \3 "),  # the full stop at the end
    (r"([:,])(\D|$)", r" \1 \2"),  # 1,000 and 10:30 stay whole
    (r"\.{2,}|[;@#$%&?!*]", r" \g<0> "),
    (r"([^'])' ", r"\1 ' "),
    (r"[\]\[(){}<>]|--", r" \g<0> "),
    (r"^|$", " "),
    (r"[»”’]|''", r" \g<0> "),
    (r'"', r" '' "),
    (r"\s+", " "),
    (r"([^' ])('s|'m|'d|') ", r"\1 \2 "),  # it 's
    (r"([^' ])('ll|'re|'ve|n't) ", r"\1 \2 "),  # do n't
    (r"\b(can)(not)\b|\b(gim|lem)(me)\b|\b(gon|wan)(na)\b|\b(got)(ta)\b", r" \1\3\5\7 \2\4\6\8 "),
    (r"\b(d)('ye)\b|\b(more)('n)\b| ('t)(is|was)\b", r" \1\3\5 \2\4\6 "),
]
_RULES = [(re.compile(pattern, re.IGNORECASE), by) for pattern, by in _RULES]
_SENTENCES = re.compile(r"(?<=[.?!])\s+")


def treebank_words(text):
    """Split text into words, numbers and punctuation, as nltk.word_tokenize does.

    A full stop is a token of its own at the end of a sentence, and part of a number or an
    abbreviation elsewhere. Sentences end with a full stop, ? or ! before white space.

    Args:
        text: str.

    Returns:
        list of str.

    Source: the sed script of the Penn Treebank, as NLTK applies it.

    >>> treebank_words("It's 3.5% of 1,000 (U.S.), isn't it?")
    ['It', "'s", '3.5', '%', 'of', '1,000', '(', 'U.S.', ')', ',', 'is', "n't", 'it', '?']
    """
    words = []
    for sentence in _SENTENCES.split(text):
        for pattern, by in _RULES:
            sentence = pattern.sub(by, sentence)
        words += sentence.split()
    return words
