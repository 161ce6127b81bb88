"""Vectors from counts: words with the same neighbours have the same direction."""

import numpy as np
import pytest

from kerasx.similarity import ppmi_vectors
from kerasx.similarity.spearman import cosine_similarities

pytestmark = pytest.mark.backend_free
TEXTS = [list("xay"), list("xby"), list("ucv"), list("udv")] * 5


def test_words_with_the_same_neighbours_are_alike_and_others_are_not():
    vectors = ppmi_vectors(TEXTS, size=4, window=1)
    a, b, c = (vectors[w][None] for w in "abc")
    assert cosine_similarities(a, b)[0] > 0.99
    assert abs(cosine_similarities(a, c)[0]) < 0.1


def test_all_directions_give_back_the_absolute_value_of_the_information_matrix():
    vectors = np.array(list(ppmi_vectors(TEXTS, size=8, window=1).values()))
    counts = np.zeros((8, 8))
    order = sorted("abcduvxy")
    for text in TEXTS:
        for left, right in zip(text, text[1:]):
            counts[order.index(left), order.index(right)] += 1
    counts += counts.T
    p = counts / counts.sum()
    with np.errstate(divide="ignore"):
        ppmi = np.maximum(np.log(p / np.outer(p.sum(1), p.sum(1))), 0)
    u, s, _ = np.linalg.svd(ppmi)
    np.testing.assert_allclose(vectors @ vectors.T, u * s @ u.T, atol=1e-9)


def test_texts_of_one_word_or_none_have_no_neighbours():
    vectors = ppmi_vectors([["a"], [], ["b"]])
    assert list(vectors) == ["a", "b"] and not np.any(list(vectors.values()))
    with pytest.raises(ValueError, match="must have words"):
        ppmi_vectors([[]])
