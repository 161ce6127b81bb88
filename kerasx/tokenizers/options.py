"""Options of tokenizers that tokenizer_config.json holds, and their types."""

from kerasx.checks import check_integer, invalid

_FLAGS = frozenset(
    """do_lower_case strip_accents tokenize_chinese_chars keep_accents add_prefix_space legacy
    split_by_punct trim_offsets add_bos_token add_eos_token encode_special_tokens
    split_special_tokens as_transformers""".split()
)
_TEXTS = ("src_lang", "tgt_lang")
_NUMBERS = {"extra_ids": 1 << 16, "unk_id": 1 << 32}


def check_options(options, given=()):
    """Return the entries of a tokenizer_config.json; raise for values of another type.

    Flags that are null are left out.

    Args:
        options: dict.
        given: names that a user passed, which must be known options or special tokens.

    >>> check_options({"do_lower_case": 1})
    Traceback (most recent call last):
    ...
    ValueError: `do_lower_case` must be true or false. Received: do_lower_case=1
    """
    unknown = [name for name in given if not _is_known(name)]
    if unknown:
        known = ", ".join(sorted([*_FLAGS, *_TEXTS, *_NUMBERS]))
        raise invalid(f"`options` must be of {known}, or *_token.", unknown=unknown)
    options = {k: v for k, v in options.items() if v is not None or k not in _FLAGS}
    for name, value in options.items():
        if name in _FLAGS and not isinstance(value, bool):
            raise invalid(f"`{name}` must be true or false.", **{name: value})
        if name in _TEXTS and not isinstance(value, (str, type(None))):
            raise invalid(f"`{name}` must be a str.", **{name: value})
        if name in _NUMBERS:
            check_integer(name, value, least=0, below=_NUMBERS[name])
    return options


def saved_options(options):
    """Return the entries that change ids, for the tokenizer_config.json of a saved tokenizer."""
    frames = ("add_bos_token", "add_eos_token", "split_special_tokens")  # saved otherwise
    kept = {*_FLAGS, *_TEXTS, *_NUMBERS}.difference(frames)
    return {name: value for name, value in options.items() if name in kept}


def _is_known(name):
    return name in {*_FLAGS, *_TEXTS, *_NUMBERS} or name.endswith("_token")
