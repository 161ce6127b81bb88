"""Decide which tensors a model and a checkpoint may lack: heads, and nothing of a backbone."""

import logging
from glob import escape

import numpy as np

from kerasx import checkpoints
from kerasx.checkpoints.checkpoint import BFLOAT16
from kerasx.checks import invalid
from kerasx.models.placement import ending, matches

_LISTED = 20  # names in the line of log
_PIECE = 1 << 20  # entries compared at once


def check_names(builder, expected, source, ignore=(), allow_missing=()):
    """Check that a checkpoint has a model's tensors; heads that one side lacks are logged.

    Args:
        builder: the builder.
        expected: {original name: shape} of its tensors.
        source: the checkpoint, `Translated`.
        ignore, allow_missing: patterns of tensors that may be unused, or absent, by their original
            names or those in Hugging Face's files.

    Returns:
        The expected names that the checkpoint holds.

    Raises:
        ValueError: a part of the backbone is missing, unused or of another shape; or its tensors
            are integers.
    """
    original, folder = builder.original, builder.huggingface
    patterns = (*checkpoints.DEFAULT_IGNORE, *original.ignored, *folder.optional, *ignore)
    used = {source.name_in_file(name) for name in expected if name in source}
    used |= source.twins.keys()
    rest = {n: source.name_in_file(n) for n in source if n not in expected}
    silent = {n for n, f in rest.items() if f in used or _any(n, f, patterns)}
    unused = [name for name in rest if name not in silent]
    lenient = builder.ignore_invalid_weights
    spare = [x for x in unused if lenient or original.is_head(x) or not source.is_backbone(x)]
    _check_dtypes(source, [*expected, *unused], spare)
    allowed = [n for n in expected if _any(n, folder.name_of(n), allow_missing)]
    found = checkpoints.match(
        expected,
        source,
        ignore=[escape(name) for name in (*silent, *spare)],
        allow_missing=[*map(escape, allowed), *_absent(original.heads, expected, source)],
    )
    spare = [source.name_in_file(name) for name in spare]
    log_left_out(source.path, spare, [name for name in expected if name not in source])
    return found


def _any(name, other, patterns):
    return matches(name, patterns) or matches(other, patterns)


def _absent(heads, expected, source):
    """Return the patterns of the heads of which a checkpoint has nothing at all."""
    held = [name for name in expected if name in source]
    return [head for head in heads if not any(matches(name, (head,)) for name in held)]


def check_twins(source, scores, ignore=()):
    """Raise if tensors that a model shares differ in the file; the data is read.

    Args:
        source: the checkpoint, `Translated`.
        scores: whether the model scores tokens, which heads' second names of the table are for.
        ignore: patterns of names in the file that may differ.
    """
    for name, other in source.twins.items():
        if matches(name, ignore) or not (scores or source.is_backbone(name)):
            continue
        if not same_data(source.source, name, other):
            raise invalid(
                "`checkpoint` must have one tensor for weights that the model shares; these "
                "differ. ignore=[...] leaves one out.",
                names=[name, other],
            )


def has_own_scores(checkpoint, scores, *tables):
    """Return whether a file has a table of scores that differs from the token table.

    Args:
        checkpoint: an open Checkpoint.
        scores: name of the table of scores.
        tables: names of the token table.
    """
    found, others = ending(checkpoint, scores), ending(checkpoint, *tables)
    return bool(found and others) and not same_data(checkpoint, found[0], others[0])


def same_data(checkpoint, name, other):
    """Return whether two tensors of a checkpoint are equal, bit for bit."""
    a, b = checkpoint[name], checkpoint[other]
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    a, b = (np.atleast_1d(x) for x in (a, b))
    step = max(1, _PIECE * len(a) // max(1, a.size))
    pieces = ((a[i : i + step], b[i : i + step]) for i in range(0, len(a), step))
    same = all(x.tobytes() == y.tobytes() for x, y in pieces)
    checkpoint.release()
    return same


def _check_dtypes(source, names, spare):
    """Refuse integers in place of a backbone's weights."""
    kinds = {name: source.dtype(name) for name in names if name in source and name not in spare}
    wrong = {name: str(dtype) for name, dtype in kinds.items() if not _is_float(dtype)}
    if wrong:
        raise invalid(
            "`checkpoint` must hold weights of floating point; these are quantised or counters. "
            "Save the model in float32, float16 or bfloat16.",
            checkpoint=source.path,
            dtypes=wrong,
        )


def _is_float(dtype):
    return dtype.kind == "f" or dtype == BFLOAT16


def log_left_out(path, spare, new):
    """Name in one line of log what the model has no place for, and what the file lacks."""
    parts = [
        ("not in the model, left out", spare),
        ("not in the checkpoint, with initial values", new),
    ]
    texts = [f"{what}: {_shortened(names)}" for what, names in parts if names]
    if texts:
        where = f"{path}: " if path else ""
        logging.getLogger("kerasx").warning("%s%s", where, "; ".join(texts))


def _shortened(names):
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
