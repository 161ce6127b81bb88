"""SentencePiece models (T5, mT5, ALBERT, CPM) behind the interface of the tokenizers."""

import os
import re

from kerasx.tokenizers.base import TokenizerBase

__all__ = ["SpTokenizer"]

_SURROGATE = re.compile("[\ud800-\udfff]")  # a lone one is no text to SentencePiece


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
        return self.sp_model.encode_as_pieces(_SURROGATE.sub("\ufffd", text))

    def _pieces_with_offsets(self, text):
        if self._pre_tokenize is not None:
            raise ValueError(
                "`pre_tokenize` must be None for offsets: the words that it returns need not be "
                f"pieces of the text. Received: pre_tokenize={self._pre_tokenize!r}"
            )
        model = self.sp_model
        found = model.encode(_SURROGATE.sub("\ufffd", text), return_type="offset_mapping")
        pairs = zip(found["pieces"], found["offsets"], strict=True)
        offsets = [_without_spaces(text, piece, *pair) for piece, pair in pairs]
        # of the bytes that spell a character only the last has its place; all of them get it
        for i in reversed(range(len(offsets) - 1)):
            (start, end), after = offsets[i], offsets[i + 1]
            if start == end == after[0] and model.is_byte(found["ids"][i]):
                offsets[i] = after
        return list(zip(found["pieces"], offsets, strict=True))

    def _is_special(self, i):
        """Whether the id is a control, unknown or unused piece."""
        model = self.sp_model
        return model.is_control(i) or model.is_unknown(i) or model.is_unused(i)

    def _is_decodable(self, i):
        """Whether the id is a piece of text."""
        return i < self._vocab_size and not self._is_special(i)


def _without_spaces(text, piece, start, end):
    """The place of a piece without the white space that it may begin with."""
    while piece.startswith("▁") and start < end and text[start].isspace():
        start += 1
    return start, end


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
