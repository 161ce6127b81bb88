"""Check that a checkpoint holds the tensors of a model, by name and shape, without reading data."""

import re
from fnmatch import translate

from kerasx.checkpoints.checkpoint import as_checkpoint
from kerasx.checks import invalid

DEFAULT_IGNORE = (
    # slots and counters of TensorFlow optimizers: Adam, LAMB, Momentum, RMSProp, Adafactor
    "*/adam_m",
    "*/adam_v",
    "*/Adam",
    "*/Adam_1",
    "*/lamb_m",
    "*/lamb_v",
    "*/Momentum",
    "*/RMSProp",
    "*/RMSProp_1",
    "*_slot_v",
    "*_slot_vc",
    "*_slot_vr",
    "*_slot_m",
    "global_step",
    "beta1_power",
    "beta2_power",
    # loss scaling of mixed precision
    "bad_steps",
    "good_steps",
    "loss_scale",
    "current_loss_scale",
    # counters of tf.train.Checkpoint
    "save_counter/*",
    "optimizer/*",
    "*/.OPTIMIZER_SLOT/*",
    # constants that older PyTorch models saved with the weights
    "*position_ids",
    "*embeddings.token_type_ids",
    "*positions_encoding",
    "*inv_freq",
    "*num_batches_tracked",
)


def match(expected, checkpoint, ignore=DEFAULT_IGNORE, allow_missing=()):
    """Check that a checkpoint holds the expected tensors, by name and shape, and no others.

    No data is read. To assign all weights or none, read all arrays before the first assignment:
    damaged data raises an error when it is read.

    Args:
        expected: {name: shape} of the tensors of a model; None in a shape matches any size.
        checkpoint: a Checkpoint or a dict of arrays.
        ignore: patterns (`*`, `?`) of tensors that may be unused; the default lists the slots and
            counters of optimizers. To add a pattern: `ignore=(*DEFAULT_IGNORE, "cls/*")`.
        allow_missing: patterns of tensors that may be absent.

    Returns:
        List of the expected names that the checkpoint holds, in the order of `expected`.

    Raises:
        ValueError: tensors are missing, unused or of another shape; the error lists them.

    >>> import numpy as np
    >>> arrays = {"dense/bias": np.zeros(3), "dense/bias/adam_m": np.zeros(3)}
    >>> match({"dense/bias": (3,)}, arrays)
    ['dense/bias']
    >>> match({"dense/bias": (4,)}, arrays)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: `checkpoint` must hold the tensors of the model, by name and shape...
    """
    checkpoint = as_checkpoint(checkpoint)
    ignored, optional = _matcher(ignore), _matcher(allow_missing)
    missing = [
        f"{name}{_why(checkpoint, name)}"
        for name in expected
        if name not in checkpoint and not optional(name)
    ]
    unused = [
        f"{name} {checkpoint.shape(name)}"
        for name in checkpoint
        if name not in expected and not ignored(name)
    ]
    found = [name for name in expected if name in checkpoint]
    misshapen = [
        f"{name}: model {tuple(expected[name])}, checkpoint {checkpoint.shape(name)}"
        for name in found
        if not _fits(checkpoint.shape(name), expected[name])
    ]
    if missing or unused or misshapen:
        lists = [("missing", missing), ("unused", unused), ("of another shape", misshapen)]
        raise ValueError(_message(checkpoint, lists))
    return found


def _matcher(patterns):
    """Return a function that tells whether a name matches any of the patterns, case included."""
    if isinstance(patterns, str):
        raise invalid("Patterns must be a list of str.", patterns=patterns)
    return re.compile("|".join(map(translate, patterns)) or r"(?!)").match


def _fits(shape, expected):
    return len(shape) == len(expected) and all(
        size is None or size == n for n, size in zip(shape, expected)
    )


def _why(checkpoint, name):
    return f" (not readable: {checkpoint.skipped[name]})" if name in checkpoint.skipped else ""


def _message(checkpoint, lists, limit=20):
    lines = [
        "`checkpoint` must hold the tensors of the model, by name and shape; nothing was loaded. "
        "`python -m kerasx.checkpoints show PATH` lists its tensors; pass `ignore=[...]` for "
        "tensors that may be unused, `allow_missing=[...]` for tensors that may be absent. "
        f"Received: checkpoint={checkpoint!r}"
    ]
    for what, names in lists:
        if names:
            lines.append(f"{len(names)} {what}:")
            lines += [f"    {name}" for name in names[:limit]]
        if len(names) > limit:
            lines.append(f"    and {len(names) - limit} more")
    return "\n".join(lines)
