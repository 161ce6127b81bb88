"""Lists of tensors as one vector."""

import contextlib

import keras
from keras import ops

from kerasx import backend

__all__ = ["Draws", "norm", "scaled_to"]

_TINY = 1e-12  # keeps the norm of a zero vector finite, and its gradient


def norm(tensors):
    """Euclidean norm of all elements of a list of tensors, float32 or wider."""
    return ops.sqrt(sum(ops.sum(ops.square(backend.widened(t))) for t in tensors) + _TINY**2)


def scaled_to(length, tensors):
    """The tensors times length / norm; zeros stay zeros."""
    factor = length / norm(tensors)
    return [t * ops.cast(factor, t.dtype) for t in tensors]


class Draws:
    """Random numbers as a pure function of a step's number: nothing to save, nothing to advance.

    Args:
        seed: an integer; tricks of one model take different ones.

    >>> draws = Draws(3)
    >>> def numbers(step):
    ...     with draws.at(step) as seed:
    ...         return keras.random.normal((2,), seed=seed)
    >>> bool(ops.all(numbers(5) == numbers(5))), bool(ops.any(numbers(5) == numbers(6)))
    (True, False)
    """

    def __init__(self, seed):
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    @contextlib.contextmanager
    def at(self, step):
        """A context with a seed for keras.random; what is drawn depends on the step alone."""
        state = self.generator.state
        # PyTorch seeds with the sum of the two words
        words = [ops.cast(x, state.dtype) for x in (1_000_003 * self.seed, step)]
        with keras.StatelessScope([(state, ops.stack(words))]):
            yield self.generator

    def normal_like(self, variables, step):
        """Normal numbers of the variables' shapes and dtypes."""
        with self.at(step) as seed:
            return [keras.random.normal(v.shape, dtype=v.dtype, seed=seed) for v in variables]
