"""Find the methods that a tokenizer's subclass overrides; refuse arguments of old versions."""

_OLD = {"max_length": "maxlen", "max_len": "maxlen"}
_RULES = ("is_space", "is_control", "is_punctuation", "is_cjk_character")
_STEPS = ("_tokenize", "_word_piece_tokenize")


def overridden(tokenizer, base):
    """Return whether a subclass of the class `base` has steps or rules of its own."""
    names = (*_STEPS, *(f"_{rule}" for rule in _RULES))
    return any(getattr(type(tokenizer), name) is not getattr(base, name) for name in names)


def character_rules(tokenizer):
    """Return the functions that classify characters, by their names in `CharacterTable`."""
    return {rule: getattr(tokenizer, f"_{rule}") for rule in _RULES}


def spans_of(mapping):
    """Return (start, end) of lists of consecutive indices; an empty one is where the last ended.

    >>> spans_of([[0], [], [2, 3]])
    [(0, 1), (1, 1), (2, 4)]
    """
    spans, end = [], 0
    for indices in mapping:
        start, end = (indices[0], indices[-1] + 1) if indices else (end, end)
        spans.append((start, end))
    return spans


def refuse_old(arguments):
    """Raise a TypeError that says what to write instead, if there are any arguments."""
    for name in arguments:
        hint = f"; write {_OLD[name]}=" if name in _OLD else ""
        if name in ("first_length", "second_length"):
            hint = "; write maxlen= and pad with sequence_padding"
        raise TypeError(f"encode() got an unexpected keyword argument {name!r}{hint}")
