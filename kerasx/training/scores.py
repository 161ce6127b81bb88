"""What several tricks ask of their arguments."""

import keras
from keras import ops

from kerasx import backend

__all__ = ["check_positive", "scores_of"]

_LEAST = 1e-30  # a probability of 0 has no logarithm


def check_positive(**arguments):
    for name, value in arguments.items():
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` must be positive. Received: {name}={value}")


def scores_of(outputs, output, from_logits):
    """Logits of one of the outputs, float32 or wider; a logarithm where it is probabilities."""
    scores = backend.widened(keras.tree.flatten(outputs)[output])
    return scores if from_logits else ops.log(ops.maximum(scores, _LEAST))
