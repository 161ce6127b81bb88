"""Metrics of generated texts: BLEU against references, and how much they vary."""

from kerasx.metrics.tokens import ngrams, tokens_of

__all__ = ["bleu", "distinct"]


def distinct(texts, n):
    """Distinct-n: the different n-grams of all texts together, over all their n-grams.

    Near 0 where a model says the same to everybody, 1 where no n-gram comes twice. It falls as
    there are more texts, so only equally many compare.

    Args:
        texts: list of str, of whose characters without white space the n-grams are made; or of
            lists of tokens.
        n: int.

    Returns:
        float in [0, 1]; 0 where there are no n-grams.

    Source: Li et al., arXiv 1510.03055.

    >>> distinct(["你好", "你好吗"], 1), distinct([["你好"], ["你好", "吗"]], 1)
    (0.6, 0.6666666666666666)
    """
    if isinstance(texts, str):
        raise ValueError(f"`texts` must be a list of texts. Received: texts={texts!r:.80}")
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"`n` must be a positive integer. Received: n={n!r}")
    found = [gram for text in texts for gram in ngrams(tokens_of(text), n)]
    return len(set(found)) / max(len(found), 1)


def bleu(hypotheses, references, max_order=4, tokenize="zh", smooth_method="exp"):
    """BLEU of a corpus by sacrebleu, with Chinese by character.

    Args:
        hypotheses: list of str.
        references: for each of them a str, or a list of several, as many for each.
        max_order: longest n-grams: 4 is BLEU-4, the geometric mean of the precisions of 1- to
            4-grams times the brevity penalty; 2 is BLEU-2.
        tokenize: sacrebleu's tokenizer: "zh" for Chinese, "13a" for European languages.
        smooth_method: what is done about n-grams without a match: "exp", "floor", "add-k", "none".

    Returns:
        float in [0, 100].

    Raises:
        ImportError: sacrebleu is not installed.
        ValueError: no hypotheses, or not as many references.

    Source: Papineni et al., 2002; Post, arXiv 1804.08771.

    >>> round(bleu(["今天天气很好"], ["今天天气真好"], max_order=2), 2)
    70.71
    """
    try:
        from sacrebleu.metrics import BLEU
    except ImportError as error:
        raise ImportError("BLEU needs sacrebleu: pip install kerasx[metrics]") from error
    if isinstance(hypotheses, str) or not len(hypotheses) == len(references) > 0:
        raise ValueError(
            "`hypotheses` and `references` must be equally long lists, and not empty. Received: "
            f"len(hypotheses)={len(hypotheses)}, len(references)={len(references)}"
        )
    several = [[r] if isinstance(r, str) else list(r) for r in references]
    if len({len(r) for r in several}) > 1 or not several[0]:
        raise ValueError("`references` must be as many for each hypothesis, and at least one.")
    metric = BLEU(tokenize=tokenize, smooth_method=smooth_method, max_ngram_order=max_order)
    return metric.corpus_score(list(hypotheses), [list(r) for r in zip(*several)]).score
