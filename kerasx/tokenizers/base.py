"""Base of the tokenizers: special tokens, pairs of texts, truncation."""

from kerasx.checks import check_integer, invalid
from kerasx.tokenizers.chat_template import split_at, split_marked
from kerasx.tokenizers.overriding import refuse_old
from kerasx.tokenizers.special_ids import SpecialTokenIds


class TokenizerBase(SpecialTokenIds):
    """Base class of tokenizers.

    A subclass defines `token_to_id`, `id_to_token`, `decode`; `_tokenize(text)`, which returns the
    tokens of a text without special tokens; and `_pieces_with_offsets(text)`, which returns
    [(token, (start, end)), ...] before translation. It sets `_vocab_size`, and the ids of its
    special tokens by `_look_up_specials`; without it they are looked up by `token_to_id`.

    Args:
        token_start: token put before every text; None for no token.
        token_end: token put after every text; None for no token.
        pre_tokenize: function from a text to the list of its words, applied first.
        token_translate: dict from tokens to the tokens that replace them.
    """

    chat_template = None  # a `ChatTemplate`, or None
    _encode_special_tokens = False
    _as_transformers = False  # of a pair, cut as transformers does; bert4keras cuts the first more

    def __init__(
        self, token_start="[CLS]", token_end="[SEP]", pre_tokenize=None, token_translate=None
    ):
        self._token_pad = "[PAD]"
        self._token_unk = "[UNK]"
        self._token_mask = "[MASK]"
        self._token_start = token_start
        self._token_end = token_end
        self._pre_tokenize = pre_tokenize
        self._token_translate = dict(token_translate or {})
        self._token_translate_inv = {v: k for k, v in self._token_translate.items()}

    def tokenize(self, text, maxlen=None):
        """Convert a text to tokens, `token_start` and `token_end` included.

        Args:
            text: str.
            maxlen: largest number of tokens; the end of the text is cut, `token_end` is kept.

        Returns:
            List of str.
        """
        tokens = self._translated(self._tokenize(check_text(text)))
        tokens = self._wrap(tokens, self._token_start, self._token_end)
        if maxlen is None:
            return tokens
        self._check_maxlen(maxlen)
        return shorten(tokens, maxlen, self._cut_index("right"))

    def tokenize_with_offsets(self, text, maxlen=None):
        """Convert a text to tokens and their offsets in the text.

        Args:
            text: str of n characters.
            maxlen: largest number of tokens, as in `tokenize`.

        Returns:
            (tokens, offsets): `tokenize(text, maxlen)`, and for each token (start, end), where
            `text[start:end]` is its source. Starts and ends never decrease. The offsets of
            `token_start` are (0, 0), of `token_end` (n, n).

        >>> from kerasx.tokenizers import Tokenizer
        >>> tokenizer = Tokenizer({t: i for i, t in enumerate(["[UNK]", "好"])}, True,
        ...                       token_start=None, token_end=None)
        >>> tokenizer.tokenize_with_offsets("你 好")
        (['你', '好'], [(0, 1), (2, 3)])
        """
        spans = self._pieces_with_offsets(check_text(text))
        if maxlen is not None:
            self._check_maxlen(maxlen)
            spans = spans[: maxlen - self._specials()]
        tokens = self._translated([piece for piece, _ in spans])
        start = None if self._token_start is None else (0, 0)
        end = None if self._token_end is None else (len(text), len(text))
        offsets = self._wrap([span for _, span in spans], start, end)
        return self._wrap(tokens, self._token_start, self._token_end), offsets

    def encode(
        self,
        first_text,
        second_text=None,
        maxlen=None,
        pattern="S*E*E",
        truncate_from="right",
        **old,
    ):
        """Convert a text or a pair of texts to token ids and segment ids.

        Args:
            first_text: str, or the list of its tokens, special tokens included.
            second_text: str, list of tokens, or None.
            maxlen: largest number of ids; of a pair, the longer text is cut first.
            pattern: "S*E*E" joins a pair as [CLS] first [SEP] second [SEP]; "S*ES*E" keeps the
                second [CLS].
            truncate_from: "right" cuts before `token_end`, "left" after `token_start`, an int
                removes tokens at this index.

        Returns:
            (token_ids, segment_ids): lists of int; segment 0 is the first text, 1 the second.

        Raises:
            ValueError: `maxlen` leaves no room for the special tokens, or another bad argument. No
                str is a bad text.
            TypeError: an unknown argument, such as `max_length` of the first bert4keras.
        """
        refuse_old(old)
        if pattern not in ("S*E*E", "S*ES*E"):
            raise invalid("`pattern` must be 'S*E*E' or 'S*ES*E'.", pattern=pattern)
        index, limit = self._cut_index(truncate_from), None
        if second_text is None and maxlen is None:
            ids = self._sequence_ids(first_text, None)
            return ids, [0] * len(ids)
        shared = int(second_text is not None and pattern == "S*E*E" and bool(self._token_start))
        if maxlen is not None:
            self._check_maxlen(maxlen, 1 if second_text is None else 2, shared)
            if not self._as_transformers:  # which needs the lengths of the whole texts
                limit = {"right": maxlen, "left": -maxlen}.get(truncate_from)
        first = self._sequence_ids(first_text, limit)
        second = [] if second_text is None else self._sequence_ids(second_text, limit)
        if maxlen is not None:
            lengths = longest_first if self._as_transformers else balanced_lengths
            n, m = lengths(len(first), len(second), maxlen + shared)
            first, second = shorten(first, n, index), shorten(second, m, index)
        second = second[shared:]
        return first + second, [0] * len(first) + [1] * len(second)

    def encode_batch(self, texts, maxlen=None):
        """Convert many texts to ids, faster than by `encode`.

        Args:
            texts: iterable of str.
            maxlen: largest number of ids of each text.

        Returns:
            (batch_token_ids, batch_segment_ids): two lists of lists of int of different lengths.
        """
        if maxlen is not None:
            self._check_maxlen(maxlen)
        body = None if maxlen is None else maxlen - self._specials()
        start, end = self._edge_ids()
        if self._has_own_tokenize():
            bodies, start, end = (self.encode(text, maxlen=maxlen)[0] for text in texts), None, None
        else:
            bodies = (self._text_ids(check_text(text), body)[:body] for text in texts)
        batch = [self._wrap(ids, start, end) for ids in bodies]
        return batch, [[0] * len(ids) for ids in batch]

    def encode_chat(self, messages, add_generation_prompt=None, **options):
        """Convert a conversation to ids by the model's chat template.

        Special tokens of the template are encoded as such. Those that the messages hold are, too,
        as in transformers' `apply_chat_template`; with `encode_special_tokens=False` of the
        tokenizer they are ordinary text, as with its `sanitize_control_tokens=True`.

        Args:
            messages: list of dicts such as {"role": "user", "content": "你好"}.
            add_generation_prompt: end with the start of the assistant's answer; by default, unless
                the final message is to be continued.
            options: further arguments of `ChatTemplate.render`, such as `tools`.

        Returns:
            List of int.

        Raises:
            ValueError: the tokenizer has no chat template, or the template fails.
        """
        if self.chat_template is None:
            raise invalid("`chat_template` must be set to encode a chat.", chat_template=None)
        marked = () if self._encode_special_tokens else self._added_texts()
        options = {**options, "add_generation_prompt": add_generation_prompt, "marked": marked}
        text = self.chat_template.render(messages, **options)
        return self._chat_ids(split_marked(text, marked))

    def _added_texts(self):
        """Return the special and added tokens of the vocabulary."""
        tokens = (
            getattr(self, f"_token_{name}") for name in ("pad", "unk", "mask", "start", "end")
        )
        return sorted({token for token in tokens if token is not None})

    def _chat_ids(self, parts):
        """Convert [(text, whether it is a special token that a user wrote)] to ids."""
        specials, ids = self._added_texts(), []
        for text, as_text in parts:
            pieces = [(text, False)] if as_text else split_at(text, specials)
            for piece, whole in pieces:
                ids += [self.token_to_id(piece)] if whole else self._text_ids(piece)
        return ids

    def tokens_to_ids(self, tokens):
        """Convert a list of tokens to ids."""
        return [self.token_to_id(token) for token in tokens]

    def ids_to_tokens(self, ids):
        """Convert ids, a list or a tensor of any backend, to a list of tokens."""
        return [self.id_to_token(i) for i in id_list(ids)]

    def token_to_id(self, token):
        """Return the id of a token."""
        raise ValueError(f"`{type(self).__name__}` must override token_to_id(self, token).")

    def id_to_token(self, i):
        """Return the token of an id."""
        raise ValueError(f"`{type(self).__name__}` must override id_to_token(self, i).")

    def decode(self, ids):
        """Convert ids to readable text."""
        raise ValueError(f"`{type(self).__name__}` must override decode(self, ids).")

    def _translated(self, tokens):
        translate = self._token_translate
        return [translate.get(token, token) for token in tokens] if translate else tokens

    def _text_ids(self, text, limit=None):
        """Convert a text to ids without special tokens.

        Args:
            limit: only the first `limit` ids are needed, or the last ones if it is negative; a
                subclass may return more ids than these. None for all ids.
        """
        return self.tokens_to_ids(self._translated(self._tokenize(text)))

    def _sequence_ids(self, text, limit):
        if isinstance(text, (list, tuple)):
            return self.tokens_to_ids(text)
        if self._has_own_tokenize():
            return self.tokens_to_ids(self.tokenize(check_text(text)))
        ids = self._text_ids(check_text(text), limit)
        return self._wrap(ids, *self._edge_ids())

    def _has_own_tokenize(self):
        """Return whether a subclass of the user says what stands around the tokens of a text."""
        return type(self).tokenize is not TokenizerBase.tokenize

    @staticmethod
    def _wrap(items, start, end):
        return ([] if start is None else [start]) + items + ([] if end is None else [end])

    def _pieces_with_offsets(self, text):
        """Return [(token, (start, end)), ...] of a text; a subclass without it has no offsets."""
        raise ValueError(f"`{type(self).__name__}` must override _pieces_with_offsets(self, text).")

    def _specials(self):
        return (self._token_start is not None) + (self._token_end is not None)

    def _cut_index(self, truncate_from):
        if truncate_from == "right":
            return -int(self._token_end is not None) - 1
        if truncate_from == "left":
            return int(self._token_start is not None)
        if isinstance(truncate_from, int):
            return truncate_from
        raise invalid(
            "`truncate_from` must be 'right', 'left' or the index of a token.",
            truncate_from=truncate_from,
        )

    def _check_maxlen(self, maxlen, texts=1, shared=0):
        check_integer("maxlen", maxlen, least=texts * self._specials() - shared)


