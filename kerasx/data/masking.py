"""Mask tokens, words, spans or n-grams of rows, anew in each pass, for masked language models."""

import hashlib
import math

import numpy as np

from kerasx.checks import check_choice, check_integer, check_number, invalid
from kerasx.data.validation import check_transform_order

_SPECIALS = ("pad_id", "unk_id", "mask_id", "start_id", "end_id")


class MaskTokens:
    """Transform of `CorpusDataset` that masks a share of the tokens of each row.

    Units are drawn at random until the share is reached, and chosen as a whole: at least one, long
    and short ones alike, and on average the share; a unit longer than the share of its row, if
    there is no room for it, is taken for single tokens. Of the chosen tokens 80% become [MASK],
    10% a random token that is not special, and 10% stay. Special tokens are not chosen, nor is
    [UNK].

    For ELECTRA, `shares=(0.85, 0, 0.15)`; for MacBERT, `lengths=(0.4, 0.3, 0.2, 0.1)` and
    `similar`; for SpanBERT, `lengths=[0.8**i for i in range(10)]` and `together=True`.

    Args:
        tokenizer: tokenizer or `PackedCorpus`: its `vocab_size`, `mask_id` and special ids count.
        rate: share of the tokens of a row, without special tokens, that are chosen.
        unit: "word" for whole words, those that `write_corpus` found; "token" for single tokens,
            which are words for WoBERT.
        lengths: weights of runs of 1, 2, ... units that are chosen together; they stay within a
            document.
        shares: shares of the chosen tokens that become [MASK], become random and stay.
        together: all tokens of a run meet the same fate of the three.
        similar: dict from the ids of a unit (a tuple) to a list of tuples of as many ids: instead
            of [MASK], one of them at random; random tokens for a unit that is not in the dict. The
            tokens of a unit then meet the same fate.
        places: number of places of a row, the most tokens that are chosen; None for `rate` of its
            length, and some more where units are longer than a token.

    Returns:
        The dict of `rows` with, from a call with (rows, rng): "token_ids" (b, n) masked;
        "segment_ids" (b, n), zeros unless they were there; "places" (b, p) int32, which tokens were
        chosen, in order, and 0 for no further one; "labels" (b, p) int32, the ids there before;
        "weights" (b, p) float32, 1 for a chosen token and 0 for no further one.

    Raises:
        ValueError: no [MASK] in the vocabulary, or another bad argument; rows already masked.

    Sources: BERT, arXiv 1810.04805; whole words, 1906.08101; SpanBERT, 1907.10529; MacBERT,
    2004.13922.

    >>> from kerasx.data import RowRandom
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> mask = MaskTokens(Tokenizer(character_vocab(["今天很好"])), rate=0.5, shares=(1, 0, 0))
    >>> rows = {"token_ids": np.array([[2, 5, 6, 7, 8, 3]])}
    >>> rows["words"] = np.array([[0, 1, 1, 2, 3, 0]])
    >>> batch = mask(rows, RowRandom(0, 0, [7]))
    >>> batch["token_ids"].tolist(), batch["places"].tolist(), batch["labels"].tolist()
    ([[2, 5, 6, 7, 4, 3]], [[4, 0, 0, 0, 0, 0]], [[8, 0, 0, 0, 0, 0]])
    """

    def __init__(
        self,
        tokenizer,
        rate=0.15,
        unit="word",
        lengths=(1.0,),
        shares=(0.8, 0.1, 0.1),
        together=False,
        similar=None,
        places=None,
    ):
        if tokenizer.mask_id is None:
            raise invalid("`tokenizer` must have a [MASK] in its vocabulary.", mask_id=None)
        self.mask_id, self.vocab_size = tokenizer.mask_id, tokenizer.vocab_size
        special = (getattr(tokenizer, name, None) for name in _SPECIALS)
        self.special_ids = sorted({int(i) for i in special if i is not None})
        self.rate = check_number("rate", rate, above=0, most=1)
        self.unit = check_choice("unit", unit, ("word", "token"))
        self.lengths = _checked_shares("lengths", lengths)
        self.shares = _checked_shares("shares", shares)
        if len(self.shares) != 3:
            raise invalid("`shares` must be three numbers: masked, random, kept.", shares=shares)
        self.together, self.similar = bool(together), _checked_similar(similar, self.vocab_size)
        self.places = None if places is None else check_integer("places", places, least=1)

    def __call__(self, rows, rng):
        check_transform_order("MaskTokens", rows, "encoder_ids", "places")
        ids, words = np.asarray(rows["token_ids"]), np.asarray(rows["words"])
        words = np.where(np.isin(ids, self.special_ids), 0, words)  # such as [UNK] of the text
        units = _numbered(words if self.unit == "word" else _each(words > 0))
        runs = self._runs(units, rows.get("documents"), rng)
        places = self.places or self._most(ids.shape[1])
        chosen = _choose((runs, units, _each(units > 0)), self.rate, places, rng)
        segments = rows["segment_ids"] if "segment_ids" in rows else np.zeros(ids.shape, "int32")
        masked = self._replaced(ids, units, runs, chosen, rng).astype("int32")
        found = {**rows, "token_ids": masked, "segment_ids": segments}
        return {**found, **_at_places(ids, chosen, places)}

    def _runs(self, units, documents, rng):
        """Join units to runs: numbers (b, n) from 1, and 0 outside of units."""
        if len(self.lengths) == 1:
            return units
        b, n = units.shape
        limits = np.cumsum(self.lengths)
        drawn = 1 + np.searchsorted(limits[:-1], rng.uniform(n), side="right")
        ends = np.minimum(np.cumsum(drawn, axis=1), n)
        marks = np.zeros((b, n + 1), "int64")
        np.put_along_axis(marks, ends, 1, axis=1)  # a run begins after so many units
        runs = np.take_along_axis(np.cumsum(marks, axis=1), np.maximum(units - 1, 0), axis=1)
        runs = (runs + 1) * (n + 1) + (0 if documents is None else documents)
        return _numbered(np.where(units > 0, runs, 0))

    def _most(self, length):
        """Return the default number of places: there is room for one long run more."""
        room = 3 if self.unit == "word" else 1
        more = room * len(self.lengths) - (self.unit == "token")
        return min(math.ceil(self.rate * length - 1e-9) + more, length)

    def _replaced(self, ids, units, runs, chosen, rng):
        """Return the ids with the chosen ones masked, drawn at random or kept."""
        n = ids.shape[1]
        fate, random = rng.uniform(n), self._random_ids(rng, n)
        if self.together or self.similar is not None:
            groups = runs if self.together else units
            fate = np.take_along_axis(fate, np.maximum(groups - 1, 0), axis=1)
        hidden = chosen & (fate < self.shares[0])
        drawn = chosen & ~hidden & (fate < self.shares[0] + self.shares[1])
        if self.similar is None:
            return np.where(hidden, self.mask_id, np.where(drawn, random, ids))
        new = np.where(hidden | drawn, random, ids)
        self._put_similar(new, ids, units, hidden, rng.uniform(n))
        return new

    def _random_ids(self, rng, n):
        """Draw tokens that are not special: a padding in the middle would be masked."""
        random = rng.integers(n, self.vocab_size - len(self.special_ids))
        for special in self.special_ids:
            random += random >= special
        return random

    def _put_similar(self, new, ids, units, hidden, uniform):
        """Put similar units in the place of those hidden, where there are any."""
        rows, columns = np.nonzero(hidden)
        keys = rows * (ids.shape[1] + 1) + units[rows, columns]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(keys)]):
            row, place = rows[start], slice(columns[start], columns[stop - 1] + 1)
            found = self.similar.get(tuple(ids[row, place].tolist()))
            if found:
                new[row, place] = found[int(uniform[row, place.start] * len(found))]

    def __repr__(self):
        options = {name: value for name, value in vars(self).items() if name != "similar"}
        if self.similar is not None:
            table = repr(sorted(self.similar.items())).encode()
            options["similar"] = hashlib.sha256(table).hexdigest()
        return f"MaskTokens({', '.join(f'{k}={v!r}' for k, v in options.items())})"


