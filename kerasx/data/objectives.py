"""Transforms of rows for objectives beside masked tokens: order, source and target, spans."""

import numpy as np

from kerasx.checks import check_integer, check_number, invalid
from kerasx.data.validation import check_transform_order

_LATER = ("encoder_ids", "places", "order", "segment_ids")


class SplitSource:
    """Transform of `CorpusDataset` that splits each row in source and target, for UniLM.

    The end id is put in before a token drawn at random, so that rows become longer by one token;
    the first and the last token stay in source and target.

    Args:
        tokenizer: tokenizer or `PackedCorpus`, whose `end_id` counts.

    Returns:
        The dict of `rows` of length n, each with n + 1, and "segment_ids" (b, n + 1) int32: 0 in
        the source, with the end id, 1 in the target, and 0 in padding.

    Source: arXiv 1905.03197; kexue.fm/archives/6933.

    >>> from kerasx.data import RowRandom
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> split = SplitSource(Tokenizer(character_vocab(["今天很好"])))
    >>> rows = {"token_ids": np.array([[2, 5, 6, 7, 3]]), "words": np.array([[0, 1, 1, 2, 0]])}
    >>> batch = split(rows | {"documents": np.ones((1, 5), "int32")}, RowRandom(0, 0, [1]))
    >>> batch["token_ids"].tolist(), batch["segment_ids"].tolist()
    ([[2, 5, 3, 6, 7, 3]], [[0, 0, 0, 1, 1, 1]])
    """

    def __init__(self, tokenizer):
        self.end_id = _end_id(tokenizer)

    def __call__(self, rows, rng):
        check_transform_order("SplitSource", rows, *_LATER)
        text = rows["words"] > 0
        inner = text & (np.cumsum(text, axis=1) > 1)
        first, last = _bounds(text)
        cut = np.where(inner.any(axis=1), _draw_place(inner, rng), last)
        return _joined(rows, first, cut, last, np.zeros(len(cut), "bool"), self.end_id)

    def __repr__(self):
        return f"SplitSource(end_id={self.end_id})"


class SentenceOrder:
    """Transform of `CorpusDataset` that makes two segments of each row, half of them swapped.

    Each row becomes [CLS] A [SEP] B [SEP] or [CLS] B [SEP] A [SEP]: longer by one token. Segments
    end with a word. Followed by `MaskTokens`, it makes what ALBERT learns from.

    Args:
        tokenizer: tokenizer or `PackedCorpus`, whose `end_id` counts.
        ends: ids of tokens that end a sentence; where a row has some, A ends with one of them.

    Returns:
        The dict of `rows` of length n, each with n + 1, and "segment_ids" (b, n + 1) int32, 1 in
        the second segment; "order" (b,) int32, 1 for swapped segments, 0 for others.

    Source: arXiv 1909.11942.

    >>> from kerasx.data import RowRandom
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> order = SentenceOrder(Tokenizer(character_vocab(["今天很好"])))
    >>> rows = {"token_ids": np.array([[2, 5, 6, 7, 3]]), "words": np.array([[0, 1, 1, 2, 0]])}
    >>> batch = order(rows | {"documents": np.ones((1, 5), "int32")}, RowRandom(0, 0, [0]))
    >>> batch["token_ids"].tolist(), batch["order"].tolist()
    ([[2, 7, 3, 5, 6, 3]], [1])
    """

    def __init__(self, tokenizer, ends=()):
        self.end_id, self.ends = _end_id(tokenizer), sorted(map(int, ends))

    def __call__(self, rows, rng):
        check_transform_order("SentenceOrder", rows, *_LATER)
        words = rows["words"]
        text = words > 0
        first, last = _bounds(text)
        before = np.pad(words[:, :-1], ((0, 0), (1, 0)))
        inner = text & (words != before) & (np.cumsum(text, axis=1) > 1)
        after_end = np.pad(np.isin(rows["token_ids"], self.ends)[:, :-1], ((0, 0), (1, 0)))
        best = inner & after_end
        inner = np.where(best.any(axis=1, keepdims=True), best, inner)
        cut = np.where(inner.any(axis=1), _draw_place(inner, rng), last)
        swapped = (rng.uniform(1)[:, 0] < 0.5) & (cut < last)
        joined = _joined(rows, first, cut, last, swapped, self.end_id)
        return {**joined, "order": swapped.astype("int32")}

    def __repr__(self):
        return f"SentenceOrder(end_id={self.end_id}, ends={self.ends})"


