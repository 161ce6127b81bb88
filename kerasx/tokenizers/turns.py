"""Convert the turns of a dialogue to the ids of a language model."""

from itertools import accumulate

from kerasx.checks import check_integer, invalid
from kerasx.tokenizers.base import check_text


def encode_dialogue(tokenizer, turns, maxlen=512):
    """Encode a dialogue as one text: [CLS] u1 [SEP] u2 [SEP] ..., turn i in segment i % 2.

    The result has as many whole turns as fit, from the first on. If the first turn is too long, the
    result is empty, since a cut turn would teach a model to stop in the middle.

    Args:
        tokenizer: a tokenizer of `kerasx.tokenizers`, whose `end_id` ends a turn.
        turns: list of str.
        maxlen: largest number of ids.

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
    """Encode the last turns of a dialogue that fit, as the prompt for a reply.

    The reply is to be generated in segment `1 - segment_ids[-1]`, up to `token_end`. If the last
    turn alone is too long, its beginning is cut.

    Args:
        tokenizer, maxlen: as in `encode_dialogue`.
        turns: list of one str or more.

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
    """Return the ids before the first turn, and the list of the ids of each turn with its end."""
    if tokenizer.end_id is None:
        raise invalid("`tokenizer` must have an `end_id`, which ends each turn.", end_id=None)
    if isinstance(turns, str) or not len(turns):
        raise invalid("`turns` must be a list of one str or more.", turns=turns)
    start = [] if tokenizer.start_id is None else [tokenizer.start_id]
    check_integer("maxlen", maxlen, least=len(start) + 1)
    return start, [[*tokenizer._text_ids(check_text(turn)), tokenizer.end_id] for turn in turns]


def _joined(start, coded):
    if not coded:
        return [], []
    segments = [i % 2 for i, ids in enumerate(coded) for _ in ids]
    return start + [i for ids in coded for i in ids], [0] * len(start) + segments
