"""SentencePiece models (T5, mT5, ALBERT, CPM) behind the interface of the tokenizers."""

import os

from .base import TokenizerBase

__all__ = ["SpTokenizer"]


class SpTokenizer(TokenizerBase):
    """A SentencePiece model with bert4keras's interface.

    Args:
        sp_model_path: the model file, such as "spiece.model" or "sentencepiece_cn.model".
        token_start: put before every text, or None.
        token_end: put after every text, or None; T5's is "</s>".
        pre_tokenize: function from a text to its words, which spaces then separate.
        token_translate: dict of pieces to replace after tokenizing, e.g. {"▁": "▂"}.

    Raises:
        ValueError: no such file, no SentencePiece model, or a model without `token_start` or
            `token_end`.
        ImportError: the package sentencepiece is missing; names the extra that has it.

    Source: Kudo & Richardson, arXiv 1808.06226.

    tokenizer = SpTokenizer("mt5_cn/sentencepiece_cn.model")
    token_ids, segment_ids = tokenizer.encode("今天天气不错")
    """

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
        for name in ("pad", "unk", "mask", "start", "end"):
            token = getattr(self, f"_token_{name}")
            known = token is not None and (self._has(token) or token == self._token_unk)
            setattr(self, f"_token_{name}_id", self.token_to_id(token) if known else None)
            if name in ("start", "end") and token is not None and not known:
                raise ValueError(
                    f"`token_{name}` must be a piece of the model, or None. "
                    f"Received: token_{name}={token!r}"
                )

    def _piece(self, i):
        return None if i < 0 else self.sp_model.id_to_piece(i)

    def _has(self, token):
        return self.sp_model.piece_to_id(token) != self.sp_model.unk_id()

    def token_to_id(self, token):
        """Id of a piece, that of the unknown one if the model lacks it."""
        return self.sp_model.piece_to_id(token)

    def id_to_token(self, i):
        """Piece of an id; "" for the rows that a model's table has beyond its pieces."""
        return self.sp_model.id_to_piece(i) if i < self._vocab_size else ""

    def decode(self, ids):
        """Readable text of ids; control pieces such as "</s>" are dropped."""
        inverse = self._token_translate_inv
        tokens = [inverse.get(token, token) for token in self.ids_to_tokens(map(int, ids))]
        return self.sp_model.decode_pieces([token for token in tokens if token])

    def _tokenize(self, text):
        if self._pre_tokenize is not None:
            text = " ".join(self._pre_tokenize(text))
        if not text.isascii():  # a lone surrogate is no text to SentencePiece
            text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return self.sp_model.encode_as_pieces(text)

    def _is_special(self, i):
        """Whether the id is a control, unknown or unused piece."""
        model = self.sp_model
        return model.is_control(i) or model.is_unknown(i) or model.is_unused(i)

    def _is_decodable(self, i):
        """Whether the id is a piece of text."""
        return i < self._vocab_size and not self._is_special(i)


def import_sentencepiece():
    """The package, or an error that names the extra."""
    try:
        import sentencepiece
    except ImportError as error:
        raise ImportError(
            'SentencePiece models need the package sentencepiece: pip install "kerasx[text]"'
        ) from error
    return sentencepiece


def load_sentencepiece(path):
    """A `SentencePieceProcessor` of a model file."""
    sentencepiece, path = import_sentencepiece(), os.fspath(path)
    if not os.path.isfile(path):
        raise ValueError(f"`sp_model_path` must be a file. Received: sp_model_path={path!r}")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=path)
    except RuntimeError as error:
        raise ValueError(
            f"`sp_model_path` must be a SentencePiece model. Received: {path!r} ({error})"
        ) from error
