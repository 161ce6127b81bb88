"""Spearman's correlation between the similarities of sentence pairs and what people say."""

import numpy as np

__all__ = ["SpearmanEvaluation", "cosine_similarities", "spearman_correlation"]


def spearman_correlation(x, y):
    """Pearson's correlation of the ranks, equal values sharing the mean of their ranks.

    Args:
        x, y: (n,), n of at least 2, neither of them constant.

    Returns:
        A float from -1 to 1.

    Raises:
        ValueError: unequal lengths, NaN, or a constant, which has no order to compare.

    >>> round(spearman_correlation([1, 2, 3, 4], [1, 4, 9, 8]), 4)
    0.8
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    if x.ndim != 1 or x.shape != y.shape or np.isnan(x).any() or np.isnan(y).any():
        raise ValueError(
            "`x` and `y` must be numbers (n,), as many in both and none of them NaN. "
            f"Received: shapes {x.shape} and {y.shape}"
        )
    if any(len(np.unique(values)) < 2 for values in (x, y)):
        raise ValueError(
            "`x` and `y` must each have at least two different values. "
            f"Received: {len(np.unique(x))} and {len(np.unique(y))}"
        )
    x, y = _ranks(x), _ranks(y)
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))


def _ranks(x):
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def cosine_similarities(a, b):
    """cos(a_i, b_i) of vectors (n, d) and (n, d); 0 where one is zero.

    >>> cosine_similarities([[1.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [1.0, 0.0]])
    array([1., 0.])
    """
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return (a * b).sum(-1) / np.where(lengths > 0, lengths, 1)


class SpearmanEvaluation:
    """Spearman's correlation of a model's cosines, for `kerasx.callbacks.Evaluator`.

        model.fit(..., callbacks=[Evaluator(SpearmanEvaluation(first, second, scores))])

    Args:
        first, second: what the model's `predict` takes, the two sentences of each pair.
        scores: (n,), how alike they are.
        transform: what is done to the vectors (n, d) before they are compared, such as
            `Whitening.transform`; None for nothing.
        batch_size: of `predict`.

    >>> class Model:
    ...     def predict(self, x, batch_size, verbose):
    ...         return x
    >>> first, second = np.eye(3), np.array([[1.0, 0, 0], [1, 1, 0], [1, 1, 0]])
    >>> {k: round(v, 6) for k, v in SpearmanEvaluation(first, second, [5, 3, 1])(Model()).items()}
    {'spearman': 1.0}
    """

    def __init__(self, first, second, scores, transform=None, batch_size=128):
        self.first, self.second, self.scores = first, second, scores
        self.transform, self.batch_size = transform, batch_size

    def __call__(self, model):
        vectors = [
            model.predict(x, batch_size=self.batch_size, verbose=0)
            for x in (self.first, self.second)
        ]
        if self.transform is not None:
            vectors = [self.transform(v) for v in vectors]
        return {"spearman": spearman_correlation(cosine_similarities(*vectors), self.scores)}
