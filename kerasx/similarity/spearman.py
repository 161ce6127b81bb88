"""Compare the cosines of sentence pairs with human scores by Spearman's rank correlation."""

import numpy as np

from kerasx.checks import invalid


def spearman_correlation(x, y):
    """Compute Spearman's rank correlation; equal values share the mean of their ranks.

    Args:
        x, y: float (n,), each with at least two different values.

    Returns:
        float in [-1, 1].

    Raises:
        ValueError: the lengths differ, a value is NaN, or all values are equal.

    >>> round(spearman_correlation([1, 2, 3, 4], [1, 4, 9, 8]), 4)
    0.8
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    if x.ndim != 1 or x.shape != y.shape or np.isnan(x).any() or np.isnan(y).any():
        raise invalid(
            "`x` and `y` must be numbers (n,), of one length, none of them NaN.", x=x, y=y
        )
    if any(len(np.unique(values)) < 2 for values in (x, y)):
        raise invalid("`x` and `y` must each have at least two different values.", x=x, y=y)
    x, y = _ranks(x), _ranks(y)
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))


def _ranks(x):
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def cosine_similarities(a, b):
    """Compute the cosines (n,) of vectors (n, d) and (n, d); 0 if a vector is zero.

    >>> cosine_similarities([[1.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [1.0, 0.0]])
    array([1., 0.])
    """
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return (a * b).sum(-1) / np.where(lengths > 0, lengths, 1)


class SpearmanEvaluation:
    """Function of a model that evaluates its sentence vectors, for `kerasx.callbacks.Evaluator`.

    Called with a model, it returns {"spearman": rank correlation of the cosines and the scores}.

        model.fit(..., callbacks=[Evaluator(SpearmanEvaluation(first, second, scores))])

    Args:
        first, second: inputs of the model for the two sentences of each pair.
        scores: (n,), the similarity of each pair.
        transform: function of the vectors (n, d) that returns the vectors to compare, such as
            `Whitening.transform`; or None.
        batch_size: int, batch size of `predict`.

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
