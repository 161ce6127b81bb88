"""Treat a list of tensors as one vector."""

from keras import ops

from kerasx import backend

_TINY = 1e-12  # the gradient of a norm is not finite at 0


def norm(tensors):
    """Compute the Euclidean norm over all elements of a list of tensors, float32 or wider."""
    return ops.sqrt(sum(ops.sum(ops.square(backend.widened(t))) for t in tensors) + _TINY**2)


def scaled_to(length, tensors):
    """Scale a list of tensors to a total norm of `length`; zeros stay zeros."""
    factor = length / norm(tensors)
    return [t * ops.cast(factor, t.dtype) for t in tensors]
