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


def encode(tokenizer, texts, continued, maxlen=None):
    """Return the token ids of texts, without the end token if the texts are to be continued.

    Args:
        tokenizer: a tokenizer of `kerasx.tokenizers`.
        texts: list of str.
        continued: whether a model is to continue the texts, and not to answer them.
        maxlen: number of ids that are wanted of each text at most, or None for all.
    """
    limit = maxlen if maxlen is None or not continued else maxlen + 1
    rows = [tokenizer.encode(text, maxlen=limit)[0] for text in texts]
    if not continued:
        return rows
    return [ids[:-1] if ids[-1:] == [tokenizer.end_id] else ids for ids in rows]


def decode(tokenizer, ids):
    """Return the text of token ids; ids beyond the tokenizer's vocabulary are left out."""
    return tokenizer.decode([i for i in ids if i < tokenizer.vocab_size])


def checked_prompts(
    graphs, prompts, segment_ids, pad_id, start_id=None, encode=None, name="prompts"
):
    """Return prompts as pairs of int32 vectors (ids, segments).

    Args:
        graphs: `DecodingGraphs`.
        prompts: texts, lists of token ids, or an array (b, n), whose rows lose their padding at
            both ends.
        segment_ids: segment ids in the same form, or None for zeros.
        pad_id: the padding of an array; None if it has none.
        start_id: the token that rows start with, which may be the padding, or None.
        encode: function from a list of texts to lists of token ids, or None.
        name: what errors call the prompts.
    """
    rows, padded = _rows(name, prompts)
    if isinstance(prompts, str) or any(isinstance(row, str) for row in rows):
        rows = _encoded(name, prompts if isinstance(prompts, str) else rows, encode)
    rows = [_checked_ids(name, i, row, graphs.vocabulary) for i, row in enumerate(rows)]
    lengths = list(map(len, rows))
    kept = [_without_padding(ids, pad_id, start_id) if padded else slice(None) for ids in rows]
    rows = [ids[part] for ids, part in zip(rows, kept)]
    if segment_ids is None:
        return [(ids, np.zeros_like(ids)) for ids in rows]
    segments = _checked_segments(graphs, segment_ids, lengths, kept)
    return list(zip(rows, segments, strict=True))


def _without_padding(ids, pad_id, start_id):
    """Return the slice of a row between its padding; of nothing but padding, the last id."""
    real = np.flatnonzero(ids != pad_id)
    first, last = (real[0], real[-1]) if len(real) else (len(ids) - 1, len(ids) - 1)
    starts = pad_id is not None and pad_id == start_id and first > 0 and len(real) > 0
    return slice(first - starts, last + 1)


def _encoded(name, texts, encode):
    if encode is None:
        raise invalid(f"`tokenizer` must be given for `{name}` that are texts.", tokenizer=None)
    return encode(check_texts(name, texts))


def _checked_segments(graphs, segment_ids, lengths, kept):
    """Return the segment ids of the `kept` parts of prompts of these lengths, as vectors."""
    segment_ids, padded = _rows("segment_ids", segment_ids)
    check_same_length(prompts=lengths, segment_ids=segment_ids)
    rows = [_checked_ids("segment_ids", i, x, graphs.segments) for i, x in enumerate(segment_ids)]
    if padded:
        rows = [row[:n] for row, n in zip(rows, lengths)]
    for i, (row, n) in enumerate(zip(rows, lengths)):
        if len(row) != n:
            expected = "`segment_ids` must be as long as `prompts`."
            raise invalid(expected, prompt=i, segments=len(row), tokens=n)
    return [row[part] for row, part in zip(rows, kept)]


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
    given = [None] * len(prompts) if new_segments is None else _listed("new_segments", new_segments)
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
    name = "decoder_token_ids"
    starts = checked_prompts(graphs, decoder_token_ids, None, pad_id, start_id, name=name)
    check_same_length(prompts=sources, decoder_token_ids=starts)
    return starts


def _rows(name, given):
    """Return (list of rows, whether they are padded) of lists, or of an array or tensor (b, n)."""
    is_array = hasattr(given, "shape")
    given = ops.convert_to_numpy(given) if is_array else given
    return _listed(name, given), is_array and given.ndim == 2


def _listed(name, values):
    """Return a list of the values, which may be any iterable."""
    try:
        return list(values)
    except TypeError:
        expected = f"`{name}` must be a list or an array, with one entry for each prompt."
        raise invalid(expected, **{name: values}) from None


def _checked_ids(name, i, row, size):
    """Return row `i` as a non-empty int32 vector of ids in [0, size)."""
    ids = np.asarray(row)
    if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
        expected = f"`{name}` must be non-empty lists of integers, one list for each prompt."
        raise invalid(expected, prompt=i, ids=row)
    if ids.min() < 0 or (size is not None and ids.max() >= size):
        raise invalid(f"`{name}` must be ids in [0, {size}).", prompt=i, ids=ids.tolist())
    return ids.astype("int32")


def usual_ids(graphs, tokenizer):
    """Return the ids that a Generator takes where none are given, as a dict."""
    if tokenizer is None:
        return {"end": None, "pad": graphs.masked_id, "start": None}
    usual = {"end": tokenizer.end_id, "pad": tokenizer.pad_id, "start": None}
    if usual["pad"] is None:
        usual["pad"] = graphs.masked_id
    if graphs.kept:
        usual["start"] = _usual_start(graphs, tokenizer)
    return usual


def _usual_start(graphs, tokenizer):
    """Return the token that the decoder of a family starts with."""
    if getattr(getattr(graphs.model, "builder", None), "starts_with_end", False):
        return tokenizer.end_id
    return graphs.masked_id if tokenizer.start_id is None else tokenizer.start_id


def checked_ends(end_id, vocabulary):
    """Return the ids that end a sequence as a tuple: none, one or several."""
    ends = [] if end_id is None else end_id
    ends = list(ends) if isinstance(ends, (set, frozenset)) else ends
    ends = np.ravel(ops.convert_to_numpy(ends) if hasattr(ends, "shape") else ends).tolist()
    return tuple(dict.fromkeys(check_integer("end_id", end, 0, vocabulary) for end in ends))


def checked_seeds(seeds, prompts):
    """Return a seed for each prompt, or None if the strategy has its own seed for all."""
    if seeds is None:
        return None
    seeds = _listed("seeds", seeds)
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
