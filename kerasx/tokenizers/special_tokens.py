"""Special and added tokens of a folder, from the files and in the order of transformers 5."""

from dataclasses import dataclass, field

from kerasx.checks import invalid
from kerasx.tokenizers.pipelines import import_tokenizers

NAMES = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass
class SpecialTokens:
    """The special and added tokens of a folder; each is a str or a `tokenizers.AddedToken`.

    Attributes:
        named: dict from names such as "pad_token" to tokens.
        extra: list of special tokens without a name; None if the folder does not say.
        added: dict from ids to tokens that are never split.
    """

    named: dict
    extra: list | None = None
    added: dict = field(default_factory=dict)


def read_special_tokens(options, token_map=None, added_ids=None, tokenizer=None):
    """Return the `SpecialTokens` that a folder names.

    Args:
        options: dict of tokenizer_config.json.
        token_map: dict of special_tokens_map.json; read if `options` has no added_tokens_decoder,
            as are the next two.
        added_ids: dict of added_tokens.json.
        tokenizer: dict of tokenizer.json.

    Raises:
        ValueError: a value of another type than transformers writes.
    """
    decoder = options.get("added_tokens_decoder")
    if decoder is None:
        options = {**options, **{key: _marked(value) for key, value in (token_map or {}).items()}}
    named = {name: as_token(options[name], name) for name in NAMES if name in options}
    named |= {
        key: as_token(value, key)
        for key, value in options.items()
        if key.endswith("_token") and key not in NAMES and isinstance(value, (str, dict))
    }
    extra = options.get("extra_special_tokens") or options.get("additional_special_tokens")
    if isinstance(extra, dict):
        named |= {key: as_token(value, key) for key, value in extra.items()}
        extra = None
    if extra is not None:
        extra = [as_token(token, "extra_special_tokens") for token in _list(extra)]
    tokens = SpecialTokens(named, extra)
    if decoder is not None:
        tokens.added = _added_by_id(decoder)
    else:
        special = {str(token) for token in [*named.values(), *(extra or ())] if token is not None}
        tokens.added = _added_by_token(added_ids or {}, special)
        tokens.added |= _added_of_file(tokenizer or {})
    by_text = {str(token): token for token in tokens.added.values()}
    for name in NAMES:
        if named.get(name) is not None:
            named[name] = by_text.get(str(named[name]), named[name])
    return tokens


def add_tokens(backend, tokens):
    """Add the tokens of a `SpecialTokens` to a `tokenizers.Tokenizer`, as transformers does."""
    present = backend.get_added_tokens_decoder().values()
    known = {repr(token) for token in present}
    new = [token for _, token in sorted(tokens.added.items()) if repr(token) not in known]
    texts = {token.content for token in present} | {token.content for token in new}
    for token in [*tokens.named.values(), *(tokens.extra or ())]:
        if token is not None and str(token) not in texts and token not in new:
            new.append(token)
    named = {str(token) for token in tokens.named.values() if token is not None}
    backend.add_tokens([_special(token, named) for token in new])


def _special(token, named):
    if isinstance(token, str):
        return import_tokenizers().AddedToken(token, special=True)
    token.special = token.special or token.content in named
    return token


def _marked(value):
    """Return a value of special_tokens_map.json with its tokens marked as special."""
    return {**value, "special": True} if isinstance(value, dict) and "content" in value else value


def as_token(value, name):
    """Return a token of a JSON file: a str, an `AddedToken` for an object, or None."""
    if value is None or isinstance(value, str):
        return value
    good = isinstance(value, dict) and isinstance(value.get("content"), str)
    if not good or not all(isinstance(value.get(flag, False), bool) for flag in _FLAGS):
        raise invalid(f"`{name}` must be a str or an object with a str `content`.", token=value)
    flags = {flag: value[flag] for flag in _FLAGS if flag in value}
    return import_tokenizers().AddedToken(value["content"], **flags)


def _list(value):
    if not isinstance(value, list):
        raise invalid("`extra_special_tokens` must be a list or an object.", received=value)
    return value


def _added_by_id(decoder):
    """Return {id: token} of added_tokens_decoder in tokenizer_config.json."""
    keys = isinstance(decoder, dict) and all(key.isdecimal() for key in decoder)
    if not keys or not all(isinstance(value, dict) for value in decoder.values()):
        raise invalid("`added_tokens_decoder` must map ids to tokens.", received=decoder)
    return {int(key): as_token(value, "added_tokens_decoder") for key, value in decoder.items()}


def _added_by_token(ids, special):
    """Return {id: token} of added_tokens.json."""
    if not all(type(i) is int for i in ids.values()):
        raise invalid("added_tokens.json must map tokens to ids.", received=ids)
    new = import_tokenizers().AddedToken if ids else None
    return {
        i: new(token, normalized=token not in special, special=token in special)
        for token, i in ids.items()
    }


def _added_of_file(tokenizer):
    """Return {id: token} of added_tokens in tokenizer.json."""
    tokens = tokenizer.get("added_tokens", [])
    if not isinstance(tokens, list) or not all(
        isinstance(token, dict) and type(token.get("id")) is int for token in tokens
    ):
        raise invalid("`added_tokens` must be a list of tokens with ids.", received=tokens)
    return {token["id"]: as_token(token, "added_tokens") for token in tokens}
