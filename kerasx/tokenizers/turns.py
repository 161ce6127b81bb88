"""Turns of a dialogue as the ids a language model learns them from."""

from itertools import accumulate

__all__ = ["encode_dialogue", "encode_prompt"]


def encode_dialogue(tokenizer, turns, maxlen=512):
    """Ids of a dialogue as one text: [CLS] u1 [SEP] u2 [SEP] ..., turn i in segment i % 2.

    The first turns that fit, each of them whole. If not even the first one fits there are no ids:
    nothing could be learned from it but how to stop in the middle.

    Args:
        tokenizer: a tokenizer of `kerasx.tokenizers`, whose `token_end` ends a turn.
        turns: list of str.
        maxlen: how many ids at most.

    Returns:
        (token_ids, segment_ids): lists of int; [CLS] is in segment 0.

    Source: kexue.fm/archives/7718.

    >>> from kerasx.tokenizers import Tokenizer
    >>> tokenizer = Tokenizer({t: i for i, t in enumerate(["[UNK]", "[CLS]", "[SEP]", "好", "吗"])})
    >>> encode_dialogue(tokenizer, ["好吗", "好", "好好好好"], maxlen=8)
    ([1, 3, 4, 2, 3, 2], [0, 0, 0, 0, 1, 1])
    """
    start, coded = _coded(tokenizer, turns, maxlen)
    totals = accumulate(map(len, coded), initial=len(start))
    return _joined(start, coded[: sum(total <= maxlen for total in totals) - 1])


def encode_prompt(tokenizer, turns, maxlen=512):
    """Ids of what has been said, to be answered: `encode_dialogue` of the last turns that fit.

    The reply is to be generated in segment `1 - segment_ids[-1]`, up to `token_end`. The last turn
    alone may be too long; then its beginning is cut, since some answer is better than none.

    Args:
        tokenizer, maxlen: as in `encode_dialogue`.
        turns: list of str, at least one.

    Returns:
        (token_ids, segment_ids): lists of int.

    >>> from kerasx.tokenizers import Tokenizer
    >>> tokenizer = Tokenizer({t: i for i, t in enumerate(["[UNK]", "[CLS]", "[SEP]", "好", "吗"])})
    >>> encode_prompt(tokenizer, ["好好好好", "好", "好吗"], maxlen=8)
    ([1, 3, 2, 3, 4, 2], [0, 0, 0, 1, 1, 1])
    """
    start, coded = _coded(tokenizer, turns, maxlen)
    room = maxlen - len(start)
    fitting = sum(total <= room for total in accumulate(map(len, reversed(coded))))
    first, *others = coded[-max(fitting, 1) :]
    return _joined(start, [first[-room:], *others])


def _coded(tokenizer, turns, maxlen):
    """The ids that open a dialogue, and those of each turn with its end."""
    if tokenizer._token_end is None:
        raise ValueError("`tokenizer` must have a `token_end`, which ends each turn.")
    if isinstance(turns, str) or not len(turns):
        raise ValueError(f"`turns` must be a list of one str or more. Received: turns={turns!r}")
    start = [] if tokenizer._token_start is None else [tokenizer._token_start_id]
    if not isinstance(maxlen, int) or maxlen < len(start) + 1:
        raise ValueError(
            f"`maxlen` must be an integer of at least {len(start) + 1}. Received: maxlen={maxlen!r}"
        )
    return start, [tokenizer.encode(turn)[0][len(start) :] for turn in turns]


def _joined(start, coded):
    if not coded:
        return [], []
    segments = [i % 2 for i, ids in enumerate(coded) for _ in ids]
    return start + [i for ids in coded for i in ids], [0] * len(start) + segments
