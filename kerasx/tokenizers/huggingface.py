"""Tokenizer of the package tokenizers: byte-level BPE, unigram and others, in one interface."""

import os
import re

from kerasx.checks import check_choice, check_integer, invalid
from kerasx.tokenizers.base import TokenizerBase, check_text, id_list, longest_first, shorten
from kerasx.tokenizers.pipelines import import_tokenizers

_SURROGATE = re.compile("[\ud800-\udfff]")  # strings of Rust cannot hold a lone one


class HuggingFaceTokenizer(TokenizerBase):
    """Tokenizer of a `tokenizers.Tokenizer`, such as those of GPT-2, RoBERTa, Llama and DeBERTa.

    Its frame says which special tokens stand around a text and around a pair of texts, and in
    which segment: `<s> first </s></s> second </s>` in RoBERTa, nothing in GPT-2. Ids are those of
    transformers, unless `encode_special_tokens=False`.

    Args:
        backend: a `tokenizers.Tokenizer`, or the path of a tokenizer.json.
        special_tokens: dict from "bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
            "cls_token", "mask_token" to tokens.
        encode_special_tokens: encode special tokens such as "<|im_start|>" in a text as special
            tokens, as transformers does; False makes them ordinary text, for texts of strangers.
            Added tokens that are not special are always kept whole.
        chat_template: a `ChatTemplate`, or None.
        options: dict of further entries of tokenizer_config.json, kept for saving.

    Raises:
        ValueError: no such file, or no tokenizer.json.
        ImportError: the package tokenizers is missing; names the extra that installs it.

    >>> import tokenizers
    >>> model = tokenizers.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")])
    >>> tokenizer = HuggingFaceTokenizer(tokenizers.Tokenizer(model))
    >>> tokenizer.encode("aba"), tokenizer.tokenize("aba")
    (([2, 0], [0, 0]), ['ab', 'a'])
    """

    def __init__(
        self,
        backend,
        special_tokens=None,
        encode_special_tokens=True,
        chat_template=None,
        options=None,
    ):
        super().__init__(token_start=None, token_end=None)
        if isinstance(backend, (str, os.PathLike)):
            backend = read_backend(backend)
        self._special_tokens = {k: str(v) for k, v in (special_tokens or {}).items() if v}
        self.chat_template = chat_template
        self._options = dict(options or {})
        self._encode_special_tokens = bool(encode_special_tokens)
        self._backend, self._whole = backend, None
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = not self._encode_special_tokens
        self._vocab_size = backend.get_vocab_size()
        self._single, self._pair = _frames(backend.post_processor)
        self._look_up()

    def _look_up(self):
        """Set the ids of the special tokens."""
        for name in ("pad", "unk", "mask"):
            token = self._special_tokens.get(f"{name}_token")
            setattr(self, f"_token_{name}", token)
            setattr(self, f"_token_{name}_id", self._known_id(token))
        before = [id for which, id, _ in self._single[: self._left()] if which is None]
        after = [id for _, id, _ in self._single[self._left() + 1 :]]
        named = (self._special_tokens.get(f"{name}_token") for name in ("eos", "sep"))
        ends = [id for id in map(self._known_id, named) if id is not None]
        start, end = before[0] if before else None, next(iter([*ends, *reversed(after)]), None)
        self._token_start, self._token_end = self._text_of(start), self._text_of(end)
        self._token_start_id, self._token_end_id = start, end

    def _known_id(self, token):
        return None if token is None else self._backend.token_to_id(token)

    def _text_of(self, i):
        return None if i is None else self._backend.id_to_token(i)

    @property
    def special_tokens(self):
        """The special tokens by name, a dict such as {"pad_token": "<pad>"}; to be read only."""
        return self._special_tokens

    @property
    def backend(self):
        """The `tokenizers.Tokenizer`; to be read only."""
        return self._backend

    @property
    def end_id(self):
        """Id of the token that ends a text (`eos_token`, else `sep_token`); None if none does.

        GPT-2 and Qwen end a text with it only when they generate: `encode` does not append it.
        """
        return self._token_end_id

    def token_to_id(self, token):
        """Return the id of a token; that of the unknown token, or None, if there is none."""
        i = self._backend.token_to_id(token)
        return self.unk_id if i is None else i

    def id_to_token(self, i):
        """Return the token of an id; "" for ids beyond the vocabulary."""
        return (self._backend.id_to_token(int(i)) or "") if 0 <= i < 1 << 32 else ""

    def tokenize(self, text, maxlen=None):
        return self.tokenize_with_offsets(text, maxlen)[0]

    def tokenize_with_offsets(self, text, maxlen=None):
        room = None if maxlen is None else self._room(self._single, maxlen)
        found, left = self._encoded(text, add_special_tokens=True), self._left()
        right = len(self._single) - 1 - left
        end = len(found.ids) - right
        kept = slice(left, end if room is None else min(end, left + room))
        tokens = [self._shown(i, token) for i, token in zip(found.ids, found.tokens)]
        tokens = tokens[:left] + tokens[kept] + tokens[end:]
        return tokens, [(0, 0)] * left + found.offsets[kept] + [(len(text), len(text))] * right

    def encode(
        self, first_text, second_text=None, maxlen=None, pattern="S*E*E", truncate_from="right"
    ):
        check_choice("pattern", pattern, ("S*E*E", "S*ES*E"))
        self._cut_index(truncate_from)
        if second_text is None:
            frame = self._single
        else:
            frame = self._pair if pattern == "S*E*E" else self._doubled()
        texts = [first_text] if second_text is None else [first_text, second_text]
        bodies = [self._ids(text) for text in texts]
        if any(isinstance(text, (list, tuple)) for text in texts):  # with special tokens
            frame = [item for item in frame if item[0] is not None]
        if maxlen is not None:
            room = self._room(frame, maxlen)
            lengths = longest_first(*map(len, bodies), room) if second_text is not None else [room]
            cuts = zip(bodies, lengths)
            bodies = [self._shortened(ids, length, truncate_from) for ids, length in cuts]
        return _framed(frame, bodies)

    def encode_batch(self, texts, maxlen=None):
        room = None if maxlen is None else self._room(self._single, maxlen)
        texts = [_SURROGATE.sub("\ufffd", check_text(text)) for text in texts]
        found = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        rows = [_framed(self._single, [encoding.ids[:room]]) for encoding in found]
        return [ids for ids, _ in rows], [segments for _, segments in rows]

    def decode(self, ids, *, skip_special_tokens=True):
        """Convert ids to readable text; ids beyond the vocabulary are passed over.

        Args:
            ids: list of ids, or a tensor of any backend.
            skip_special_tokens: leave out special tokens; False keeps them whole.

        Returns:
            str.
        """
        ids = [i for i in id_list(ids) if 0 <= i < 1 << 32]
        return self._backend.decode(ids, skip_special_tokens=skip_special_tokens)

    def _added_texts(self):
        added = self._backend.get_added_tokens_decoder().values()
        return sorted(token.content for token in added if not token.content.isspace())

    def _chat_ids(self, parts):
        if self._encode_special_tokens:
            return self._encoded("".join(text for text, _ in parts)).ids
        whole = self._whole_backend()
        ids, newline = [], whole.encode("\n", add_special_tokens=False).ids
        for i, (text, as_text) in enumerate(parts):
            text = _SURROGATE.sub("\ufffd", text)
            encode = self._plain_ids if as_text else _ids_by(whole)
            # a text that goes on gets no space before it, as that at the start of a text may
            found = encode("\n" + text) if i else encode(text)
            known = found[: len(newline)] == newline
            ids += (found[len(newline) :] if known else encode(text)) if i else found
        return ids

    def _whole_backend(self):
        """Return a copy of the backend that encodes special tokens as such."""
        if self._whole is None:
            self._whole = type(self._backend).from_str(self._backend.to_str())
        return self._whole

    def _plain_ids(self, text):
        """Convert a text to ids without any added token."""
        backend, words = self._backend, [text]
        if backend.normalizer is not None:
            words = [backend.normalizer.normalize_str(text)]
        if backend.pre_tokenizer is not None:
            words = [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(words[0])]
        return [token.id for word in words for token in backend.model.tokenize(word)]

    def _shown(self, i, token):
        """Return the vocabulary's token of an id, or the characters that are unknown."""
        return token if i == self.unk_id else self.id_to_token(i)

    def _text_ids(self, text, limit=None):
        return self._encoded(text).ids

    def _encoded(self, text, add_special_tokens=False):
        text = _SURROGATE.sub("\ufffd", check_text(text))
        try:
            return self._backend.encode(text, add_special_tokens=add_special_tokens)
        except Exception as error:  # bare ones, such as for a model without an unknown token
            raise ValueError(f"The tokenizer cannot encode the text: {error}") from error

    def _ids(self, text):
        if isinstance(text, (list, tuple)):
            return self.tokens_to_ids(text)
        return self._encoded(text).ids

    def _left(self):
        """Return the number of special tokens before a single text."""
        return next(i for i, (which, _, _) in enumerate(self._single) if which is not None)

    def _doubled(self):
        """Return the frame of a pair of framed texts."""
        second = [(which if which is None else 1, id, 1) for which, id, _ in self._single]
        return [*self._single, *second]

    @staticmethod
    def _room(frame, maxlen):
        specials = sum(which is None for which, _, _ in frame)
        return check_integer("maxlen", maxlen, least=specials) - specials

    def _cut_index(self, truncate_from):
        left = self._left()
        if truncate_from == "right":
            return left - len(self._single)
        if truncate_from == "left":
            return left
        return check_integer("truncate_from", truncate_from)

    def _shortened(self, ids, length, truncate_from):
        """Cut the ids of a text; an index counts the special tokens before and after it."""
        index, left = self._cut_index(truncate_from), self._left()
        if index >= 0:
            return shorten(ids, length, max(index - left, 0))
        return shorten(ids, length, min(index + len(self._single) - 1 - left, -1))


