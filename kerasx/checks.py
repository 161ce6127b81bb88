"""Check arguments: each error says what is expected and what was received.

Most functions take the name and the value of an argument and return the value, so that a
constructor can check and store it in one line:

    self.width = check_integer("width", width, least=1)
"""

import math

import numpy as np

_LONGEST = 200  # characters of a received value in an error


def invalid(expected, **received):
    """Return a ValueError about a bad argument, for the caller to raise.

    Args:
        expected: str, a sentence such as "`width` must be even."
        received: the values received, by argument name; long ones are cut.

    >>> raise invalid("`width` must be even.", width=3)
    Traceback (most recent call last):
    ...
    ValueError: `width` must be even. Received: width=3
    """
    shown = ", ".join(f"{name}={_shortened(value)}" for name, value in received.items())
    return ValueError(f"{expected} Received: {shown}")


def check_integer(name, value, least=None, below=None):
    """Return `value` as an int if it is an integer in [least, below), and raise otherwise.

    A bool is no integer; a NumPy integer is.

    >>> check_integer("width", 0, least=1)
    Traceback (most recent call last):
    ...
    ValueError: `width` must be an integer of at least 1. Received: width=0
    """
    good = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not good or value < _or(least, -math.inf) or value >= _or(below, math.inf):
        raise invalid(f"`{name}` must be an integer{_bounds(least, below)}.", **{name: value})
    return int(value)


def check_number(name, value, least=-math.inf, most=math.inf, above=-math.inf, below=math.inf):
    """Return `value` if it is a finite number in [least, most], above `above`, below `below`.

    >>> check_number("rate", 1.5, least=0, most=1)
    Traceback (most recent call last):
    ...
    ValueError: `rate` must be a finite number of at least 0, of at most 1. Received: rate=1.5
    """
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    fits = number and math.isfinite(value) and least <= value <= most and above < value < below
    if not fits:
        bounds = {"of at least": least, "above": above, "of at most": most, "below": below}
        shown = [f"{word} {bound}" for word, bound in bounds.items() if math.isfinite(bound)]
        text = " ".join(["a finite number", ", ".join(shown)]).rstrip()
        raise invalid(f"`{name}` must be {text}.", **{name: value})
    return value


def check_positive(**arguments):
    """Raise unless each argument is a finite number above 0, or None.

    >>> check_positive(epsilon=0.0)
    Traceback (most recent call last):
    ...
    ValueError: `epsilon` must be a finite number above 0. Received: epsilon=0.0
    """
    for name, value in arguments.items():
        if value is not None:
            check_number(name, value, above=0)


def check_choice(name, value, choices):
    """Return `value` if it is one of the choices, and raise otherwise.

    >>> check_choice("mode", "sum", ("max", "avg"))
    Traceback (most recent call last):
    ...
    ValueError: `mode` must be one of 'max', 'avg'. Received: mode='sum'
    """
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        listed = ", ".join(map(repr, choices))
        raise invalid(f"`{name}` must be one of {listed}.", **{name: value})
    return value


def check_same_length(**arguments):
    """Raise unless all arguments have the same length.

    >>> check_same_length(texts=["a"], labels=[])
    Traceback (most recent call last):
    ...
    ValueError: `texts`, `labels` must have the same length. Received: len(texts)=1, len(labels)=0
    """
    lengths = {f"len({name})": len(value) for name, value in arguments.items()}
    if len(set(lengths.values())) > 1:
        names = ", ".join(f"`{name}`" for name in arguments)
        raise invalid(f"{names} must have the same length.", **lengths)


def check_texts(name, value):
    """Return `value` as a list if it is an iterable of str, but not a str; raise otherwise.

    >>> check_texts("texts", "好")
    Traceback (most recent call last):
    ...
    ValueError: `texts` must be a list of str. Received: texts='好'
    """
    texts = None if isinstance(value, (str, bytes)) or value is None else list(value)
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise invalid(f"`{name}` must be a list of str.", **{name: value})
    return texts


def check_shape(name, x, expected, meaning):
    """Raise unless x has the `expected` shape, where None agrees with any size.

    >>> check_shape("y_true", np.ones((2, 3)), (None, 4), "a label for each of the 4 classes")
    Traceback (most recent call last):
    ...
    ValueError: `y_true` must be a label for each of the 4 classes, of shape (None, 4). Received: \
y_true.shape=(2, 3)
    """
    shape, expected = tuple(x.shape), tuple(expected)
    agree = [a is None or b is None or a == b for a, b in zip(shape, expected)]
    if len(shape) != len(expected) or not all(agree):
        raise invalid(
            f"`{name}` must be {meaning}, of shape {expected}.", **{f"{name}.shape": shape}
        )


def _or(value, default):
    return default if value is None else value


def _bounds(least, below):
    if least is None:
        return "" if below is None else f" below {below}"
    return f" of at least {least}" if below is None else f" in [{least}, {below})"


def _shortened(value):
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
