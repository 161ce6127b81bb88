"""Compute word vectors of a small corpus from counts of neighbouring words."""

import numpy as np

from kerasx.checks import check_integer, invalid


def ppmi_vectors(texts, size=64, window=2):
    """Compute word vectors by SVD of positive pointwise mutual information.

        M_wc = max(0, log p(w, c) / (p(w) p(c))) for words w and c at most `window` apart
        M ≈ U S Vᵀ with the `size` largest singular values; the vectors are the rows of U √S

    word2vec factorizes a similar matrix (Levy and Goldberg, NeurIPS 2014). Here the matrix, of
    the squared size of the vocabulary, must fit in memory. The result is deterministic.

    Args:
        texts: list of lists of words, or of str, whose words are the characters.
        size: int, dimension of the vectors; at most the size of the vocabulary is used.
        window: int, number of neighbours on each side.

    Returns:
        {word: float64 (size,)}, sorted by word.

    Raises:
        ValueError: there are no words, or `size` or `window` is below 1.

    >>> vectors = ppmi_vectors(["ab", "ab", "cd"], size=3)
    >>> list(vectors), vectors["a"].shape
    (['a', 'b', 'c', 'd'], (3,))
    """
    words = sorted({word for text in texts for word in text})
    check_integer("size", size, least=1)
    check_integer("window", window, least=1)
    if not words:
        raise invalid("`texts` must have words.", texts=texts)
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
