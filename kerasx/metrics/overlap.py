"""Metrics of generated texts: BLEU against references, and their diversity."""

from kerasx.checks import check_integer, check_same_length, invalid
from kerasx.metrics.tokens import ngrams, tokens_of


def distinct(texts, n):
    """Compute Distinct-n: the number of different n-grams divided by the number of n-grams.

    It is near 0 if a model repeats itself, and 1 if no n-gram occurs twice in the corpus. It
    falls with the number of texts, so compare only corpora of the same size.

    Args:
        texts: list of str, whose tokens are the characters without white space; or of lists of
            tokens.
        n: int, length of the n-grams.

    Returns:
        float in [0, 1]; 0 if there are no n-grams.

    Source: Li et al., arXiv 1510.03055.

    >>> distinct(["你好", "你好吗"], 1), distinct([["你好"], ["你好", "吗"]], 1)
    (0.6, 0.6666666666666666)
    """
    if isinstance(texts, str):
        raise invalid("`texts` must be a list of texts.", texts=texts)
    check_integer("n", n, least=1)
    found = [gram for text in texts for gram in ngrams(tokens_of(text), n)]
    return len(set(found)) / max(len(found), 1)


def bleu(hypotheses, references, max_order=4, tokenize="zh", smooth_method="exp"):
    """Compute the BLEU of a corpus with sacrebleu; tokens of Chinese are characters.

    Args:
        hypotheses: non-empty list of str.
        references: list with a str for each hypothesis, or with a list of k str.
        max_order: int, length of the longest n-grams. 4 is BLEU-4: the geometric mean of the
            precisions of 1- to 4-grams, times the brevity penalty.
        tokenize: tokenizer of sacrebleu: "zh" for Chinese, "13a" for European languages.
        smooth_method: smoothing of orders without a match: "exp", "floor", "add-k" or "none".

    Returns:
        float in [0, 100].

    Raises:
        ImportError: sacrebleu is not installed.
        ValueError: the lists differ in length or are empty.

    Source: Papineni et al., 2002; Post, arXiv 1804.08771.

    >>> round(bleu(["今天天气很好"], ["今天天气真好"], max_order=2), 2)
    70.71
    """
    try:
        from sacrebleu.metrics import BLEU
    except ImportError as error:
        raise ImportError("BLEU needs sacrebleu: pip install kerasx[metrics]") from error
    if isinstance(hypotheses, str) or not len(hypotheses):
        raise invalid("`hypotheses` must be a non-empty list of str.", hypotheses=hypotheses)
    check_same_length(hypotheses=hypotheses, references=references)
    several = [[r] if isinstance(r, str) else list(r) for r in references]
    if len({len(r) for r in several}) > 1 or not several[0]:
        raise invalid(
            "`references` must be equally many for each hypothesis, and at least one.",
            references=references,
        )
    metric = BLEU(tokenize=tokenize, smooth_method=smooth_method, max_ngram_order=max_order)
    return metric.corpus_score(list(hypotheses), [list(r) for r in zip(*several)]).score
