"""UniLM's split, ALBERT's order of segments, T5's spans: what comes out restores what went in."""

import numpy as np
import pytest

from kerasx.data import CorruptSpans, MaskTokens, RowRandom, SentenceOrder, SplitSource
from tests.data.test_masking import CLS, SEP, TOKENS, make_rows

pytestmark = pytest.mark.backend_free


def transformed(transform, rows, epoch=0):
    return transform(rows, RowRandom(0, epoch, np.arange(len(next(iter(rows.values()))))))


@pytest.mark.parametrize("padding", [0, 100])
def test_a_split_row_is_the_row_with_one_end_more(padding):
    rows = make_rows(padding=padding)
    batch = transformed(SplitSource(TOKENS), rows)
    length = (rows["documents"] > 0).sum(1)
    cuts = []
    for ids, new, segments, n in zip(
        rows["token_ids"], batch["token_ids"], batch["segment_ids"], length
    ):
        cut = int(segments.argmax())
        assert new[cut - 1] == SEP and (np.delete(new, cut - 1) == ids).all()
        assert segments.tolist() == [0] * cut + [1] * (n + 1 - cut) + [0] * (130 - n)
        cuts.append((cut - 3) / (n - 4))
    assert min(cuts) >= 0 and max(cuts) <= 1 and abs(np.mean(cuts) - 0.5) < 0.06
    assert np.ptp(cuts) > 0.9
    assert all(batch[name].shape == (200, 131) for name in batch)


def test_a_split_row_can_be_masked_and_replayed():
    rows = make_rows(b=30)
    rng = RowRandom(0, 0, np.arange(30))
    batch = MaskTokens(TOKENS)(SplitSource(TOKENS)(rows, rng), rng)
    assert batch["segment_ids"].any() and batch["weights"].any(1).all()
    again = transformed(SplitSource(TOKENS), {k: x[:3] for k, x in rows.items()})
    assert (again["segment_ids"] == batch["segment_ids"][:3]).all()


@pytest.mark.parametrize("transform", [SplitSource(TOKENS), SentenceOrder(TOKENS)])
@pytest.mark.parametrize("text", [[], [7]])
def test_rows_with_nothing_to_divide_stay_readable(transform, text):
    ids = np.array([[CLS, *text, SEP, *[0] * (3 - len(text))]])
    words = np.array([[0, *[1] * len(text), *[0] * (4 - len(text))]])
    rows = {"token_ids": ids, "words": words, "documents": (ids > 0) * 1}
    new = transformed(transform, rows)["token_ids"][0].tolist()
    assert new == [CLS, *text, SEP, SEP, *[0] * (3 - len(text))]


@pytest.mark.parametrize("padding", [0, 100])
def test_segments_are_swapped_in_half_of_the_rows_and_end_with_a_word(padding):
    rows = make_rows(padding=padding, b=400)
    batch = transformed(SentenceOrder(TOKENS), rows)
    for i, (ids, new) in enumerate(zip(rows["token_ids"], batch["token_ids"])):
        n = int((ids > 0).sum())
        middle = 1 + new[1:].tolist().index(SEP)
        one, two = new[1:middle], new[middle + 1 : n]
        text = [two, one] if batch["order"][i] else [one, two]
        assert np.concatenate(text).tolist() == ids[1 : n - 1].tolist()
        assert new[n] == SEP and not new[n + 1 :].any() and min(len(one), len(two)) > 0
        expected = [0] * (middle + 1) + [1] * (n - middle) + [0] * (130 - n)
        assert batch["segment_ids"][i].tolist() == expected
        words = batch["words"][i]
        assert words[middle] == 0 and words[middle - 1] != words[middle + 1]
    assert batch["order"].dtype == "int32" and abs(batch["order"].mean() - 0.5) < 0.08


def test_segments_end_with_a_sentence_where_there_are_sentences():
    rows = make_rows(b=50, longest=1)
    rows["token_ids"][:25, [30, 60, 128]] = 5
    rows["token_ids"][rows["token_ids"] == 5] = 6
    rows["token_ids"][:25, [30, 60, 128]] = 5
    batch = transformed(SentenceOrder(TOKENS, ends=[5]), rows)
    for new, order in zip(batch["token_ids"][:25], batch["order"]):
        middle = new[1:].tolist().index(SEP) + 1
        assert middle in ((69, 99) if order else (31, 61))


def test_masking_after_a_swap_keeps_words_whole():
    rows, rng = make_rows(b=60), RowRandom(0, 0, np.arange(60))
    swapped = SentenceOrder(TOKENS)(rows, rng)
    batch = MaskTokens(TOKENS, lengths=(0.4, 0.3, 0.2, 0.1))(swapped, rng)
    assert batch["order"].any() and batch["segment_ids"].any()
    for words, places, weights in zip(swapped["words"], batch["places"], batch["weights"]):
        chosen = np.zeros(131, "bool")
        chosen[places[weights > 0]] = True
        assert not set(words[chosen]) & set(words[~chosen]) and not (words[chosen] == 0).any()


