"""Check the values of a builder's arguments before anything is built."""

import math

import numpy as np

from kerasx.checks import check_integer, check_number, invalid
from kerasx.models.builder_arguments import parameters
from kerasx.models.families.bart import BART_Base
from kerasx.models.families.input_embeddings import Segments, TrainedPositions
from kerasx.ops import get_activation

_MOST_LAYERS = 10_000
_MOST_ROWS = 1 << 20  # of tables that are computed, not read
_MOST_WEIGHTS = 10**11  # 400 GB in float32
_SMALL = 10**5  # weights that are allocated at once

# {argument: (least value, bound)} of integers
_INTEGERS = {
    **dict.fromkeys(
        """vocab_size hidden_size num_attention_heads intermediate_size attention_head_size
        attention_key_size embedding_size max_position num_key_value_heads sequence_length
        relative_attention_max_distance global_attn_every_n_layers""".split(),
        (1, 1 << 31),
    ),
    **dict.fromkeys(("segment_vocab_size", "pad_id"), (0, 1 << 31)),
    **dict.fromkeys(("position_buckets", "max_relative_positions"), (-(1 << 31), _MOST_ROWS)),
    "num_hidden_layers": (0, _MOST_LAYERS + 1),
    "num_decoder_layers": (1, _MOST_LAYERS + 1),
    "max_relative_position": (1, _MOST_ROWS),
    "relative_attention_num_buckets": (2, _MOST_ROWS),
    "local_attention": (0, 1 << 31),
    "conv_kernel_size": (0, _MOST_ROWS),
}
# {argument: bounds} of numbers, see `check_number`
_NUMBERS = {
    **dict.fromkeys(("dropout_rate", "attention_dropout_rate"), {"least": 0, "most": 1}),
    **dict.fromkeys(("rotary_base", "global_rope_theta", "local_rope_theta"), {"above": 0}),
    "initializer_range": {"least": 0},
    "layer_norm_eps": {"least": 0, "below": 1},
}
_ACTIVATIONS = ("hidden_act", "conv_act", "pooler_act", "classifier_activation")
# arguments that may be None although their default is a value
_OPTIONAL = ("pad_id", "local_rope_theta", "dropout_rate", "attention_dropout_rate")


def checked_values(cls, options, keys=None):
    """Return a builder's arguments with integers and flags made plain, and refuse bad ones.

    Args:
        cls: the builder's class.
        options: {argument: value}.
        keys: {argument: name for it in errors}, the argument's own by default.

    >>> from kerasx.models import BERT
    >>> checked_values(BERT, {"vocab_size": np.int64(30), "hidden_size": 8.0})
    {'vocab_size': 30, 'hidden_size': 8}
    >>> checked_values(BERT, {"hidden_size": -8}, {"hidden_size": "d_model"})
    Traceback (most recent call last):
    ...
    ValueError: `d_model` must be an integer in [1, 2147483648). Received: d_model=-8
    """
    known, keys = parameters(cls), keys or {}
    return {
        name: _checked(name, value, known.get(name), keys.get(name, name))
        for name, value in options.items()
    }


def _checked(name, value, parameter, label):
    default = getattr(parameter, "default", None)
    if value is None and (default is None or name in _OPTIONAL):
        return None
    if name in _INTEGERS:
        least, below = _INTEGERS[name]
        return check_integer(label, _integral(value), least, below)
    if name in _NUMBERS:
        return check_number(label, value, **_NUMBERS[name])
    if name in _ACTIVATIONS:
        return _checked_activation(label, value)
    if isinstance(default, bool) and not name.startswith("with_"):
        return checked_flag(label, value)
    return value


def _integral(value):
    """Return 12.0 as 12, which some programs write for integers, and any other value as it is."""
    whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return int(value) if whole else value


def checked_flag(label, value):
    """Return true, false, 0 or 1 as a bool."""
    if not isinstance(value, (bool, np.bool_)) and value not in (0, 1):
        raise invalid(f"`{label}` must be true or false.", **{label: value})
    return bool(value)


def _checked_activation(label, value):
    """Return an activation, or a list of them for gated networks."""
    for one in value if isinstance(value, (list, tuple)) and value else [value]:
        try:
            good = callable(one) or (isinstance(one, (str, dict)) and get_activation(one))
        except (ValueError, TypeError):
            good = False
        if not good:
            raise invalid(
                f"`{label}` must be the name of an activation of Keras or of a configuration file, "
                "a function, or a list of these for gated networks.",
                **{label: value},
            )
    return value


def check_total(builder, most=_MOST_WEIGHTS, reason="no larger model is built", keys=None):
    """Refuse sizes that give more weights than there can be, before anything is allocated.

    Args:
        builder: a builder that has not built its graph.
        most: number of weights.
        reason: why there are no more, for the error.
        keys: as in `checked_values`.
    """
    keys = keys or {}
    parts = list(_least_weights(builder))
    for names in (names for names, count in parts if count > most):
        raise _too_large(builder, names, most, reason, keys)
    if sum(count for _, count in parts) > most:
        names = dict.fromkeys(name for names, _ in parts for name in names)
        raise _too_large(builder, names, most, reason, keys)


def check_against(builder, source, keys=None):
    """Refuse sizes far beyond those of a checkpoint; what differs less, loading tells by name."""
    count = sum(math.prod(source.shape(name)) for name in source)
    check_total(builder, max(count, _SMALL), f"the checkpoint has {count}", keys)


def _too_large(builder, names, most, reason, keys):
    listed = " × ".join(f"`{keys.get(name, name)}`" for name in names)
    received = {keys.get(name, name): _size(builder, name) for name in names}
    return invalid(f"{listed} must give at most {most} weights: {reason}.", **received)


def _least_weights(builder):
    """Yield (sizes, number of weights) of the tables and networks of a model."""
    mapped = getattr(builder, "embedding_size", builder.hidden_size) != builder.hidden_size
    width = "embedding_size" if mapped else "hidden_size"
    for rows in _tables(builder):
        yield (rows, width), _size(builder, rows) * _size(builder, width)
    network = 2 * builder.hidden_size * builder.intermediate_size
    yield ("hidden_size", "intermediate_size"), network
    if builder.family != "albert":  # whose blocks are, or start as, one
        further = max(builder.num_hidden_layers, 1) - 1
        yield ("num_hidden_layers", "hidden_size", "intermediate_size"), further * network


def _tables(builder):
    """Yield the arguments that are the numbers of rows of a trained table."""
    yield "vocab_size"
    if isinstance(builder, Segments) and not builder.shared_segment_embeddings:
        yield "segment_vocab_size"
    positions = isinstance(builder, (TrainedPositions, BART_Base))
    if positions and getattr(builder, "position_biased_input", True):
        yield "max_position"


def _size(builder, name):
    return getattr(builder, "original_vocab_size" if name == "vocab_size" else name)
