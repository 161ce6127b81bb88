"""Tokenizer of SentencePiece models, such as those of T5, mT5, ALBERT and CPM."""

import os
import re

from kerasx.checks import invalid
from kerasx.tokenizers.base import TokenizerBase

_SURROGATE = re.compile("[\ud800-\udfff]")  # SentencePiece refuses a lone one


class SpTokenizer(TokenizerBase):
    """Tokenizer of a SentencePiece model with bert4keras's interface.

    Args:
        sp_model_path: the model file, such as "spiece.model" or "sentencepiece_cn.model".
        token_start: piece put before every text, or None.
        token_end: piece put after every text, or None; "</s>" in T5.
        pre_tokenize: function from a text to its words, which are then joined by spaces.
        token_translate: dict from pieces to the pieces that replace them, such as {"▁": "▂"}.

    Raises:
        ValueError: no such file, no SentencePiece model, or a model without `token_start` or
            `token_end`.
        ImportError: the package sentencepiece is missing; names the extra that installs it.

    Source: Kudo & Richardson, arXiv 1808.06226.

    tokenizer = SpTokenizer("mt5_cn/sentencepiece_cn.model")
    token_ids, segment_ids = tokenizer.encode("今天天气不错")
    """

    _edges = ("bos_token", "eos_token")

    def __init__(
        self,
        sp_model_path,
        token_start=None,
        token_end="</s>",
        pre_tokenize=None,
        token_translate=None,
    ):
        super().__init__(token_start, token_end, pre_tokenize, token_translate)
        self.sp_model = load_sentencepiece(sp_model_path)
        self._vocab_size = self.sp_model.get_piece_size()
        self._token_pad = self._piece(self.sp_model.pad_id())
        self._token_unk = self._piece(self.sp_model.unk_id())
        self._look_up_specials(self._known_id)

    def _known_id(self, token):
        """Return the id of a piece; None if the model lacks it."""
        known = token is not None and (self._has(token) or token == self._token_unk)
        return self.token_to_id(token) if known else None

    def _piece(self, i):
        return None if i < 0 else self.sp_model.id_to_piece(i)

    def _has(self, token):
        return self.sp_model.piece_to_id(token) != self.sp_model.unk_id()

    def token_to_id(self, token):
        """Return the id of a piece; the id of the unknown piece if the model lacks it."""
        return self.sp_model.piece_to_id(token)

    def id_to_token(self, i):
        """Return the piece of an id; "" for ids beyond the pieces, as embedding tables may have."""
        return self.sp_model.id_to_piece(i) if i < self._vocab_size else ""

    def decode(self, ids):
        """Convert ids to readable text, without control pieces such as "</s>"."""
        inverse = self._token_translate_inv
        tokens = [inverse.get(token, token) for token in self.ids_to_tokens(map(int, ids))]
        return self.sp_model.decode_pieces([token for token in tokens if token])

    def _tokenize(self, text):
        if self._pre_tokenize is not None:
            text = " ".join(self._pre_tokenize(text))
        return self.sp_model.encode_as_pieces(_SURROGATE.sub("\ufffd", text))

    def _pieces_with_offsets(self, text):
        if self._pre_tokenize is not None:
            raise invalid(
                "`pre_tokenize` must be None for offsets: its words need not be parts of the text.",
                pre_tokenize=self._pre_tokenize,
            )
        model = self.sp_model
        found = model.encode(_SURROGATE.sub("\ufffd", text), return_type="offset_mapping")
        pairs = zip(found["pieces"], found["offsets"], strict=True)
        offsets = [_without_spaces(text, piece, *pair) for piece, pair in pairs]
        # SentencePiece gives the place of a character to the last of its bytes; all bytes get it
        for i in reversed(range(len(offsets) - 1)):
            (start, end), after = offsets[i], offsets[i + 1]
            if start == end == after[0] and model.is_byte(found["ids"][i]):
                offsets[i] = after
        return list(zip(found["pieces"], offsets, strict=True))

    def _is_special(self, i):
        """Return whether an id is a control, unknown or unused piece (a name of bert4keras)."""
        model = self.sp_model
        return model.is_control(i) or model.is_unknown(i) or model.is_unused(i)

    def _is_decodable(self, i):
        """Return whether an id is a piece of text (a name of bert4keras)."""
        return i < self._vocab_size and not self._is_special(i)


def _without_spaces(text, piece, start, end):
    """Return (start, end) of a piece in the text without white space at its start."""
    while piece.startswith("▁") and start < end and text[start].isspace():
        start += 1
    return start, end


def import_sentencepiece():
    """Import sentencepiece, or raise an error that names the extra."""
    try:
        import sentencepiece
    except ImportError as error:
        raise ImportError(
            'SentencePiece models need the package sentencepiece: pip install "kerasx[text]"'
        ) from error
    return sentencepiece


def load_sentencepiece(path):
    """Load a model file as a `SentencePieceProcessor`."""
    sentencepiece, path = import_sentencepiece(), os.fspath(path)
    if not os.path.isfile(path):
        raise invalid("`sp_model_path` must be a file.", sp_model_path=path)
    try:
        return sentencepiece.SentencePieceProcessor(model_file=path)
    except RuntimeError as error:
        raise invalid(
            "`sp_model_path` must be a SentencePiece model.", sp_model_path=path
        ) from error
