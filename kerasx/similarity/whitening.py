"""Whiten sentence vectors: rotate and scale them so that their covariance is the identity."""

import zipfile

import numpy as np

from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path

_FORMAT = "kerasx.whitening.1"


def compute_kernel_bias(vecs, n_components=None):
    """Compute the kernel W and bias b for which y = (x + b) W has mean 0 and covariance I.

        b = -μ, W = U Λ^(-1/2), where μ is the mean and U Λ Uᵀ the covariance of the vectors

    The eigenvalues are in descending order, so the first components are the directions in which
    the vectors vary most. Directions without variance, as for n <= d, are left out.

    Args:
        vecs: (n, d), sentence vectors, n > 1.
        n_components: int, number of components; by default all that have a variance.

    Returns:
        kernel (d, n_components) and bias (1, d), float64.

    Raises:
        ValueError: there are fewer than two vectors, or fewer than `n_components` directions with
            a variance.

    Source: arXiv 2103.15316; kexue.fm/archives/8069.

    >>> kernel, bias = compute_kernel_bias([[1.0, 5.0], [3.0, 5.0]])
    >>> kernel.shape, bias
    ((2, 1), array([[-2., -5.]]))
    """
    vecs = _matrix(vecs)
    if len(vecs) < 2:
        raise invalid("`vecs` must be at least two vectors.", shape=vecs.shape)
    mean = vecs.mean(0, keepdims=True)
    _, spread, directions = np.linalg.svd(vecs - mean, full_matrices=False)
    rank = int((spread > spread[0] * max(vecs.shape) * np.finfo("float64").eps).sum())
    n_components = rank if n_components is None else n_components
    if not 0 < n_components <= rank:
        raise invalid(
            f"`n_components` must be from 1 to {rank}, the number of directions with a variance.",
            n_components=n_components,
        )
    deviations = spread[:n_components] / np.sqrt(len(vecs))
    return directions[:n_components].T / deviations, -mean


def transform_and_normalize(vecs, kernel=None, bias=None):
    """Compute (x + b) W and divide each vector by its norm; zero vectors stay zero.

    Args:
        vecs: (n, d), the vectors x.
        kernel, bias: return values of `compute_kernel_bias`; None to normalize only.

    Returns:
        (n, n_components), float64.

    >>> transform_and_normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    vecs = _matrix(vecs)
    if kernel is not None and bias is not None:
        vecs = (vecs + bias) @ kernel
    lengths = np.linalg.norm(vecs, axis=1, keepdims=True)
    return vecs / np.where(lengths > 0, lengths, 1)


class Whitening:
    """Whitening of sentence vectors, which is fitted, applied, saved and loaded.

    Args:
        n_components: int, number of components; by default all that have a variance.

    Source: arXiv 2103.15316; kexue.fm/archives/8069.

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
        """Compute kernel and bias from vectors (n, d) and return the object itself."""
        self.kernel, self.bias = compute_kernel_bias(vecs, self.n_components)
        return self

    def transform(self, vecs, normalize=False):
        """Whiten vectors (n, d) to (n, n_components); with `normalize`, to vectors of norm 1."""
        self._check_fitted()
        vecs = _matrix(vecs)
        if vecs.shape[1] != len(self.kernel):
            raise invalid(
                f"`vecs` must be of size {len(self.kernel)}, as the vectors in `fit`.",
                shape=vecs.shape,
            )
        if normalize:
            return transform_and_normalize(vecs, self.kernel, self.bias)
        return (vecs + self.bias) @ self.kernel

    def save(self, path):
        """Write kernel and bias to a `.npz` file atomically."""
        self._check_fitted()
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, format=_FORMAT, kernel=self.kernel, bias=self.bias)

    @classmethod
    def load(cls, path):
        """Read a file that `save` wrote, and return a Whitening.

        Raises:
            ValueError: the file is damaged or of another kind.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                kind, kernel, bias = (file[name] for name in ("format", "kernel", "bias"))
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise invalid("`path` must be a file that `save` wrote.", path=path) from error
        if str(kind) != _FORMAT or bias.shape != (1, len(kernel)):
            raise invalid("`path` must be a file that `save` wrote.", path=path)
        whitening = cls(kernel.shape[1])
        whitening.kernel, whitening.bias = kernel, bias
        return whitening

    def _check_fitted(self):
        if self.kernel is None:
            raise ValueError("Call `fit` with sentence vectors first, or `Whitening.load`.")


def _matrix(vecs):
    vecs = np.asarray(vecs, "float64")
    if vecs.ndim != 2 or not np.isfinite(vecs).all():
        raise invalid("`vecs` must be finite vectors (n, d).", shape=vecs.shape)
    return vecs
