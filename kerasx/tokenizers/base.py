"""What every tokenizer shares: special tokens, pairs, truncation."""


class TokenizerBase:
    """Base of tokenizers; a subclass brings `_tokenize`, `token_to_id`, `id_to_token`, `decode`.

    Args:
        token_start: put before every text; None for nothing.
        token_end: put after every text; None for nothing.
        pre_tokenize: a function from a text to its list of words, applied first.
        token_translate: dict of tokens to replace after tokenizing.
    """

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

    @property
    def start_id(self):
        """Id of the token put before every text; None if there is none."""
        return self._token_start_id

    @property
    def end_id(self):
        """Id of the token put after every text; None if there is none."""
        return self._token_end_id

    @property
    def pad_id(self):
        """Id of the padding token; None if the vocabulary has none."""
        return self._token_pad_id

    @property
    def mask_id(self):
        """Id of the token that hides another in masked language modelling; None if there is none.

        >>> from kerasx.tokenizers import Tokenizer
        >>> tokenizer = Tokenizer({"[UNK]": 0, "[MASK]": 1}, token_start=None, token_end=None)
        >>> tokenizer.mask_id, tokenizer.pad_id, tokenizer.vocab_size
        (1, None, 2)
        """
        return self._token_mask_id

    @property
    def unk_id(self):
        """Id that stands for every unknown token; None if the vocabulary has none."""
        return self._token_unk_id

    @property
    def vocab_size(self):
        """Number of tokens in the vocabulary."""
        return self._vocab_size

    def tokenize(self, text, maxlen=None):
        """Tokens of a text, `token_start` and `token_end` included.

        Args:
            text: str.
            maxlen: how many tokens at most; the end of the text is cut, `token_end` stays.
        """
        tokens = self._translated(self._tokenize(check_text(text)))
        tokens = self._wrap(tokens, self._token_start, self._token_end)
        if maxlen is None:
            return tokens
        self._check_maxlen(maxlen)
        return shorten(tokens, maxlen, self._cut_index("right"))

    def tokenize_with_offsets(self, text, maxlen=None):
        """Tokens and where in the text each comes from.

        Args:
            text: str.
            maxlen: how many tokens at most, as in `tokenize`.

        Returns:
            (tokens, offsets): `tokenize(text, maxlen)`, and for each token (start, end) with
            `text[start:end]` its surface; starts and ends never decrease. `token_start` has (0, 0),
            `token_end` (n, n).

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
    ):
        """Ids of a text or a pair of texts.

        Args:
            first_text: str, or the list of its tokens, special tokens included.
            second_text: the same, or None.
            maxlen: how many ids at most in all; of a pair, the longer text is cut first.
            pattern: "S*E*E" joins a pair as [CLS] first [SEP] second [SEP]; "S*ES*E" keeps the
                second [CLS].
            truncate_from: "right" cuts before `token_end`, "left" after `token_start`, an int at
                that index of the tokens.

        Returns:
            (token_ids, segment_ids): lists of int; segments are 0 for the first text, 1 for the
            second.

        Raises:
            ValueError: if `maxlen` leaves no room for the special tokens, or an argument is none of
                the above. No string raises.
        """
        if pattern not in ("S*E*E", "S*ES*E"):
            raise ValueError(f"`pattern` must be 'S*E*E' or 'S*ES*E'. Received: pattern={pattern}")
        index, limit = self._cut_index(truncate_from), None
        if second_text is None and maxlen is None:
            ids = self._sequence_ids(first_text, None)
            return ids, [0] * len(ids)
        shared = int(second_text is not None and pattern == "S*E*E" and bool(self._token_start))
        if maxlen is not None:
            self._check_maxlen(maxlen, 1 if second_text is None else 2, shared)
            limit = {"right": maxlen, "left": -maxlen}.get(truncate_from)
        first = self._sequence_ids(first_text, limit)
        second = [] if second_text is None else self._sequence_ids(second_text, limit)
        if maxlen is not None:
            n, m = balanced_lengths(len(first), len(second), maxlen + shared)
            first, second = shorten(first, n, index), shorten(second, m, index)
        second = second[shared:]
        return first + second, [0] * len(first) + [1] * len(second)

    def encode_batch(self, texts, maxlen=None):
        """`encode` of many texts, quicker than one by one.

        Args:
            texts: iterable of str.
            maxlen: how many ids at most in each.

        Returns:
            (batch_token_ids, batch_segment_ids): two lists of lists of int, ready for padding.
        """
        if maxlen is not None:
            self._check_maxlen(maxlen)
        body = None if maxlen is None else maxlen - self._specials()
        start, end = self._token_start_id, self._token_end_id
        bodies = (self._text_ids(check_text(text), body)[:body] for text in texts)
        batch = [self._wrap(ids, start, end) for ids in bodies]
        return batch, [[0] * len(ids) for ids in batch]

    def tokens_to_ids(self, tokens):
        """Ids of tokens."""
        return [self.token_to_id(token) for token in tokens]

    def ids_to_tokens(self, ids):
        """Tokens of ids."""
        return [self.id_to_token(i) for i in ids]

    def token_to_id(self, token):
        """Id of a token."""
        raise ValueError(f"`{type(self).__name__}` must override token_to_id(self, token).")

    def id_to_token(self, i):
        """Token of an id."""
        raise ValueError(f"`{type(self).__name__}` must override id_to_token(self, i).")

    def decode(self, ids):
        """Readable text of ids."""
        raise ValueError(f"`{type(self).__name__}` must override decode(self, ids).")

    def _tokenize(self, text):
        """Tokens of a text without special tokens."""
        raise ValueError(f"`{type(self).__name__}` must override _tokenize(self, text).")

    def _pieces_with_offsets(self, text):
        """[(token, (start, end)), ...] without special tokens and before translation."""
        raise ValueError(f"`{type(self).__name__}` must override _pieces_with_offsets(self, text).")

    def _translated(self, tokens):
        translate = self._token_translate
        return [translate.get(token, token) for token in tokens] if translate else tokens

    def _text_ids(self, text, limit=None):
        """Ids of a text without special tokens; of `limit` tokens only the first (if negative, the
        last) are needed."""
        return self.tokens_to_ids(self._translated(self._tokenize(text)))

    def _sequence_ids(self, text, limit):
        if isinstance(text, (list, tuple)):
            return self.tokens_to_ids(text)
        ids = self._text_ids(check_text(text), limit)
        return self._wrap(ids, self._token_start_id, self._token_end_id)

    @staticmethod
    def _wrap(items, start, end):
        return ([] if start is None else [start]) + items + ([] if end is None else [end])

    def _specials(self):
        return (self._token_start is not None) + (self._token_end is not None)

    def _cut_index(self, truncate_from):
        if truncate_from == "right":
            return -int(self._token_end is not None) - 1
        if truncate_from == "left":
            return int(self._token_start is not None)
        if isinstance(truncate_from, int):
            return truncate_from
        raise ValueError(
            "`truncate_from` must be 'right', 'left' or the index of a token. "
            f"Received: truncate_from={truncate_from}"
        )

    def _check_maxlen(self, maxlen, texts=1, shared=0):
        least = texts * self._specials() - shared
        if not isinstance(maxlen, int) or maxlen < least:
            raise ValueError(
                f"`maxlen` must be an int of at least {least}, the number of special tokens. "
                f"Received: maxlen={maxlen}"
            )


def balanced_lengths(n, m, total):
    """Lengths after dropping items from the longer of two (the first, if equal) down to a total.

    >>> balanced_lengths(9, 2, 8), balanced_lengths(9, 9, 7)
    ((6, 2), (3, 4))
    """
    if n + m <= total:
        return n, m
    half = total // 2
    if n <= half:
        return n, total - n
    return (total - m, m) if m <= total - half else (half, total - half)


def shorten(items, length, index):
    """What is left of a list when the item at `index` is dropped until `length` remain.

    >>> shorten(list("abcdef"), 3, -2), shorten(list("abcdef"), 3, 1)
    (['a', 'b', 'f'], ['a', 'e', 'f'])
    """
    if len(items) <= length:
        return items
    head = min(index, length) if index >= 0 else max(length + index + 1, 0)
    return items[:head] + items[len(items) - (length - head) :]


def check_text(text):
    """The text itself; ValueError if it is no str."""
    if not isinstance(text, str):
        raise ValueError(f"`text` must be a str. Received: {type(text).__name__} {text!r:.80}")
    return text
