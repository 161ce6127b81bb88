"""Copy the settings of a layer for the layers that it is made of."""


def another(initializer):
    """Return an equal initializer with random numbers of its own, or a function as it is."""
    clone = getattr(initializer, "clone", None)
    return clone() if clone else initializer
