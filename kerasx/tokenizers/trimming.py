"""Smaller vocabularies: only what a corpus has.

The embeddings follow through `build_transformer_model(..., keep_tokens=keep_tokens)`.
"""

import os
from collections import Counter
from itertools import chain

from kerasx.files.atomic import atomic_path
from kerasx.files.protobuf import read_fields, read_numbers, write_message
from kerasx.tokenizers.sentence_piece import SpTokenizer

__all__ = ["saved_parameters", "trim_sentencepiece", "trim_vocab"]

# fields of SentencePiece's ModelProto, and values in them
_PIECES, _TRAINER, _TYPE, _MODEL_TYPE = 1, 2, 3, 3
_NORMAL, _UNIGRAM = 1, 1


def trim_vocab(tokenizer, texts, min_count=1, max_size=None, keep=()):
    """Leave out the tokens that a corpus does not need.

    With `min_count=1` and no `max_size` the corpus is tokenized as before.

    Args:
        tokenizer: a `Tokenizer`.
        texts: iterable of str.
        min_count: tokens seen less often are left out.
        max_size: how many tokens at most in all, the most frequent; None for no limit.
        keep: tokens that stay in any case; special tokens always do, but for "[unused1]" and such.

    Returns:
        (token_dict, keep_tokens): the new token -> id, and keep_tokens[new id] = old id.

    >>> from kerasx.tokenizers import Tokenizer
    >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]", "我", "你", "好"]
    >>> trim_vocab(Tokenizer({t: i for i, t in enumerate(tokens)}), ["你好", "好"], min_count=2)
    ({'[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, '好': 4}, [0, 1, 2, 3, 7])
    """
    token_dict = tokenizer._token_dict
    missing = [token for token in keep if token not in token_dict]
    if missing:
        raise ValueError(f"`keep` must hold tokens of the vocabulary. Received: {missing} besides")
    stay = [token_dict[token] for token in {*tokenizer._specials_in_vocab, *keep}]
    keep_tokens = _frequent(_counts(tokenizer, texts), stay, min_count, max_size)
    return {tokenizer.id_to_token(i): new for new, i in enumerate(keep_tokens)}, keep_tokens


def trim_sentencepiece(
    sp_model_path, texts, output_path, min_count=1, max_size=None, keep_ids=(), extra_ids=()
):
    """Write a SentencePiece model with only the pieces that a corpus needs.

    Control, unknown, byte and user-defined pieces (mT5's first 259 and its 100 sentinels) stay;
    each piece is kept once. The others are kept by their count. The model's file is rewritten
    piece by piece, so scores, types and normalization are as they were, and a text whose best
    pieces are all kept is tokenized as before. Unigram models only: in a BPE model a piece is
    needed to build longer ones too.

    Args:
        sp_model_path: the model file.
        texts: iterable of str.
        output_path: the file to write; atomic.
        min_count: pieces seen less often are left out (1000 in Su's Chinese mT5).
        max_size: how many pieces at most in all; None for no limit.
        keep_ids: ids of pieces that stay in any case.
        extra_ids: rows of the model's table beyond its pieces to be kept, e.g. [250100, 250101].

    Returns:
        keep_tokens, where keep_tokens[new id] = old id.

    Source: kexue.fm/archives/7867.
    """
    with open(sp_model_path, "rb") as reader:
        fields = list(read_fields(reader.read()))
    _check_unigram(fields, sp_model_path)
    pieces = [value for field, value in fields if field == _PIECES]
    kinds = [read_numbers(piece).get(_TYPE, _NORMAL) for piece in pieces]
    stay = {*keep_ids, *(i for i, kind in enumerate(kinds) if kind != _NORMAL)}
    _check_ids(keep_ids, extra_ids, len(pieces))
    counts = _counts(SpTokenizer(sp_model_path, token_end=None), texts)
    kept = _frequent(counts, stay, min_count, max_size)
    rest = [(field, value) for field, value in fields if field != _PIECES]
    with atomic_path(output_path) as temporary, open(temporary, "wb") as writer:
        writer.write(write_message(*((_PIECES, pieces[i]) for i in kept), *rest))
    return [*kept, *extra_ids]


def saved_parameters(keep_tokens, vocab_size, embedding_size, tables=1):
    """How many parameters a smaller vocabulary saves.

    Args:
        keep_tokens: ids of the rows that are kept.
        vocab_size: rows before.
        embedding_size: size of a row.
        tables: 2 if the output has a table of its own, as in mT5.

    >>> saved_parameters(range(32598), 250112, 512, tables=2)
    222734336
    """
    return (vocab_size - len(keep_tokens)) * embedding_size * tables


def _counts(tokenizer, texts):
    if isinstance(texts, str):
        raise ValueError("`texts` must be an iterable of texts, not one str.")
    return Counter(chain.from_iterable(map(tokenizer._text_ids, texts)))


def _frequent(counts, stay, min_count, max_size):
    """Sorted ids: those that stay, and the most frequent others within the limits."""
    stay = set(stay)
    if max_size is not None and max_size < len(stay):
        raise ValueError(
            f"`max_size` must be at least {len(stay)}, the number of tokens that stay in any "
            f"case. Received: max_size={max_size}"
        )
    others = [i for i, count in counts.items() if count >= min_count and i not in stay]
    others.sort(key=lambda i: (-counts[i], i))
    return sorted([*stay, *(others if max_size is None else others[: max_size - len(stay)])])


def _check_unigram(fields, path):
    trainer = next((value for field, value in fields if field == _TRAINER), b"")
    if read_numbers(trainer).get(_MODEL_TYPE, _UNIGRAM) != _UNIGRAM:
        raise ValueError(
            "`sp_model_path` must be a unigram model: others build long pieces of short ones. "
            f"Received: sp_model_path={os.fspath(path)!r}"
        )


def _check_ids(keep_ids, extra_ids, size):
    if any(not 0 <= i < size for i in keep_ids) or any(i < size for i in extra_ids):
        raise ValueError(
            f"`keep_ids` must be below {size}, the number of pieces, `extra_ids` not. "
            f"Received: keep_ids={keep_ids}, extra_ids={extra_ids}"
        )
