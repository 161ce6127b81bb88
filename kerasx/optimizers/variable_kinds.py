"""Tell vectors, scales and embeddings apart by the name and shape of a variable."""

import re

_VECTORS = re.compile("bias|beta|gamma|scale|offset")
_SCALES = re.compile("gamma|scale")


def is_vector(variable):
    """Return whether a variable is a bias, offset or scale, or has at most one axis longer than 1.

    The name counts too, as the biases of keras.layers.MultiHeadAttention and EinsumDense are
    matrices by their shape.
    """
    return bool(_VECTORS.search(variable.name)) or sum(n > 1 for n in variable.shape) < 2


def is_scale(variable):
    """Return whether a variable is a factor that starts at one, such as `gamma` or `scale`."""
    return bool(_SCALES.search(variable.name))


def is_embedding(variable):
    """Return whether a variable is a table with a row for each token or position."""
    return "embedding" in variable.name and not is_vector(variable)