class CorruptSpans:
    """Transform of `CorpusDataset` that cuts spans out of each row, which a T5 is to restore.

    A sentinel stands in the place of each span in the encoder's input, and before the span in the
    decoder's. All rows have equally many spans and tokens in spans, so that lengths are fixed: make
    the corpus of rows of `raw_length` tokens, as `PackedCorpus(folder, raw_length, edges=None)`.

    Args:
        length: length of the encoder's input, with the end id.
        sentinel_ids: ids of the sentinels in their order, as many as spans, as T5's 32099, 32098,
            ... or unused tokens of a vocabulary.
        end_id: id that ends both sequences.
        start_id: id before the decoder's input.
        rate: share of the tokens in spans.
        mean_length: mean length of a span, in tokens.

    Attributes:
        raw_length: length of the rows.
        target_length: length of the decoder's targets, with the end id.

    Returns:
        Dict of int32 arrays: "encoder_ids" (b, length) and "decoder_ids" (b, target_length + 1).
        The decoder gets `decoder_ids[:, :-1]` and is to predict `decoder_ids[:, 1:]`.

    Raises:
        ValueError: too few sentinels, or another bad argument; rows of another length, or padding.

    Source: arXiv 1910.10683, and its random_spans_noise_mask.

    >>> from kerasx.data import RowRandom
    >>> corrupt = CorruptSpans(9, sentinel_ids=[99, 98], end_id=1, start_id=0, rate=0.3)
    >>> rows = {"token_ids": np.arange(10, 10 + corrupt.raw_length)[None]}
    >>> {name: ids.tolist() for name, ids in corrupt(rows, RowRandom(0, 0, [0])).items()}
    {'encoder_ids': [[10, 11, 12, 13, 14, 15, 16, 99, 1]], 'decoder_ids': [[0, 99, 17, 18, 19, 1]]}
    """

    def __init__(self, length, sentinel_ids, end_id, start_id, rate=0.15, mean_length=3.0):
        self.length = check_integer("length", length, least=4)
        self.rate = check_number("rate", rate, above=0, below=1)
        self.mean_length = check_number("mean_length", mean_length, least=1)
        self.end_id = check_integer("end_id", end_id, least=0)
        self.start_id = check_integer("start_id", start_id, least=0)
        self.raw_length = self.length // 2
        while self._lengths(self.raw_length + 1)[0] <= self.length:
            self.raw_length += 1
        self._noise, self._spans = self._counts(self.raw_length)
        found, self.target_length = self._lengths(self.raw_length)
        if found != self.length:
            raise invalid(
                f"`length` must be one that rows can give, such as {found}.", length=self.length
            )
        self.sentinel_ids = [int(i) for i in sentinel_ids]
        if len(self.sentinel_ids) < self._spans:
            text = f"`sentinel_ids` must be at least {self._spans} ids, one for each span."
            raise invalid(text, sentinel_ids=self.sentinel_ids)

    def _counts(self, tokens):
        """Return how many of so many tokens are in spans, and the number of spans."""
        noise = min(max(round(tokens * self.rate), 1), tokens - 1)
        return noise, min(max(round(noise / self.mean_length), 1), tokens - noise)

    def _lengths(self, tokens):
        noise, spans = self._counts(tokens)
        return tokens - noise + spans + 1, noise + spans + 1

    def __call__(self, rows, rng):
        check_transform_order("CorruptSpans", rows, *_LATER)
        ids = np.asarray(rows["token_ids"])
        if ids.shape[1] != self.raw_length or (rows.get("documents", np.ones(1)) == 0).any():
            raise invalid(
                f"The rows must have {self.raw_length} tokens and no padding: "
                f'PackedCorpus(folder, {self.raw_length}, mode="cut", edges=None).',
                length=ids.shape[1],
            )
        kept = _random_lengths(self.raw_length - self._noise, self._spans, rng)
        noise = _random_lengths(self._noise, self._spans, rng)
        lengths = np.stack([kept, noise], axis=2).reshape(len(ids), -1)  # in turns
        begins = np.zeros(ids.shape, "int64")
        np.put_along_axis(begins, np.cumsum(lengths, axis=1)[:, :-1], 1, axis=1)
        spans = np.cumsum(begins, axis=1)
        begins[:, 0] = 1
        sentinels = np.array(self.sentinel_ids)[spans // 2]
        is_noise = spans % 2 == 1
        return {
            "encoder_ids": self._filtered(ids, is_noise, begins, sentinels)[:, 1:],
            "decoder_ids": self._filtered(ids, ~is_noise, begins, sentinels),
        }

    def _filtered(self, ids, removed, begins, sentinels):
        """Put a sentinel in the place of each run that is removed, start and end around them."""
        first = removed & (begins == 1)
        kept = np.where(first, sentinels, ids)[first | ~removed].reshape(len(ids), -1)
        start, end = (np.full((len(ids), 1), i) for i in (self.start_id, self.end_id))
        return np.concatenate([start, kept, end], axis=1).astype("int32")

    def __repr__(self):
        options = {k: v for k, v in vars(self).items() if k[0] != "_"}
        return f"CorruptSpans({', '.join(f'{k}={v!r}' for k, v in options.items())})"


def _random_lengths(total, parts, rng):
    """Divide a total into so many parts of at least 1, each division equally likely: (b, parts)."""
    order = np.argsort(rng.uniform(total - 1), axis=1) if total > 1 else None
    if parts == 1:
        return np.full((len(rng), 1), total)
    cuts = np.sort(order[:, : parts - 1] + 1, axis=1)
    return np.diff(cuts, axis=1, prepend=0, append=total)


def _end_id(tokenizer):
    if tokenizer.end_id is None:
        raise invalid("`tokenizer` must have an end id, such as that of [SEP].", end_id=None)
    return int(tokenizer.end_id)


def _bounds(text):
    """Return where the text of each row begins and ends: two arrays (b,)."""
    first = np.where(text.any(axis=1), text.argmax(axis=1), 1)
    last = text.shape[1] - text[:, ::-1].argmax(axis=1)
    return first, np.where(text.any(axis=1), last, first)


def _draw_place(candidates, rng):
    """Draw one of the places of each row, all alike."""
    return np.where(candidates, rng.uniform(candidates.shape[1]), -1.0).argmax(axis=1)


def _joined(rows, first, cut, last, swapped, end_id):
    """Put an end id between text [first, cut) and [cut, last), and swap them where asked."""
    b, n = rows["token_ids"].shape
    first, cut, last, swapped = (x[:, None] for x in (first, cut, last, swapped))
    t = np.arange(n + 1)[None]
    middle = np.where(swapped, first + last - cut, cut)  # where the end id comes
    one = np.where(swapped, cut, first) + t - first
    two = np.where(swapped, first, cut) + t - middle - 1
    source = np.where(t < first, t, np.where(t < middle, one, np.where(t <= last, two, t - 1)))
    source = np.clip(source, 0, n - 1)
    moved = {name: _moved(np.asarray(x), (b, n), source) for name, x in rows.items()}
    put_in = t == middle
    moved["documents"] = np.where(put_in, _before(moved["documents"]), moved["documents"])
    moved["token_ids"] = np.where(put_in, end_id, moved["token_ids"]).astype("int32")
    moved["words"] = np.where(put_in, 0, moved["words"])
    segments = (t > middle) & (moved["documents"] > 0)
    return {**moved, "segment_ids": segments.astype("int32")}


def _moved(x, shape, source):
    """Return what is there of each token in its new place; what is no array of tokens as it is."""
    return np.take_along_axis(x, source, axis=1) if x.shape == shape else x


def _before(x):
    """Return what stands one place before."""
    return np.pad(x[:, :-1], ((0, 0), (1, 0)), mode="edge")
