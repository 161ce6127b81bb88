"""`MaskTokens`: shares by counting, units never in part, replay."""

import numpy as np
import pytest

from kerasx.data import MaskTokens, RowRandom
from tests.data.corpora import tokenizer

pytestmark = pytest.mark.backend_free
TOKENS = tokenizer()
CLS, SEP, MASK = TOKENS.start_id, TOKENS.end_id, TOKENS.mask_id
VOCAB = TOKENS.vocab_size
MACBERT = (0.4, 0.3, 0.2, 0.1)


def make_rows(b=200, n=130, padding=0, seed=0, longest=4):
    """Return rows [CLS] ... [SEP] with words of 1 to `longest` tokens, and some padding."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, VOCAB, (b, n))
    begins = np.zeros((b, n), "int64")
    for row in begins:
        row[np.cumsum(rng.integers(1, longest + 1, n)).clip(0, n - 1)] = 1
    begins[:, 1] = 1
    is_text = np.ones((b, n), "int64")
    ids[:, 0], is_text[:, 0] = CLS, 0
    for i in range(b):
        end = n - 1 - (rng.integers(0, padding + 1) if padding else 0)
        ids[i, end], ids[i, end + 1 :], is_text[i, end:] = SEP, 0, 0
    begins *= is_text
    words = np.cumsum(begins, axis=1) * is_text
    rows = {"token_ids": ids, "words": words, "documents": (ids > 0) * 1}
    return {name: x.astype("int32") for name, x in rows.items()}


def chosen_of(batch, n):
    chosen = np.zeros((len(batch["places"]), n), "bool")
    rows, columns = np.nonzero(batch["weights"])
    chosen[rows, batch["places"][rows, columns]] = True
    return chosen


def masked(rows, epoch=0, **options):
    """Return (batch, chosen tokens (b, n))."""
    b, n = rows["token_ids"].shape
    batch = MaskTokens(TOKENS, **options)(rows, RowRandom(0, epoch, np.arange(b)))
    return batch, chosen_of(batch, n)


@pytest.mark.parametrize(
    "options, more",
    [({}, 3), ({"unit": "token"}, 0), ({"lengths": MACBERT}, 12), ({"rate": 0.4}, 3)],
)
@pytest.mark.parametrize("padding", [0, 100])
def test_the_share_of_the_text_of_each_row_is_chosen(options, more, padding):
    rows = make_rows(padding=padding)
    batch, chosen = masked(rows, **options)
    rate, count = options.get("rate", 0.15), (rows["words"] > 0).sum(1)
    target = rate * count
    assert (chosen.sum(1) < target + more + 1).all() and (chosen.sum(1) > target - more - 1).all()
    assert abs(chosen.sum() / target.sum() - 1) < (0.05 if padding else 0.02)
    assert not (chosen & (rows["words"] == 0)).any()
    assert batch["places"].shape == (200, int(rate * 130 + 0.5) + more)


def test_places_labels_and_weights_restore_the_row():
    rows = make_rows(padding=60)
    batch, chosen = masked(rows)
    restored = batch["token_ids"].copy()
    r, c = np.nonzero(batch["weights"])
    restored[r, batch["places"][r, c]] = batch["labels"][r, c]
    assert (restored == rows["token_ids"]).all()
    assert (batch["weights"].sum(1) == chosen.sum(1)).all()  # no place twice
    assert (np.diff(batch["weights"], axis=1) <= 0).all()
    empty = batch["weights"] == 0
    assert empty.any() and not batch["places"][empty].any() and not batch["labels"][empty].any()
    dtypes = {name: str(batch[name].dtype) for name in ("token_ids", "places", "labels", "weights")}
    assert list(dtypes.values()) == ["int32", "int32", "int32", "float32"]
    assert batch["segment_ids"].dtype == "int32" and not batch["segment_ids"].any()


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.85, 0, 0.15), (1, 0, 0), (2, 1, 1)])
@pytest.mark.parametrize("together", [False, True])
def test_the_shares_of_masked_random_and_kept(shares, together):
    rows = make_rows(b=600)
    batch, chosen = masked(rows, shares=shares, together=together)
    new, old = batch["token_ids"][chosen], rows["token_ids"][chosen]
    share = np.array(shares) / sum(shares)
    lucky = share[1] / (VOCAB - 5)  # random tokens that are the same as before
    found = [(new == MASK).mean(), ((new != MASK) & (new != old)).mean(), (new == old).mean()]
    expected = [share[0], share[1] - lucky, share[2] + lucky]
    np.testing.assert_allclose(found, expected, atol=0.03 if together else 0.015)


def test_random_tokens_are_not_special_and_cover_the_rest():
    batch, chosen = masked(make_rows(b=900), shares=(0, 1, 0))
    counts = np.bincount(batch["token_ids"][chosen], minlength=VOCAB)
    assert not counts[:5].any() and len(counts) == VOCAB
    assert counts[5:].min() > 0.7 * counts[5:].mean()


def test_words_are_chosen_as_a_whole_and_all_about_as_often():
    rows = make_rows(b=100)
    times = np.zeros(rows["words"].shape)
    for epoch in range(30):
        _, chosen = masked(rows, epoch)
        times += chosen
        for row, words in zip(chosen, rows["words"]):
            assert not set(words[row]) & set(words[~row])
    share = times[rows["words"] > 0] / 30
    assert abs(share.mean() - 0.15) < 0.003
    sizes = np.stack([np.bincount(w, minlength=131)[w] for w in rows["words"]])
    for size in (1, 2, 3, 4):
        here = (rows["words"] > 0) & (sizes == size)
        assert abs(times[here].mean() / 30 - 0.15) < 0.006


def runs_of(chosen, words):
    """Return the numbers of words of the runs of chosen words in a row, apart from each other."""
    picked = sorted(set(words[chosen]))
    gaps = [i for i, word in enumerate(picked) if i == 0 or word != picked[i - 1] + 1]
    return np.diff([*gaps, len(picked)]).tolist()


def test_lengths_of_n_grams_are_those_asked_for():
    rows = make_rows(b=300, n=514, longest=1)
    _, chosen = masked(rows, rate=0.03, lengths=MACBERT)  # few, so that they seldom touch
    runs = [n for row, words in zip(chosen, rows["words"]) for n in runs_of(row, words)]
    counts = np.bincount(runs, minlength=9)[1:] / len(runs)
    np.testing.assert_allclose(counts[:4], MACBERT, atol=0.06)


def test_runs_are_of_whole_words_and_end_with_a_document():
    rows = make_rows(b=100)
    rows["documents"] = np.repeat([[1, 2]], 65, axis=1) * np.ones((100, 1), "int64")
    _, chosen = masked(rows, lengths=(0, 0, 0, 1), rate=0.4)
    for row, words in zip(chosen, rows["words"]):
        inside = words[1:-1]
        assert not set(inside[row[1:-1]]) & set(inside[~row[1:-1]]) - {words[65]}


def test_single_tokens_are_chosen_without_regard_to_words():
    rows = make_rows(b=50)
    _, chosen = masked(rows, unit="token")
    cut = [bool(set(w[c]) & set(w[~c])) for c, w in zip(chosen, rows["words"])]
    assert all(cut)


def test_replay_is_exact_in_any_batch_and_epochs_differ():
    rows = make_rows(b=20)
    mask = MaskTokens(TOKENS, lengths=MACBERT)
    whole = mask(rows, RowRandom(3, 4, np.arange(20)))
    part = mask({k: x[7:9] for k, x in rows.items()}, RowRandom(3, 4, [7, 8]))
    assert all((whole[name][7:9] == part[name]).all() for name in whole)
    other = mask(rows, RowRandom(3, 5, np.arange(20)))
    assert (whole["places"] != other["places"]).any(axis=1).mean() > 0.9


def test_similar_words_take_the_place_of_masks():
    b, n = 300, 42
    ids = np.tile([6, 7, 8, 9], (b, n // 4 + 1))[:, :n]  # words (6, 7), (8, 9)
    words = np.tile(np.arange(n) // 2 + 1, (b, 1))
    rows = {"token_ids": ids, "words": words}
    similar = {(6, 7): [(10, 11), (12, 13)]}
    batch, chosen = masked(rows, similar=similar, shares=(1, 0, 0))
    new = batch["token_ids"].reshape(b, -1, 2)[:, ::2][chosen.reshape(b, -1, 2)[:, ::2, 0]]
    counts = {tuple(pair): (new == pair).all(1).mean() for pair in [(10, 11), (12, 13)]}
    assert sum(counts.values()) == 1 and min(counts.values()) > 0.4
    others = batch["token_ids"].reshape(b, -1, 2)[:, 1::2]
    assert MASK not in batch["token_ids"] and len(np.unique(others)) > 20  # random, as not known


def test_a_row_without_text_has_no_places_and_one_with_a_word_has_these():
    ids = np.array([[CLS, SEP, 0, 0], [CLS, 7, 8, SEP]])
    words = np.array([[0, 0, 0, 0], [0, 1, 1, 0]])
    batch, _ = masked({"token_ids": ids, "words": words})
    assert batch["weights"].sum(1).tolist() == [0, 2] and (batch["token_ids"][0] == ids[0]).all()
    assert batch["labels"].tolist() == [[0, 0, 0, 0], [7, 8, 0, 0]]


def rows_of(sizes, b=4000, padding=0):
    """Return b rows alike, of words of these sizes."""
    words = np.pad(np.repeat(np.arange(len(sizes)) + 1, sizes), (0, padding))
    return {"token_ids": np.tile(np.where(words, 7, 0), (b, 1)), "words": np.tile(words, (b, 1))}


@pytest.mark.parametrize("longest", [5, 9, 13, 16, 24, 40, 64])
@pytest.mark.parametrize("options", [{}, {"lengths": MACBERT}, {"places": 11}], ids=str)
def test_long_words_do_not_change_the_share(longest, options):
    rows = rows_of([longest] + [1] * (64 - longest))
    batch, chosen = masked(rows, **options)
    assert abs(chosen.mean() / 0.15 - 1) < 0.02
    assert batch["weights"].any(axis=1).all()


@pytest.mark.parametrize("sizes", [[9, 9] + [1] * 46, [13] * 5, [40, 24], [3] * 21])
@pytest.mark.parametrize("padding", [0, 200])
def test_several_long_words_do_not_either(sizes, padding):
    rows = rows_of(sizes, padding=padding)
    batch, chosen = masked(rows)
    assert abs(chosen.sum() / (rows["words"] > 0).sum() / 0.15 - 1) < 0.02
    assert batch["weights"].any(axis=1).all()


def test_a_word_that_has_room_is_chosen_as_a_whole():
    _, chosen = masked(rows_of([9] + [1] * 55))
    assert set(chosen[:, :9].sum(axis=1)) == {0, 9}


def test_unknown_and_other_special_tokens_of_the_text_are_not_chosen():
    rows = make_rows(b=100)
    special = np.random.default_rng(0).choice([0, TOKENS.unk_id, CLS, SEP, MASK], (100, 130))
    rows["token_ids"] = np.where(special, special, rows["token_ids"])
    batch, chosen = masked(rows, rate=0.5)
    assert (batch["labels"][batch["weights"] > 0] >= 5).all()
    text = (rows["words"] > 0) & (rows["token_ids"] >= 5)
    assert abs(chosen.sum() / text.sum() / 0.5 - 1) < 0.03


def test_the_number_of_places_can_be_set():
    rows = make_rows(b=10)
    batch, chosen = masked(rows, places=5)
    assert batch["places"].shape == (10, 5) and (chosen.sum(1) <= 5).all()
    batch, chosen = masked(rows, places=40)
    assert batch["places"].shape == (10, 40) and (batch["weights"].sum(1) < 25).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rate": 0}, "`rate` must be"),
        ({"rate": 1.2}, "`rate` must be"),
        ({"unit": "span"}, "`unit` must be one of"),
        ({"lengths": ()}, "`lengths` must be"),
        ({"lengths": (0, 0)}, "`lengths` must be"),
        ({"shares": (1, 0)}, "`shares` must be three"),
        ({"shares": (1, 0, -1)}, "`shares` must be"),
        ({"shares": (1, 0, np.nan)}, "`shares` must be"),
        ({"places": 0}, "`places` must be"),
        ({"similar": {(5,): [(5, 6)]}}, "`similar` must map"),
        ({"similar": {(5,): [(10**6,)]}}, "`similar` must map"),
    ],
)
def test_wrong_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        MaskTokens(TOKENS, **options)


def test_more_places_than_tokens_and_no_mask_are_errors():
    with pytest.raises(ValueError, match="`places` must be at most"):
        masked(make_rows(b=2), places=500)
    other = tokenizer()
    other._token_mask_id = None
    with pytest.raises(ValueError, match=r"must have a \[MASK\]"):
        MaskTokens(other)


def test_the_options_stand_in_its_repr():
    options = [{}, {"rate": 0.2}, {"similar": {(5,): [(6,)]}}, {"similar": {(5,): [(7,)]}}]
    assert len({repr(MaskTokens(TOKENS, **x)) for x in options}) == 4
    assert repr(MaskTokens(TOKENS)) == repr(MaskTokens(tokenizer()))
