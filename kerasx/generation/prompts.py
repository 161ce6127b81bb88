"""Read and check the arguments of a `Generator`'s call before anything is generated."""

from typing import NamedTuple

import numpy as np
from keras import ops

from kerasx.checks import check_integer, check_same_length, check_shape, check_texts, invalid


class Requests(NamedTuple):
    """The checked arguments of a call.

    Attributes:
        prompts: list of pairs (ids, segments) of int32 vectors, which the decoder continues.
        sources: list of such pairs, which the encoder reads, or None without an encoder.
        additional: list of arrays (b, ...) for the model's additional inputs.
        new_segments: list with the segment of the generated tokens of each prompt.
        seeds: list with the seed of each prompt, or None.
        steps: number of decoding steps at most.
    """

    prompts: list
    sources: list | None
    additional: list
    new_segments: list
    seeds: list | None
    steps: int

    def length(self, i):
        """Return the length that prompts are sorted by."""
        return len((self.sources or self.prompts)[i][0])


def encode(tokenizer, graphs, texts):
    """Return the token ids of texts, without the end token if the model is to continue them."""
    rows = [tokenizer.encode(text)[0] for text in texts]
    if not graphs.continues:
        return rows
    return [ids[:-1] if ids[-1:] == [tokenizer.end_id] else ids for ids in rows]


def decode(tokenizer, ids):
    """Return the text of token ids; ids beyond the tokenizer's vocabulary are left out."""
    return tokenizer.decode([i for i in ids if i < tokenizer.vocab_size])


def checked_prompts(graphs, prompts, segment_ids, pad_id, tokenizer=None, name="prompts"):
    """Return prompts as pairs of int32 vectors (ids, segments).

    Args:
        graphs: `DecodingGraphs`.
        prompts: list of texts, lists of token ids, or an array (b, n), whose rows lose their
            padding at the end.
        segment_ids: segment ids in the same form, or None for zeros.
        pad_id: the padding of an array.
        tokenizer: for texts.
        name: what errors call the prompts.
    """
    if _are_texts(prompts):
        prompts = _encoded(graphs, prompts, tokenizer, name)
    prompts, padded = _rows(prompts)
    rows = [_checked_ids(name, i, row, graphs.vocabulary) for i, row in enumerate(prompts)]
    if padded:
        rows = [ids[: np.max(np.nonzero(ids != pad_id)[0], initial=0) + 1] for ids in rows]
    if segment_ids is None:
        return [(ids, np.zeros_like(ids)) for ids in rows]
    segments = _checked_segments(graphs, segment_ids, list(map(len, rows)))
    return list(zip(rows, segments, strict=True))


def _are_texts(prompts):
    if isinstance(prompts, (list, tuple)):
        return any(isinstance(prompt, str) for prompt in prompts)
    return isinstance(prompts, str)


def _encoded(graphs, texts, tokenizer, name):
    if tokenizer is None:
        raise invalid(f"`tokenizer` must be given for `{name}` that are texts.", tokenizer=None)
    return encode(tokenizer, graphs, check_texts(name, texts))


def _checked_segments(graphs, segment_ids, lengths):
    """Return segment ids as vectors as long as their prompts."""
    segment_ids, padded = _rows(segment_ids)
    check_same_length(prompts=lengths, segment_ids=segment_ids)
    rows = [_checked_ids("segment_ids", i, x, graphs.segments) for i, x in enumerate(segment_ids)]
    if padded:
        rows = [row[:n] for row, n in zip(rows, lengths)]
    for i, (row, n) in enumerate(zip(rows, lengths)):
        if len(row) != n:
            expected = "`segment_ids` must be as long as `prompts`."
            raise invalid(expected, prompt=i, segments=len(row), tokens=n)
    return rows


def check_halves(graphs, segment_ids, decoder_token_ids):
    """Raise if an argument is only for models with an encoder, or only for models without."""
    if graphs.kept and segment_ids is not None:
        raise invalid("`segment_ids` must be None with an encoder.", segment_ids=segment_ids)
    if not graphs.kept and decoder_token_ids is not None:
        expected = "`decoder_token_ids` must be None without an encoder."
        raise invalid(expected, decoder_token_ids=decoder_token_ids)


def check_segment(graphs, name, segment):
    """Return `segment` if the model has a segment of this number, and raise otherwise."""
    if graphs.kind == "unilm" and segment == 0:
        expected = f"`{name}` must be positive for UniLM: tokens of segment 0 see each other whole."
        raise invalid(expected, **{name: segment})
    return check_integer(name, segment, 0, graphs.segments)


