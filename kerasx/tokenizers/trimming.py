"""Trim vocabularies to the tokens of a corpus.

The embeddings are trimmed by `build_transformer_model(..., keep_tokens=keep_tokens)`.
"""

import os
from collections import Counter
from itertools import chain

from kerasx.checks import check_integer, invalid
from kerasx.files.atomic import atomic_path
from kerasx.files.protobuf import read_fields, read_numbers, write_message
from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.wordpiece import Tokenizer

# field numbers of SentencePiece's ModelProto, and values of its enums
_PIECES, _TRAINER, _TYPE, _MODEL_TYPE = 1, 2, 3, 3
_NORMAL, _UNIGRAM = 1, 1


def trim_vocab(tokenizer, texts, min_count=1, max_size=None, keep=()):
    """Remove the tokens that a corpus does not need from a vocabulary.

    With `min_count=1` and without `max_size` the corpus is tokenized as before.

    Args:
        tokenizer: a `Tokenizer`.
        texts: iterable of str, the corpus.
        min_count: tokens with a lower count are removed.
        max_size: largest number of tokens; the most frequent are kept. None for no limit.
        keep: tokens that are always kept, as are special tokens other than "[unused1]" etc.

    Returns:
        (token_dict, keep_tokens): dict from tokens to new ids, and keep_tokens[new id] = old id.

    >>> from kerasx.tokenizers import Tokenizer
    >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]", "我", "你", "好"]
    >>> trim_vocab(Tokenizer({t: i for i, t in enumerate(tokens)}), ["你好", "好"], min_count=2)
    ({'[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, '好': 4}, [0, 1, 2, 3, 7])
    """
    if not isinstance(tokenizer, Tokenizer):
        raise invalid(
            "`tokenizer` must be a Tokenizer; see trim_sentencepiece for SentencePiece models.",
            tokenizer=tokenizer,
        )
    token_dict = tokenizer.token_dict
    missing = [token for token in keep if token not in token_dict]
    if missing:
        raise invalid("`keep` must hold tokens of the vocabulary.", missing=missing)
    stay = [token_dict[token] for token in {*tokenizer._specials_in_vocab, *keep}]
    keep_tokens = _frequent(_counts(tokenizer, texts), stay, min_count, max_size)
    return {tokenizer.id_to_token(i): new for new, i in enumerate(keep_tokens)}, keep_tokens


def trim_sentencepiece(
    sp_model_path, texts, output_path, min_count=1, max_size=None, keep_ids=(), extra_ids=()
):
    """Write a SentencePiece model with only the pieces that a corpus needs.

    Control, unknown, byte and user-defined pieces (mT5's first 259 and its 100 sentinels) are
    always kept, other pieces by their count. The scores and types of pieces and the normalization
    stay, so a text whose best pieces are all kept is tokenized as before. Only unigram models can
    be trimmed: a BPE model builds long pieces from short ones, which it therefore needs.

    Args:
        sp_model_path: the model file.
        texts: iterable of str, the corpus.
        output_path: the file to write, atomically.
        min_count: pieces with a lower count are removed (1000 in Su's Chinese mT5).
        max_size: largest number of pieces; None for no limit.
        keep_ids: ids of pieces that are always kept.
        extra_ids: ids beyond the pieces, of rows of the embedding table to keep, such as
            [250100, 250101].

    Returns:
        List keep_tokens, where keep_tokens[new id] = old id.

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


def _counts(tokenizer, texts):
    if isinstance(texts, str):
        raise invalid("`texts` must be an iterable of texts, not one str.", texts=texts)
    return Counter(chain.from_iterable(map(tokenizer._text_ids, texts)))


def _frequent(counts, stay, min_count, max_size):
    """Return the sorted ids to keep: those in `stay`, and the most frequent within the limits."""
    stay = set(stay)
    if max_size is not None:
        check_integer("max_size", max_size, least=len(stay))
    others = [i for i, count in counts.items() if count >= min_count and i not in stay]
    others.sort(key=lambda i: (-counts[i], i))
    room = None if max_size is None else max_size - len(stay)
    return sorted([*stay, *others[:room]])


def _check_unigram(fields, path):
    trainer = next((value for field, value in fields if field == _TRAINER), b"")
    if read_numbers(trainer).get(_MODEL_TYPE, _UNIGRAM) != _UNIGRAM:
        raise invalid(
            "`sp_model_path` must be a unigram model: others build long pieces of short ones.",
            sp_model_path=os.fspath(path),
        )


def _check_ids(keep_ids, extra_ids, size):
    if any(not 0 <= i < size for i in keep_ids) or any(i < size for i in extra_ids):
        raise invalid(
            f"`keep_ids` must be below {size}, the number of pieces, `extra_ids` not.",
            keep_ids=keep_ids,
            extra_ids=extra_ids,
        )
