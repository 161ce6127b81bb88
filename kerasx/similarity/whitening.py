"""BERT-whitening: sentence vectors turned and scaled until their covariance is the identity."""

import zipfile

import numpy as np

from kerasx.files.atomic import atomic_path

__all__ = ["Whitening", "compute_kernel_bias", "transform_and_normalize"]

_FORMAT = "kerasx.whitening.1"


def compute_kernel_bias(vecs, n_components=None):
    """W and b with which y = (x + b) W has mean 0 and covariance I: b = -μ, W = U Λ^(-1/2).

    U Λ Uᵀ is the covariance of the vectors, the largest eigenvalues first; the first
    `n_components` columns keep the directions in which the vectors vary most. Directions in which
    they do not vary at all, as with fewer vectors than dimensions, are left out.

    Args:
        vecs: (n, d), sentence vectors, n of at least 2.
        n_components: how many columns are kept; all by default.

    Returns:
        kernel (d, n_components), bias (1, d), float64.

    Raises:
        ValueError: fewer than two vectors, all equal ones, or more components than there are.

    Source: arXiv 2103.15316; kexue.fm/archives/8069.

    >>> kernel, bias = compute_kernel_bias([[1.0, 5.0], [3.0, 5.0]])
    >>> kernel.shape, bias
    ((2, 1), array([[-2., -5.]]))
    """
    vecs = _matrix(vecs)
    if len(vecs) < 2:
        raise ValueError(f"`vecs` must be at least two vectors. Received: shape {vecs.shape}")
    mean = vecs.mean(0, keepdims=True)
    _, spread, directions = np.linalg.svd(vecs - mean, full_matrices=False)
    rank = int((spread > spread[0] * max(vecs.shape) * np.finfo("float64").eps).sum())
    n_components = rank if n_components is None else n_components
    if not 0 < n_components <= rank:
        raise ValueError(
            f"`n_components` must be from 1 to {rank}, in so many directions the vectors vary. "
            f"Received: n_components={n_components}"
        )
    deviations = spread[:n_components] / np.sqrt(len(vecs))
    return directions[:n_components].T / deviations, -mean


def transform_and_normalize(vecs, kernel=None, bias=None):
    """(x + b) W, divided by its length; a vector of zeros stays one.

    Args:
        vecs: (n, d).
        kernel, bias: of `compute_kernel_bias`; None to divide by the lengths only.

    >>> transform_and_normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    vecs = _matrix(vecs)
    if kernel is not None and bias is not None:
        vecs = (vecs + bias) @ kernel
    lengths = np.linalg.norm(vecs, axis=1, keepdims=True)
    return vecs / np.where(lengths > 0, lengths, 1)


class Whitening:
    """`compute_kernel_bias` of some vectors, for others, kept in a file.

    Args:
        n_components: as in `compute_kernel_bias`.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(100, 3)) @ rng.normal(size=(3, 3))
    >>> np.cov(Whitening().fit(x).transform(x).T, bias=True).round(6) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    def __init__(self, n_components=None):
        self.n_components = n_components
        self.kernel = self.bias = None

    def fit(self, vecs):
        """Take mean and covariance of the vectors (n, d); returns self."""
        self.kernel, self.bias = compute_kernel_bias(vecs, self.n_components)
        return self

    def transform(self, vecs, normalize=False):
        """The vectors (n, d) whitened: (n, n_components), of length 1 with `normalize`."""
        self._check_fitted()
        vecs = _matrix(vecs)
        if vecs.shape[1] != len(self.kernel):
            raise ValueError(
                f"`vecs` must be of size {len(self.kernel)}, as those of `fit`. "
                f"Received: shape {vecs.shape}"
            )
        if normalize:
            return transform_and_normalize(vecs, self.kernel, self.bias)
        return (vecs + self.bias) @ self.kernel

    def save(self, path):
        """Write kernel and bias to a `.npz` file, all of it or nothing."""
        self._check_fitted()
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, format=_FORMAT, kernel=self.kernel, bias=self.bias)

    @classmethod
    def load(cls, path):
        """The whitening that `save` wrote.

        Raises:
            ValueError: the file is damaged, or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                kind, kernel, bias = (file[name] for name in ("format", "kernel", "bias"))
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise ValueError(f"`path` must be a file of `save`. Received: path={path!r}") from error
        if str(kind) != _FORMAT or bias.shape != (1, len(kernel)):
            raise ValueError(f"`path` must be a file of `save`. Received: path={path!r}")
        whitening = cls(kernel.shape[1])
        whitening.kernel, whitening.bias = kernel, bias
        return whitening

    def _check_fitted(self):
        if self.kernel is None:
            raise ValueError("Call `fit` with sentence vectors first, or `Whitening.load`.")


def _matrix(vecs):
    vecs = np.asarray(vecs, "float64")
    if vecs.ndim != 2 or not np.isfinite(vecs).all():
        raise ValueError(f"`vecs` must be finite vectors (n, d). Received: shape {vecs.shape}")
    return vecs
