"""Choose the form of "gelu" in the models that are built next: the error function or tanh."""

from kerasx.checks import check_choice

_NAMES = {"erf": "gelu", "tanh": "gelu_tanh"}
_chosen = ["erf"]


def set_gelu(version):
    """Choose the GELU that `hidden_act="gelu"` means in models built from now on.

    The name is resolved when a model is built, so a saved model says which it has, and models that
    exist already stay as they are.

    Args:
        version: "erf", the exact form, as at the start; or "tanh", the approximation.

    >>> set_gelu("tanh")
    >>> named_gelu(["gelu", "linear"])
    ['gelu_tanh', 'linear']
    >>> set_gelu("erf")
    """
    _chosen[0] = check_choice("version", str(version).lower(), tuple(_NAMES))


def named_gelu(activation):
    """Return an activation, or a list of them, with the chosen GELU's name for "gelu"."""
    if isinstance(activation, (list, tuple)):
        return [named_gelu(one) for one in activation]
    return (
        _NAMES[_chosen[0]] if isinstance(activation, str) and activation == "gelu" else activation
    )
