"""What is checked before anything is generated."""

import numpy as np
from keras import ops

__all__ = [
    "check_integer",
    "check_lengths",
    "check_number",
    "checked_additional",
    "checked_ends",
    "checked_prompts",
    "checked_starts",
]


def checked_prompts(graphs, token_ids, segment_ids, pad_id):
    """Prompts as pairs of int32 vectors (ids, segments); rows of an array lose their padding."""
    token_ids, padded = _rows(token_ids)
    segment_ids, padded_segments = _rows(segment_ids)
    if segment_ids is not None and len(segment_ids) != len(token_ids):
        raise ValueError(
            "`segment_ids` must have a row for each of `token_ids`. "
            f"Received: {len(segment_ids)} and {len(token_ids)} rows"
        )
    prompts = []
    for i, row in enumerate(token_ids):
        ids = _checked_ids("token_ids", i, row, graphs.vocabulary)
        if padded:
            ids = ids[: np.max(np.nonzero(ids != pad_id)[0], initial=0) + 1]
        segments = np.zeros_like(ids)
        if segment_ids is not None:
            segments = _checked_ids("segment_ids", i, segment_ids[i], graphs.segments)
            segments = segments[: len(ids)] if padded_segments else segments
        if len(segments) != len(ids):
            raise ValueError(
                "`segment_ids` must be as long as `token_ids`. "
                f"Received at {i}: {len(segments)} and {len(ids)}"
            )
        prompts.append((ids, segments))
    return prompts


def checked_starts(generator, prompts, segment_ids, decoder_token_ids):
    """What the decoder continues: the prompts themselves, unless these are an encoder's sources."""
    if not generator.graphs.kept:
        if decoder_token_ids is not None or generator.start_id is not None:
            raise ValueError(
                "`start_id` and `decoder_token_ids` are for models with an encoder; this one "
                "continues `token_ids`."
            )
        return prompts
    if segment_ids is not None:
        raise ValueError("`segment_ids` must be None: the model has no segments.")
    if decoder_token_ids is None:
        if generator.start_id is None:
            raise ValueError(
                "The decoder must start with something. Pass Generator(model, start_id=...), the "
                "`decoder_start_token_id` of its configuration (0 for T5), or `decoder_token_ids`."
            )
        decoder_token_ids = [[generator.start_id]] * len(prompts)
    starts = checked_prompts(generator.graphs, decoder_token_ids, None, generator.pad_id)
    if len(starts) != len(prompts):
        raise ValueError(
            "`decoder_token_ids` must have a row for each of `token_ids`. "
            f"Received: {len(starts)} and {len(prompts)} rows"
        )
    return starts


def _rows(ids):
    """(rows, whether they are padded): lists, or an array or tensor (b, n)."""
    is_array = hasattr(ids, "shape")
    return (ops.convert_to_numpy(ids) if is_array else ids), is_array


def _checked_ids(name, i, row, size):
    """Row `i` as a non-empty int32 vector of ids in [0, size)."""
    ids = np.asarray(row)
    if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be non-empty lists of integers, one list for each prompt. "
            f"Received at {i}: {row!r}"
        )
    if ids.min() < 0 or (size is not None and ids.max() >= size):
        raise ValueError(
            f"`{name}` must be ids in [0, {size}). Received at {i}: {ids.tolist()[:20]}"
        )
    return ids.astype("int32")


def checked_ends(end_id, vocabulary):
    """The ids that end a sequence, in a tuple: none, one or several."""
    ends = end_id if isinstance(end_id, (list, tuple, set)) else [end_id]
    ends = tuple(ends) if end_id is not None else ()
    for end in ends:
        check_integer("end_id", end, 0, vocabulary)
    return tuple(map(int, dict.fromkeys(ends)))


def check_lengths(graphs, prompts, new, sources=None, ahead=0):
    """The last token is never fed, so a sequence may be one token longer than the table.

    But for a strategy that looks `ahead`.
    """
    if sources:
        check_lengths(graphs, sources, 1)
    longest = max((len(ids) for ids, _ in prompts), default=0)
    if longest and graphs.reach is not None and longest + new - 1 + ahead > graphs.reach:
        raise ValueError(
            f"The longest prompt has {longest} tokens and max_new_tokens={new}, but the model "
            f"reaches only {graphs.reach - ahead} positions. Cut the prompts, or generate fewer "
            "tokens."
        )
    if graphs.length is not None and longest > graphs.length:
        raise ValueError(
            f"The longest prompt has {longest} tokens, but the model was built with "
            f"sequence_length={graphs.length}. Cut the prompts, or build the model without it."
        )


def checked_additional(graphs, arrays, rows):
    """The arrays for the model's additional inputs, one row for each prompt."""
    wanted = graphs.additional
    if len(arrays) != len(wanted):
        raise ValueError(
            f"`additional_inputs` must be {len(wanted)} arrays, for the model's inputs "
            f"{[x.name for x in wanted]}. Received: {len(arrays)}"
        )
    arrays = [np.asarray(ops.convert_to_numpy(a), x.dtype) for a, x in zip(arrays, wanted)]
    for a, x in zip(arrays, wanted):
        fits = a.ndim == len(x.shape) and len(a) == rows
        if not fits or any(s not in (None, t) for s, t in zip(x.shape[1:], a.shape[1:])):
            raise ValueError(
                f"`additional_inputs` must have a row for each of the {rows} prompts, in the "
                f"shape {x.shape} of {x.name!r}. Received: {a.shape}"
            )
    return arrays


def check_integer(name, value, least, below=None):
    """Raise unless `value` is an integer in [least, below)."""
    good = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least
    if not good or (below is not None and value >= below):
        bound = f"at least {least}" if below is None else f"in [{least}, {below})"
        raise ValueError(f"`{name}` must be an integer {bound}. Received: {name}={value!r}")


def check_number(name, value, least=-np.inf, most=np.inf, above=-np.inf):
    """Raise unless `value` is a finite number in [least, most], and larger than `above`."""
    good = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not good or not np.isfinite(value) or not least <= value <= most or value <= above:
        bounds = [f"at least {least}"] if least > -np.inf else []
        bounds += [f"above {above}"] if above > -np.inf else []
        bounds += [f"at most {most}"] if most < np.inf else []
        raise ValueError(
            f"`{name}` must be a finite number{' ' * bool(bounds)}{', '.join(bounds)}. "
            f"Received: {name}={value!r}"
        )
