"""Activations by the names of configuration files."""

import keras
from keras import ops

__all__ = ["gelu_erf", "gelu_tanh", "get_activation", "leaky_relu", "swish"]


@keras.saving.register_keras_serializable("kerasx")
def gelu_erf(x):
    """x Φ(x), with the error function (arXiv 1606.08415; kexue.fm/archives/7309)."""
    return ops.gelu(x, approximate=False)


@keras.saving.register_keras_serializable("kerasx")
def gelu_tanh(x):
    """The tanh approximation of GELU that T5 and GPT-2 were trained with; off by at most 4.8e-4."""
    return ops.gelu(x, approximate=True)


@keras.saving.register_keras_serializable("kerasx")
def swish(x):
    """x σ(x)."""
    return ops.silu(x)


@keras.saving.register_keras_serializable("kerasx")
def leaky_relu(x, alpha=0.2):
    """max(x, αx)."""
    return ops.leaky_relu(x, negative_slope=alpha)


_ACTIVATIONS = {
    "gelu": gelu_erf,
    "gelu_erf": gelu_erf,
    "gelu_tanh": gelu_tanh,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "swish": swish,
}


def get_activation(identifier):
    """An activation by its name in a configuration file, or the callable itself.

    "gelu" is the exact form; "gelu_new", "gelu_tanh" and "gelu_pytorch_tanh" the tanh form.
    Other names are Keras's.

    >>> get_activation("gelu_new").__name__
    'gelu_tanh'
    """
    if isinstance(identifier, str) and identifier in _ACTIVATIONS:
        return _ACTIVATIONS[identifier]
    return keras.activations.get(identifier)
