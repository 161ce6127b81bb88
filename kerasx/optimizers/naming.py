"""What a variable is, by its name and shape: optimizers treat vectors and matrices differently."""

import re

__all__ = ["is_embedding", "is_scale", "is_vector"]

_VECTORS = re.compile("bias|beta|gamma|scale|offset")
_SCALES = re.compile("gamma|scale")


def is_vector(variable):
    """A bias, offset or scale, or anything with at most one axis longer than 1.

    By its name too, as the biases of keras.layers.MultiHeadAttention and EinsumDense are matrices
    by their shape.
    """
    return bool(_VECTORS.search(variable.name)) or sum(n > 1 for n in variable.shape) < 2


def is_scale(variable):
    """A factor that starts at one: `gamma`, or `scale` as keras.layers.RMSNormalization has it."""
    return bool(_SCALES.search(variable.name))


def is_embedding(variable):
    """A table with a row for each token, position or the like."""
    return "embedding" in variable.name and not is_vector(variable)
