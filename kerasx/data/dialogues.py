"""Dialogues: LCCC's files and others of their kind, and the ids a language model learns them from.

A dialogue is a list of turns, of two people in alternation. Data: Wang et al., arXiv 2008.03946.
"""

import json
import re
from itertools import accumulate, chain, pairwise

from kerasx.data.readers import first_line, parse_all, read_lines

__all__ = ["encode_dialogue", "encode_prompt", "join_words", "read_dialogues"]

_LETTER = re.compile("[A-Za-zÀ-ɏ]")
_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


def read_dialogues(path, split="train", errors="raise"):
    """The dialogues of a UTF-8 file, in one of three forms, told apart by its beginning.

    - JSON lines, a list of turns each, as LCCC has them;
    - a JSON document: a list of dialogues, or an object with such lists, {"train": [[turn, ...],
      ...], "valid": ...}, as CDial-GPT has them;
    - lines of turns separated by tabs.

    The spaces between words or characters are taken out by `join_words`.

    Args:
        path: the file.
        split: which list of an object; of no concern for other files.
        errors: `"raise"` stops at a bad dialogue, such as one with an empty turn; `"skip"` leaves
            such out and warns once, see `read_lines`.

    Returns:
        List of dialogues, lists of str.

    Raises:
        ValueError: a bad dialogue, as `path:line`; with "skip" more than 1 % of them; text that is
            no JSON; no such split, or no dialogues at all.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write('["吃 了 吗", "没 吃"]\\n'.encode())
    >>> read_dialogues(file.name)
    [['吃了吗', '没吃']]
    >>> os.unlink(file.name)
    """
    form = _form(first_line(path))
    if form == "document":
        return parse_all(path, _items_of(path, split), _parse_json, errors)
    return read_lines(path, _parse_json if form == "lines" else _parse_tabs, errors)


def join_words(text):
    """A text without the spaces that separate its words or characters.

    They stay between Latin words, but not between single letters, which spell one.

    >>> join_words("我 在 听 R a p"), join_words("这 是 my love 第 2 1 集")
    ('我在听Rap', '这是my love第21集')
    """
    words = text.split()
    gaps = [" " if _apart(a, b) else "" for a, b in pairwise(words)]
    return "".join(chain.from_iterable(zip(["", *gaps], words)))


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


def _apart(a, b):
    return len(a) + len(b) > 2 and bool(_LETTER.match(a[-1]) and _LETTER.match(b[0]))


def _form(line):
    """What kind of file begins with this line: "lines", "document" or "tabs"."""
    if not line.startswith(("[", "{")):
        return "tabs"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "tabs" if "\t" in line.rstrip() else "document"
    nested = isinstance(value, dict) or any(isinstance(turn, list) for turn in value)
    return "document" if nested else "lines"


def _parse_json(text):
    try:
        turns = json.loads(text)
    except RecursionError:  # thousands of open brackets
        raise ValueError("must be a list of turns") from None
    if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
        raise ValueError("must be a list of turns, each a string")
    return _checked([join_words(turn) for turn in turns])


def _parse_tabs(line):
    if "\t" not in line:
        raise ValueError("must be turns separated by tabs, or JSON")
    return _checked([join_words(turn) for turn in line.split("\t")])


def _checked(turns):
    if not turns or not all(turns):
        raise ValueError("must have turns, and none that is empty")
    return turns


def _items_of(path, split):
    """(line, bytes) of each dialogue of a JSON document."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
        start = _after(text, 0)
        start = _value(text, start, split) if text[start] == "{" else start
        line, counted = 1, 0
        for begin, end in _items(text, start):
            line, counted = line + text.count("\n", counted, begin), begin
            yield line, text[begin:end].encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise ValueError(f"{path}:{line}: {error}") from error
    except (KeyError, RecursionError) as error:
        raise ValueError(f"{path}: {error.args[0]}") from error


def _value(text, i, key):
    """Where the value of `key` begins in the JSON object that opens at `i`."""
    names = []
    while text[i : i + 1] in ("{", ","):
        name, i = _decode(text, _after(text, i + 1))
        if name == key:
            return _after(text, _after(text, i) + 1)
        names.append(name)
        _, i = _decode(text, _after(text, _after(text, i) + 1))
        i = _after(text, i)
    raise KeyError(f"`split` must be one of {names}. Received: split={key!r}")


def _items(text, i):
    """(begin, end) of each value of the JSON list that opens at `i`."""
    if text[i : i + 1] != "[":
        raise json.JSONDecodeError("must be a list of dialogues", text, i)
    i = _after(text, i + 1)
    goes_on = text[i : i + 1] != "]"
    while goes_on:
        _, end = _decode(text, i)
        yield i, end
        i = _after(text, end)
        if text[i : i + 1] not in (",", "]"):
            raise json.JSONDecodeError("must go on with ',' or ']'", text, i)
        goes_on = text[i] == ","
        i = _after(text, i + 1)


def _after(text, i):
    """The first place from `i` on that is no white space."""
    return _SPACE.match(text, i).end()
