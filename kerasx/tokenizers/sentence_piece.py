"""Tokenizer of SentencePiece models, such as those of T5, mT5, ALBERT and CPM."""

import logging
import os
import re
import unicodedata
from itertools import groupby

from kerasx.checks import invalid
from kerasx.tokenizers.base import TokenizerBase, id_list

_SURROGATE = re.compile("[\ud800-\udfff]")  # SentencePiece refuses a lone one
_FAIRSEQ = "sentencepiece.bpe.model"  # the name of the file of XLM-R, CamemBERT and mBART
_QUOTES = re.compile("``|''|.", re.DOTALL)


class SpTokenizer(TokenizerBase):
    """Tokenizer of a SentencePiece model with bert4keras's interface.

    Args:
        sp_model_path: the model file, such as "spiece.model" or "sentencepiece_cn.model".
        token_start: piece put before every text, or None; by default "[CLS]" if the model has it
            and "[SEP]".
        token_end: piece put after every text, or None; by default "[SEP]", as above, else "</s>" if
            the model has it, as T5's.
        pre_tokenize: function from a text to its words, which are then joined by spaces.
        token_translate: dict from pieces to the pieces that replace them, such as {"▁": "▂"}.
        do_lower_case: convert to lower case first, for uncased models such as ALBERT's.
        keep_accents: False removes accents first, and compatibility forms; ALBERT does.

    With one of the last two, quotes as LaTeX has them (two grave accents, two apostrophes) become
    ", as ALBERT does.

    Raises:
        ValueError: no such file, or no SentencePiece model.
        ImportError: the package sentencepiece is missing; names the extra that installs it.

    Source: Kudo & Richardson, arXiv 1808.06226.

    tokenizer = SpTokenizer("mt5_cn/sentencepiece_cn.model")
    token_ids, segment_ids = tokenizer.encode("今天天气不错")
    """

    _edges = ("bos_token", "eos_token")

    def __init__(
        self,
        sp_model_path,
        token_start=...,
        token_end=...,
        pre_tokenize=None,
        token_translate=None,
        do_lower_case=False,
        keep_accents=True,
    ):
        self.sp_model = load_sentencepiece(sp_model_path)
        start, end = self._usual_edges()
        token_start = start if token_start is ... else token_start
        token_end = end if token_end is ... else token_end
        super().__init__(token_start, token_end, pre_tokenize, token_translate)
        self._do_lower_case, self._keep_accents = bool(do_lower_case), bool(keep_accents)
        if os.path.basename(os.fspath(sp_model_path)) == _FAIRSEQ:
            logging.getLogger("kerasx").warning(
                "%s is fairseq's, whose ids differ from its pieces': use load_tokenizer(folder)",
                sp_model_path,
            )
        self._vocab_size = self.sp_model.get_piece_size()
        self._token_pad = self._piece(self.sp_model.pad_id())
        self._token_unk = self._piece(self.sp_model.unk_id())
        self._look_up_specials()

    def _usual_edges(self):
        """Return the start and the end that the model has."""
        if self._has("[CLS]") and self._has("[SEP]"):
            return "[CLS]", "[SEP]"
        return None, "</s>" if self._has("</s>") else None

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
        return self.sp_model.id_to_piece(int(i)) if 0 <= i < self._vocab_size else ""

    def decode(self, ids, *, skip_special_tokens=True):
        """Convert ids to readable text; ids beyond the pieces are passed over.

        Args:
            ids: list of ids, or a tensor of any backend.
            skip_special_tokens: leave out control pieces such as "</s>"; False keeps them whole.

        Returns:
            str.
        """
        ids = [i for i in id_list(ids) if 0 <= i < self._vocab_size]
        if skip_special_tokens:
            return self._decoded(ids)
        runs = groupby(ids, self.sp_model.is_control)
        return "".join(
            "".join(self.ids_to_tokens(run)) if special else self._decoded(run)
            for special, run in runs
        )

    def _decoded(self, ids):
        inverse = self._token_translate_inv
        tokens = [inverse.get(token, token) for token in self.ids_to_tokens(ids)]
        return self.sp_model.decode_pieces(tokens)

    def _tokenize(self, text):
        if self._pre_tokenize is not None:
            text = " ".join(self._pre_tokenize(text))
        return self.sp_model.encode_as_pieces(self._prepared(text)[0])

    def _prepared(self, text):
        """Return the text without case and accents, as asked, and (start, end) of its characters.

        The places are None where the text keeps its characters.
        """
        text = _SURROGATE.sub("\ufffd", text)
        if self._keep_accents and not self._do_lower_case:
            return text, None
        characters, places = [], []
        for match in _QUOTES.finditer(text):
            found = self._simplified(match.group())
            characters.append(found)
            places += [match.span()] * len(found)
        return "".join(characters), places

    def _simplified(self, character):
        """Return a character, or a pair of quotes, without case and accents as asked."""
        if len(character) == 2:
            return '"'
        if not self._keep_accents:
            parts = unicodedata.normalize("NFKD", character)
            character = "".join(c for c in parts if not unicodedata.combining(c))
        return character.lower() if self._do_lower_case else character

    def _pieces_with_offsets(self, text):
        if self._pre_tokenize is not None:
            raise invalid(
                "`pre_tokenize` must be None for offsets: its words need not be parts of the text.",
                pre_tokenize=self._pre_tokenize,
            )
        prepared, places = self._prepared(text)
        model, spans = self.sp_model, []
        normal, starts = model.normalize(prepared, with_offsets=True)
        ends = _ends(starts)
        pieces = model.encode_as_pieces(prepared)
        are_bytes = map(model.is_byte, map(model.piece_to_id, pieces))
        for piece, (first, last) in zip(pieces, _places(pieces, are_bytes)):
            start, end = self._trimmed(prepared, starts[first], ends[last])
            if not piece.strip("▁"):  # a space, of the text or before it, is no character's part
                end = max(start, spans[-1][1] if spans else 0)
            spans.append((start, end))
        spans = [_in_text(span, places, len(text)) for span in spans]
        return list(zip(pieces, spans, strict=True))

    def _trimmed(self, text, start, end):
        """Return a span without characters at its ends that leave no trace in pieces."""
        while start < end and self._vanishes(text[start]):
            start += 1
        while start < end and self._vanishes(text[end - 1]):
            end -= 1
        return start, end

    def _vanishes(self, character):
        return not character.isalnum() and not self.sp_model.normalize(character).strip("▁ ")

    def _is_special(self, i):
        """Return whether an id is a control, unknown or unused piece (a name of bert4keras)."""
        model = self.sp_model
        return model.is_control(i) or model.is_unknown(i) or model.is_unused(i)

    def _is_decodable(self, i):
        """Return whether an id is a piece of text (a name of bert4keras)."""
        return i < self._vocab_size and not self._is_special(i)


def _places(pieces, are_bytes):
    """Yield the first and the last normalized character of each piece; of bytes, the same one."""
    place, missing = 0, 0  # bytes of a character that are still to come
    for piece, is_byte in zip(pieces, are_bytes):
        if not is_byte:
            yield place, place + max(len(piece), 1) - 1
            place += len(piece)
            continue
        yield place, place
        value = int(piece[3:5], 16)
        missing = missing - 1 if missing else sum(value >= lead for lead in (0xC0, 0xE0, 0xF0))
        place += missing == 0


def _ends(starts):
    """Return where the source of each normalized character ends: where the next source starts."""
    ends = list(starts)
    for i in reversed(range(len(starts) - 1)):
        ends[i] = starts[i + 1] if starts[i + 1] > starts[i] else ends[i + 1]
    return ends


def _in_text(span, places, length):
    """Return a span of a prepared text in the text that was given."""
    if places is None:
        return span
    start, end = span
    if start < end:
        return places[start][0], places[end - 1][1]
    place = places[start][0] if start < len(places) else length
    return place, place


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