def _each(is_text):
    return np.cumsum(is_text, axis=1) * is_text


def _numbered(units):
    """Number units from 1 in each row, where the number changes; 0 stays 0."""
    before = np.pad(units[:, :-1], ((0, 0), (1, 0)))
    return np.cumsum((units != before) & (units > 0), axis=1) * (units > 0)


def _choose(levels, rate, most, rng):
    """Choose runs at random until each row has its share of tokens: booleans (b, n).

    The runs are laid in random order from 0 on, and those are chosen one random point of which is
    before the share. So the last run is chosen with just the probability that makes the mean the
    share, and the probability of a run does not depend on its size. A run that would bring more
    than `most` tokens is passed over.
    """
    b, n = levels[0].shape
    tokens = (levels[0] > 0).sum(axis=1, keepdims=True)
    share = np.minimum(rate * tokens, most)
    runs = _split(levels, np.clip(most - rate * n, share, most))
    sizes = _sizes(runs)
    order = np.argsort(np.where(sizes > 0, rng.uniform(n), 2.0), axis=1)
    sizes = np.take_along_axis(sizes, order, axis=1)
    before = _fitting_places(sizes, share, most)
    taken = (before + rng.uniform(n) * sizes < share) | (before == 0)
    chosen = np.zeros((b, n), "bool")
    np.put_along_axis(chosen, order, taken & (sizes > 0), axis=1)
    return np.take_along_axis(chosen, np.maximum(runs - 1, 0), axis=1) & (runs > 0)


