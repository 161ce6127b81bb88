"""Find the place in Keras 3 or kerasx of a dotted name of bert4keras or Keras 2."""

from kerasx.port.bindings import canonical
from kerasx.port.keras_names import BACKEND, GONE, LAYERS, MOVED
from kerasx.port.names import NAMES

_MODULES = {name.rpartition(".")[0] for name in NAMES}  # of bert4keras, all versions
_WITH_LAYERS = {"bert4keras.layers", "bert4keras.models", "bert4keras.bert"}


def find_place(dotted):
    """Return the place of a name and None, or None and the advice what to do without it.

    >>> find_place("bert4keras.snippets.uniout")
    (None, 'Drop it: Python 3 prints Chinese.')
    >>> find_place("keras.layers.CuDNNLSTM"), find_place("keras.backend.sum")
    (('keras.layers.LSTM', None), ('kerasx.backend.legacy.sum', None))
    """
    if dotted in NAMES:
        return NAMES[dotted]
    if dotted.split(".")[0] == "kerasx":
        return dotted, None
    module, _, name = dotted.rpartition(".")
    if module in _WITH_LAYERS and name in LAYERS:
        return find_place(f"keras.layers.{name}")
    if module in _MODULES:
        return None, f"bert4keras has no {dotted}; write what it did."
    return _place_in_keras(canonical(dotted), dotted)


def _place_in_keras(name, dotted):
    gone = [advice for head, advice in GONE.items() if f"{name}.".startswith(f"{head}.")]
    if gone:
        return None, gone[0]
    if name in MOVED:
        return MOVED[name], None
    if name == "keras.backend":
        return "kerasx.backend.K", None
    module, _, last = name.rpartition(".")
    if module == "keras.backend" and last not in BACKEND:
        return "kerasx.backend.legacy." + last, None
    return (name if name.split(".")[0] == "keras" else dotted), None


def provides(module, name):
    """Return whether `from module import *` brought a name."""
    if f"{module}.{name}" in NAMES:
        return True
    return name in LAYERS and (module in _WITH_LAYERS or canonical(module) == "keras.layers")
