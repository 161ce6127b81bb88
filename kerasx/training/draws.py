"""Random numbers as a pure function of the step."""

import contextlib

import keras
from keras import ops


class Draws:
    """Random numbers that depend on a seed and the number of the training step alone.

    A resumed run draws the same numbers, and nothing has to be saved or advanced.

    Args:
        seed: an integer; give the tricks of one model different seeds.

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
        """Return a context whose value is the seed to give to keras.random in this step."""
        state = self.generator.state
        # PyTorch seeds with the sum of the two words, so neighbouring seeds must be far apart
        words = [ops.cast(x, state.dtype) for x in (1_000_003 * self.seed, step)]
        with keras.StatelessScope([(state, ops.stack(words))]):
            yield self.generator

    def normal_like(self, variables, step):
        """Return standard normal numbers of the variables' shapes and dtypes."""
        with self.at(step) as seed:
            return [keras.random.normal(v.shape, dtype=v.dtype, seed=seed) for v in variables]