def _split(levels, limits):
    """Divide runs of more tokens than a row's limit (b, 1): into units, and these into tokens."""
    runs, *finer_levels = levels
    for finer in finer_levels:
        long = np.pad(_sizes(runs) > limits, ((0, 0), (1, 0)))
        if long.any():
            parts = np.where(np.take_along_axis(long, runs, axis=1), finer, 0)
            runs = _numbered(runs * (runs.shape[1] + 1) + parts)
    return runs


def _sizes(runs):
    """Return the number of tokens of runs 1, 2, ... of each row: (b, n)."""
    b, n = runs.shape
    numbers = runs + np.arange(b)[:, None] * (n + 1)
    return np.bincount(numbers.ravel(), minlength=b * (n + 1)).reshape(b, n + 1)[:, 1:]


def _fitting_places(sizes, share, most):
    """Return where runs begin if those without room are passed over, whose size becomes 0."""
    while True:
        after = np.cumsum(sizes, axis=1)
        barred = (sizes > 0) & (after - sizes < share) & (after > most)
        if not barred.any():
            return after - sizes
        sizes[barred] = 0


def _at_places(ids, chosen, places):
    """Return places, labels and weights (b, places) of the chosen tokens."""
    if places > ids.shape[1]:
        raise invalid("`places` must be at most the length of a row.", places=places)
    found = np.argsort(~chosen, axis=1, kind="stable")[:, :places]
    real = np.take_along_axis(chosen, found, axis=1)
    labels = np.take_along_axis(ids, found, axis=1) * real
    return {
        "places": (found * real).astype("int32"),
        "labels": labels.astype("int32"),
        "weights": real.astype("float32"),
    }


def _checked_shares(name, shares):
    """Return weights, none negative, as shares of 1."""
    shares = np.asarray(shares, "float64")
    if shares.ndim != 1 or not shares.size or not (shares >= 0).all() or not 0 < shares.sum() < 1e9:
        raise invalid(f"`{name}` must be numbers of at least 0, not all 0.", **{name: shares})
    return (shares / shares.sum()).tolist()


def _checked_similar(similar, vocab_size):
    if similar is None:
        return None
    for unit, others in similar.items():
        good = all(len(other) == len(unit) for other in others)
        if not good or not all(0 <= i < vocab_size for other in others for i in other):
            raise invalid(
                "`similar` must map the ids of a unit to lists of as many ids of the vocabulary.",
                unit=unit,
                similar=others,
            )
    return {tuple(map(int, unit)): [tuple(x) for x in others] for unit, others in similar.items()}