def checked_new_segments(graphs, prompts, new_segments, default):
    """Return the segment of the generated tokens of each prompt; see `Generator`."""
    given = [None] * len(prompts) if new_segments is None else new_segments
    check_same_length(prompts=prompts, new_segments=given)
    given = [default if segment is None else segment for segment in given]
    return [
        _usual_segment(graphs, segments)
        if new is None
        else check_segment(graphs, "new_segments", new)
        for new, (_, segments) in zip(given, prompts)
    ]


def _usual_segment(graphs, segments):
    return 1 if graphs.kind == "unilm" else segments[-1]


def checked_starts(graphs, sources, decoder_token_ids, start_id, pad_id):
    """Return the sequences that the decoder of an encoder-decoder continues, as in `Requests`."""
    if decoder_token_ids is None:
        if start_id is None:
            raise invalid(
                "`start_id` must be given, as Generator(model, start_id=...), or "
                "`decoder_token_ids`: the decoder must start with something, the "
                "`decoder_start_token_id` of its configuration (0 for T5).",
                start_id=start_id,
            )
        decoder_token_ids = [[start_id]] * len(sources)
    check_same_length(prompts=sources, decoder_token_ids=decoder_token_ids)
    return checked_prompts(graphs, decoder_token_ids, None, pad_id, name="decoder_token_ids")


def _rows(ids):
    """Return (rows, whether they are padded) of lists, or of an array or tensor (b, n)."""
    is_array = hasattr(ids, "shape")
    return (ops.convert_to_numpy(ids) if is_array else ids), is_array


def _checked_ids(name, i, row, size):
    """Return row `i` as a non-empty int32 vector of ids in [0, size)."""
    ids = np.asarray(row)
    if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
        expected = f"`{name}` must be non-empty lists of integers, one list for each prompt."
        raise invalid(expected, prompt=i, ids=row)
    if ids.min() < 0 or (size is not None and ids.max() >= size):
        raise invalid(f"`{name}` must be ids in [0, {size}).", prompt=i, ids=ids.tolist())
    return ids.astype("int32")


def checked_ends(end_id, vocabulary):
    """Return the ids that end a sequence as a tuple: none, one or several."""
    ends = end_id if isinstance(end_id, (list, tuple, set)) else [end_id]
    ends = () if end_id is None else ends
    return tuple(dict.fromkeys(check_integer("end_id", end, 0, vocabulary) for end in ends))


def checked_seeds(seeds, prompts):
    """Return a seed for each prompt, or None if the strategy has its own seed for all."""
    if seeds is None:
        return None
    check_same_length(prompts=prompts, seeds=seeds)
    return [check_integer("seeds", seed, least=0) for seed in seeds]


def check_lengths(graphs, prompts, steps):
    """Raise if the model has no position for the last token that is fed, or no room for a prompt.

    The last token is never fed, so a sequence may be one token longer than the position table.
    """
    longest = max((len(ids) for ids, _ in prompts), default=0)
    if longest and graphs.reach is not None and longest + steps - 1 > graphs.reach:
        raise invalid(
            f"`prompts` must leave room for new tokens: the model reaches {graphs.reach} "
            "positions. Cut the prompts, or generate fewer tokens.",
            longest_prompt=longest,
            steps=steps,
        )
    if graphs.length is not None and longest > graphs.length:
        raise invalid(
            "`prompts` must fit into the model, which was built with "
            f"sequence_length={graphs.length}. Cut the prompts, or build the model without it.",
            longest_prompt=longest,
        )


def checked_additional(graphs, arrays, rows):
    """Return the arrays for the model's additional inputs; raise unless each has `rows` rows."""
    wanted = graphs.additional
    if len(arrays) != len(wanted):
        names = [x.name for x in wanted]
        expected = f"`additional_inputs` must be {len(wanted)} arrays, for the inputs {names}."
        raise invalid(expected, arrays=len(arrays))
    arrays = [np.asarray(ops.convert_to_numpy(a), x.dtype) for a, x in zip(arrays, wanted)]
    for a, x in zip(arrays, wanted):
        meaning = f"a row of {x.name!r} for each prompt"
        check_shape("additional_inputs", a, (rows, *x.shape[1:]), meaning)
    return arrays
