"""Word vectors of a small corpus, from counts of neighbours."""

import numpy as np

__all__ = ["ppmi_vectors"]


def ppmi_vectors(texts, size=64, window=2):
    """Vectors of words: the positive pointwise mutual information of neighbours, by SVD.

    M_wc = max(0, log p(w, c) / (p(w) p(c))) for words w and c at most `window` apart;
    M ≈ U S Vᵀ with the `size` largest singular values, and the vectors are the rows of U √S. What
    word2vec does implicitly (Levy and Goldberg, NeurIPS 2014), for corpora of which the square of
    the vocabulary fits in memory. Signs are fixed, so that the same texts give the same vectors.

    Args:
        texts: lists of words, or strings, whose words are their characters.
        size: of a vector, at most; a vocabulary of fewer words gives fewer numbers.
        window: how far neighbours are looked for on each side.

    Returns:
        {word: (size,)}, float64, in the order of the words.

    Raises:
        ValueError: no words.

    >>> vectors = ppmi_vectors(["ab", "ab", "cd"], size=3)
    >>> list(vectors), vectors["a"].shape
    (['a', 'b', 'c', 'd'], (3,))
    """
    words = sorted({word for text in texts for word in text})
    if not words or size < 1 or window < 1:
        raise ValueError(
            "`texts` must have words, and `size` and `window` be at least 1. "
            f"Received: {len(words)} words, size={size}, window={window}"
        )
    ids = {word: i for i, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for text in texts:
        row = np.array([ids[word] for word in text], int)
        for distance in range(1, window + 1):
            np.add.at(counts, (row[distance:], row[:-distance]), 1)
    counts = counts + counts.T
    of_words = counts.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(counts * counts.sum() / np.outer(of_words, of_words))
    u, s, _ = np.linalg.svd(np.where(counts > 0, np.maximum(information, 0), 0))
    largest = np.abs(u).argmax(0)
    u = u * np.sign(u[largest, np.arange(len(s))])
    return dict(zip(words, u[:, :size] * np.sqrt(s[:size])))
