"""Read a SentencePiece model file, and number its pieces as each family of models does.

fairseq's models (XLM-R, CamemBERT, mBART) have their own special tokens before the pieces and
`<mask>` behind them, so the ids of the pieces are shifted. T5 has its `<extra_id_0>` etc. behind.

Source: transformers 5, `convert_slow_tokenizer.py`; fairseq, `data/dictionary.py`.
"""

import struct
from dataclasses import dataclass

from kerasx.checks import invalid
from kerasx.files.protobuf import read_fields, read_numbers

# field numbers of SentencePiece's messages, and values of its enums
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_TEXT, _SCORE, _TYPE = 1, 2, 3
_UNK_ID = 40
_CHARSMAP = 2
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4

MBART_LANGUAGES = tuple(
    """ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT
    lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN""".split()
)


@dataclass
class PieceModel:
    """The pieces and settings of a SentencePiece model.

    Attributes:
        pieces: list of (piece, score).
        types: list of int, the type of each piece.
        unk_id: id of the unknown piece.
        charsmap: bytes, the table of the normalization; None for none.
    """

    pieces: list
    types: list
    unk_id: int
    charsmap: bytes | None

    def symbols(self):
        """Return [(piece, whether it is a control piece)] of control and user-defined pieces."""
        found = zip(self.pieces, self.types)
        wanted = (_CONTROL, _USER_DEFINED)
        return [(piece, kind == _CONTROL) for (piece, _), kind in found if kind in wanted]


def read_piece_model(path):
    """Read a SentencePiece model file without the package sentencepiece."""
    try:
        with open(path, "rb") as reader:
            fields = list(read_fields(reader.read()))
        parts = dict(fields)
        pieces = [_piece(value) for field, value in fields if field == _PIECES]
        trainer = read_numbers(parts.get(_TRAINER, b""))
        normalizer = dict(read_fields(parts.get(_NORMALIZER, b"")))
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise invalid(f"`path` must be a SentencePiece model: {error}.", path=str(path)) from error
    if not pieces:
        raise invalid("`path` must be a SentencePiece model: it has no pieces.", path=str(path))
    return PieceModel(
        [(text, score) for text, score, _ in pieces],
        [kind for _, _, kind in pieces],
        trainer.get(_UNK_ID, 0),
        normalizer.get(_CHARSMAP) or None,
    )


def _piece(data):
    """Return (piece, score, type) of a message."""
    fields = dict(read_fields(data))
    score = struct.unpack("<f", struct.pack("<I", fields.get(_SCORE, 0)))[0]
    return fields[_TEXT].decode("utf-8"), score, fields.get(_TYPE, _NORMAL)


def xlm_roberta_pieces(pieces, named, options):
    """Number pieces as XLM-R does: `<s> <pad> </s> <unk>`, the pieces from 3 on, `<mask>`."""
    return _specials(named, "bos pad eos unk") + pieces[3:] + _specials(named, "mask")


def mbart_pieces(pieces, named, options):
    """Number pieces as mBART does: as XLM-R, with the codes of 25 languages before `<mask>`."""
    languages = [(code, 0.0) for code in MBART_LANGUAGES]
    return _specials(named, "bos pad eos unk") + pieces[3:] + languages + _specials(named, "mask")


def camembert_pieces(pieces, named, options):
    """Number pieces as CamemBERT does: 5 special tokens, the pieces from 1 on, `<mask>`."""
    start, end = ("<s>NOTUSED", 0.0), ("</s>NOTUSED", 0.0)
    [pad], [unk] = _specials(named, "pad"), _specials(named, "unk")
    unused = ("<unk>NOTUSED", -100.0)
    return [start, pad, end, unk, unused] + pieces[1:] + _specials(named, "mask")


def t5_pieces(pieces, named, options):
    """Number pieces as T5 does: the pieces, then `<extra_id_99>` down to `<extra_id_0>`."""
    return pieces + [(token, 0.0) for token in reversed(sentinels(options))]


def sentinels(options):
    """Return `<extra_id_0>` etc. of T5: 100, or as many as the option `extra_ids` says."""
    return [f"<extra_id_{i}>" for i in range(options.get("extra_ids", 100))]


def _specials(named, names):
    return [(str(named[f"{name}_token"]), 0.0) for name in names.split()]


def merges_by_rank(vocab):
    """Return the merges of a BPE vocabulary: each pair of tokens that makes a token, by its rank.

    Args:
        vocab: dict from tokens to ids, which are the ranks.

    >>> merges_by_rank({"a": 0, "b": 1, "ab": 2, "aba": 3})
    [('a', 'b'), ('ab', 'a')]
    """
    merges = []
    for token in vocab:
        halves = ((token[:i], token[i:]) for i in range(1, len(token)))
        found = [(a, b) for a, b in halves if a in vocab and b in vocab]
        merges += sorted(found, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    return sorted(merges, key=lambda pair: (vocab["".join(pair)], len(pair[0]), len(pair[1])))