def balanced_lengths(n, m, total):
    """Return the lengths of two lists cut down to a total, always the longer list first.

    Of equally long lists, the first is cut.

    >>> balanced_lengths(9, 2, 8), balanced_lengths(9, 9, 7)
    ((6, 2), (3, 4))
    """
    if n + m <= total:
        return n, m
    half = total // 2
    if n <= half:
        return n, total - n
    return (total - m, m) if m <= total - half else (half, total - half)


def longest_first(n, m, total):
    """Return the lengths of two lists cut down to a total, as the package tokenizers cuts them.

    Where both are cut and the total is odd, the longer keeps one more.

    >>> longest_first(9, 2, 8), longest_first(9, 8, 7), longest_first(8, 9, 7)
    ((6, 2), (4, 3), (3, 4))
    """
    if n > m:
        return longest_first(m, n, total)[::-1]
    if n + m <= total:
        return n, m
    if n <= total - n:
        return n, total - n
    return total // 2, total - total // 2


def shorten(items, length, index):
    """Remove the item at `index` from a list until `length` items remain.

    >>> shorten(list("abcdef"), 3, -2), shorten(list("abcdef"), 3, 1)
    (['a', 'b', 'f'], ['a', 'e', 'f'])
    """
    if len(items) <= length:
        return items
    head = min(index, length) if index >= 0 else max(length + index + 1, 0)
    return items[:head] + items[len(items) - (length - head) :]


def id_list(ids):
    """Return ids, which may be a tensor of any backend, as a list of int.

    >>> import numpy as np
    >>> id_list(np.array([3, 4])), id_list([np.int64(3)])
    ([3, 4], [3])
    """
    if not hasattr(ids, "tolist") and hasattr(ids, "numpy"):  # TensorFlow and Keras
        ids = ids.numpy()
    try:
        values = list(ids.tolist() if hasattr(ids, "tolist") else ids)
        found = [int(i) for i in values]
    except (TypeError, ValueError) as error:
        raise invalid("`ids` must be one sequence of integers.", ids=ids) from error
    if found != values:
        raise invalid("`ids` must be one sequence of integers.", ids=ids)
    return found


def check_text(text):
    """Return the text if it is a str, and raise otherwise."""
    if not isinstance(text, str):
        raise invalid("`text` must be a str.", text=text)
    return text
