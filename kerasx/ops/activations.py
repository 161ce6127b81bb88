"""Activations, and their names in configuration files."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasx")
def gelu_erf(x):
    """Compute GELU, x Φ(x), with the error function (arXiv 1606.08415; kexue.fm/archives/7309)."""
    return ops.gelu(x, approximate=False)


@keras.saving.register_keras_serializable("kerasx")
def gelu_tanh(x):
    """Compute the tanh approximation of GELU, as T5 and GPT-2 do; off by at most 4.8e-4."""
    return ops.gelu(x, approximate=True)


@keras.saving.register_keras_serializable("kerasx")
def quick_gelu(x):
    """Compute x σ(1.702 x), the approximation of GELU in CLIP and GPT-2's relatives."""
    return x * ops.sigmoid(1.702 * x)


@keras.saving.register_keras_serializable("kerasx")
def swish(x):
    """Compute swish (SiLU), x σ(x)."""
    return ops.silu(x)


@keras.saving.register_keras_serializable("kerasx")
def leaky_relu(x, alpha=0.2):
    """Compute the leaky ReLU, max(x, αx)."""
    return ops.leaky_relu(x, negative_slope=alpha)


_ACTIVATIONS = {
    "gelu": gelu_erf,
    "gelu_erf": gelu_erf,
    "gelu_tanh": gelu_tanh,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu_python": gelu_erf,
    "gelu_python_tanh": gelu_tanh,
    "gelu_accurate": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "quick_gelu": quick_gelu,
    "hardswish": ops.hard_silu,
    "swish": swish,
}


def get_activation(identifier):
    """Return the activation of a given name in a configuration file; return a callable unchanged.

    "gelu" is the exact form; "gelu_new", "gelu_tanh" and "gelu_pytorch_tanh" the tanh form.
    Names that transformers has alone are known, too; other names are those of Keras.

    >>> get_activation("gelu_new").__name__
    'gelu_tanh'
    """
    if isinstance(identifier, str) and identifier in _ACTIVATIONS:
        return _ACTIVATIONS[identifier]
    return keras.activations.get(identifier)