MASK, SPLIT, ORDER = MaskTokens(TOKENS), SplitSource(TOKENS), SentenceOrder(TOKENS)
SPANS = CorruptSpans(114, range(999, 899, -1), end_id=1, start_id=0)


@pytest.mark.parametrize("places", [None, 130])
@pytest.mark.parametrize(
    "wrong",
    [[MASK, ORDER], [MASK, SPLIT], [MASK, MASK], [MASK, SPANS], [ORDER, SPLIT], [SPLIT, ORDER]]
    + [[SPLIT, SPLIT], [SPLIT, SPANS], [SPANS, MASK], [SPANS, ORDER], [SPANS, SPANS]],
)
def test_transforms_in_the_wrong_order_are_errors(wrong, places):
    first, second = wrong
    rows = make_rows(n=SPANS.raw_length if first is SPANS else 130)
    if first is SPANS:
        del rows["documents"]
    elif first is MASK:
        first = MaskTokens(TOKENS, places=places)
    made = transformed(first, rows)
    with pytest.raises(ValueError, match=f"`{type(second).__name__}` must come before "):
        transformed(second, made)


@pytest.mark.parametrize("transform", [SPLIT, ORDER])
def test_what_is_no_array_of_tokens_stays_as_it_is(transform):
    rows = {**make_rows(b=5), "label": np.arange(5), "facts": np.ones((5, 3))}
    batch = transformed(transform, rows)
    assert batch["label"].shape == (5,) and batch["facts"].shape == (5, 3)
    assert batch["token_ids"].shape == (5, 131)


# T5.

SENTINELS = list(range(999, 899, -1))


def corrupt(length=114, **options):
    return CorruptSpans(length, SENTINELS, end_id=1, start_id=0, **options)


def restored(encoder, decoder):
    """Put the spans of the decoder in the place of the sentinels of the encoder."""
    assert (encoder[-1], decoder[0], decoder[-1]) == (1, 0, 1)
    spans, found = {}, []
    for i in decoder[1:-1]:
        if i in SENTINELS:
            spans[i] = []
            key = i
        else:
            spans[key].append(i)
    assert list(spans) == SENTINELS[: len(spans)] and all(spans.values())
    for i in encoder[:-1]:
        found += spans.pop(i) if i in spans else [i]
    assert not spans
    return found


@pytest.mark.parametrize("options", [{}, {"rate": 0.5}, {"mean_length": 8}, {"mean_length": 1}])
def test_spans_and_the_rest_restore_the_row_and_have_fixed_lengths(options):
    transform = corrupt(**options)
    ids = np.random.default_rng(0).integers(10, 800, (60, transform.raw_length))
    batch = transformed(transform, {"token_ids": ids})
    assert batch["encoder_ids"].shape == (60, 114)
    assert batch["decoder_ids"].shape == (60, transform.target_length + 1)
    assert {str(x.dtype) for x in batch.values()} == {"int32"}
    for row, encoder, decoder in zip(ids, *batch.values()):
        assert restored(encoder.tolist(), decoder.tolist()) == row.tolist()


def test_lengths_are_those_of_t5():
    """512 tokens come from 568, and give 114 targets (T5's own example)."""
    transform = corrupt(512)
    assert (transform.raw_length, transform.target_length) == (568, 114)


def test_every_token_is_in_a_span_about_as_often():
    transform = corrupt()
    n = transform.raw_length
    ids = np.tile(np.arange(10, 10 + n), (4000, 1))
    batch = transformed(transform, {"token_ids": ids})
    removed = np.bincount(batch["decoder_ids"].ravel(), minlength=2000)[10 : 10 + n] / 4000
    assert abs(removed.mean() - 0.15) < 0.005
    assert (abs(removed[20:-20] - 0.15) < 0.04).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: CorruptSpans(114, [5], 1, 0), "`sentinel_ids` must be at least"),
        (lambda: corrupt(rate=0), "`rate` must be"),
        (lambda: corrupt(rate=1), "`rate` must be"),
        (lambda: corrupt(mean_length=0.5), "`mean_length` must be"),
        (lambda: corrupt(2), "`length` must be"),
    ],
)
def test_wrong_options_are_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rows_of_another_length_and_padding_are_errors():
    transform = corrupt()
    ids = np.ones((2, transform.raw_length), "int64")
    with pytest.raises(ValueError, match="The rows must have"):
        transformed(transform, {"token_ids": ids[:, :-1]})
    with pytest.raises(ValueError, match="no padding"):
        transformed(transform, {"token_ids": ids, "documents": np.array([[0, 1], [1, 1]])})


def test_without_an_end_id_there_is_no_split():
    other = type("Tokens", (), {"end_id": None})()
    for transform in (SplitSource, SentenceOrder):
        with pytest.raises(ValueError, match="`tokenizer` must have an end id"):
            transform(other)


@pytest.mark.parametrize("transform", [SplitSource(TOKENS), SentenceOrder(TOKENS, [5]), corrupt()])
def test_the_options_stand_in_the_repr(transform):
    assert "at 0x" not in repr(transform) and "=" in repr(transform)