def _ids_by(backend):
    return lambda text: backend.encode(text, add_special_tokens=False).ids


def read_backend(path):
    """Read a tokenizer.json as a `tokenizers.Tokenizer`."""
    with open(path, encoding="utf-8") as file:
        return parse_backend(file.read(), path)


def parse_backend(text, path):
    """Return the `tokenizers.Tokenizer` of a JSON text; `path` is named in errors."""
    tokenizers = import_tokenizers()
    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the package raises bare Exceptions
        raise invalid(f"`path` must be a tokenizer.json: {error}.", path=os.fspath(path)) from error


def _frames(post_processor):
    """Return the frames of a single text and of a pair.

    A frame is a list of (which, id, segment): which is None for a special token, else 0 or 1 for
    the place of the first or second text.
    """
    tokenizers = import_tokenizers()
    probe = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a"))
    if post_processor is not None:
        probe.post_processor = post_processor
    found = probe.encode("a"), probe.encode("a", "a")
    return [list(zip(e.sequence_ids, e.ids, e.type_ids)) for e in found]


def _framed(frame, bodies):
    """Return (token ids, segment ids) of texts in a frame."""
    ids, segments = [], []
    for which, special, segment in frame:
        part = [special] if which is None else bodies[which]
        ids += part
        segments += [segment] * len(part)
    return ids, segments
