"""`PackedCorpus`: rows against a plain implementation, and the order."""

import os
import pickle
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.data import PackedCorpus, write_corpus
from kerasx.data.packing import best_fit
from tests.data.corpora import TEXTS, save_corpus, save_texts, tokenizer

pytestmark = pytest.mark.backend_free
START, END, PAD = 2, 3, 0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus of 200 documents of 1 to 60 tokens: (its folder, ids of each document)."""
    draw = np.random.default_rng(0)
    letters = list("今天气很好我们去公园散步研究生命起源")
    texts = ["".join(draw.choice(letters, draw.integers(1, 61))) for _ in range(200)]
    folder, tokens = save_corpus(tmp_path_factory.mktemp("corpus"), texts, tokenizer(texts))
    assert (tokens.start_id, tokens.end_id, tokens.pad_id) == (START, END, PAD)
    return folder, [tokens.encode(text)[0][1:-1] for text in texts]


def all_rows(corpus):
    rows = corpus.rows(np.arange(len(corpus)))
    assert all(x.shape == (len(corpus), corpus.length) for x in rows.values())
    assert all(x.dtype == "int32" for x in rows.values())
    return rows


@pytest.mark.parametrize("length", [7, 16, 64])
@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("edges", ["row", "document", None])
def test_cut_rows_are_the_documents_one_after_another(corpus, length, edges, start):
    folder, documents = corpus
    packed = PackedCorpus(folder, length, edges=edges, start=start)
    if edges == "document":
        documents = [[START] * start + ids + [END] for ids in documents]
    around = start + 1 if edges == "row" else 0
    stream = np.array([i for ids in documents for i in ids])
    stream = stream[: len(stream) // (length - around) * (length - around)]
    expected = stream.reshape(-1, length - around)
    if edges == "row":
        column = np.ones((len(expected), 1), "int64")
        parts = [START * column, expected, END * column]
        expected = np.concatenate(parts[0 if start else 1 :], axis=1)
    rows = all_rows(packed)
    assert (rows["token_ids"] == expected).all()
    text = rows["words"] > 0
    assert (rows["token_ids"][~text] <= END).all() and (rows["token_ids"][text] > END).all()


def pieces_of(rows, number):
    ids, documents = rows["token_ids"][number], rows["documents"][number]
    return [ids[documents == i].tolist() for i in range(1, documents.max() + 1)]


def test_cut_rows_tell_where_documents_begin(corpus):
    folder, documents = corpus
    rows = all_rows(PackedCorpus(folder, 48, edges=None))
    found = []
    for number in range(len(rows["documents"])):
        assert (np.diff(rows["documents"][number]) >= 0).all() and rows["documents"].min() == 1
        for i, piece in enumerate(pieces_of(rows, number)):
            joins = (
                i == 0
                and found
                and sum(map(len, found)) not in np.cumsum([len(ids) for ids in documents])
            )
            found = [*found[:-1], found[-1] + piece] if joins else [*found, piece]
    assert found[:-1] == documents[: len(found) - 1]


@pytest.mark.parametrize("length", [12, 33, 100])
@pytest.mark.parametrize("edges", ["row", "document", None])
def test_packed_rows_have_every_document_whole_and_once(corpus, length, edges):
    folder, documents = corpus
    packed = PackedCorpus(folder, length, mode="packed", edges=edges)
    rows, found = all_rows(packed), []
    for number in range(len(packed)):
        pieces = pieces_of(rows, number)
        if edges == "row":
            assert (pieces[0][0], pieces[-1][-1]) == (START, END)
            pieces[0] = pieces[0][1:]
            pieces[-1] = pieces[-1][:-1]
        if edges == "document":
            assert all((piece[0], piece[-1]) == (START, END) for piece in pieces)
            pieces = [piece[1:-1] for piece in pieces]
        found += pieces
    room = length - 2 * (edges is not None)
    expected = [ids[i : i + room] for ids in documents for i in range(0, len(ids), room)]
    assert sorted(found) == sorted(expected)
    padding = rows["documents"] == 0
    assert (rows["token_ids"][padding] == PAD).all() and (rows["words"][padding] == 0).all()
    assert (np.diff(padding.astype(int), axis=1) >= 0).all()  # at the end
    assert padding.mean() < {12: 0.1, 33: 0.05, 100: 0.05}[length]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_bins_of_best_fit_hold_each_size_once_and_are_few(sizes):
    bins = best_fit(sizes, 20)
    assert sorted(i for bin_ in bins for i in bin_) == list(range(len(sizes)))
    totals = [sum(sizes[i] for i in bin_) for bin_ in bins]
    assert max(totals) <= 20 and len(bins) <= 11 / 9 * -(-sum(sizes) // 20) * 1.7 + 1
    assert sum(total <= 10 for total in totals) <= 1  # two half-empty bins would be one


def test_the_plan_is_made_once_and_again_for_another_corpus(tmp_path):
    folder, tokens = save_corpus(tmp_path)
    first = PackedCorpus(folder, 16, mode="packed")
    plan = sorted(name for name in os.listdir(folder) if name.startswith("rows-"))
    before = [os.stat(folder / name).st_mtime_ns for name in plan]
    assert len(plan) == 2 and len(PackedCorpus(folder, 16, mode="packed")) == len(first)
    assert [os.stat(folder / name).st_mtime_ns for name in plan] == before
    write_corpus(save_texts(tmp_path / "b.txt", TEXTS[:2]), folder, tokens, verbose=0)
    assert not [name for name in os.listdir(folder) if name.startswith("rows-")]
    assert len(PackedCorpus(folder, 16, mode="packed")) < len(first)
    assert first.rows([0])["token_ids"].shape == (1, 16)  # what was open stays so


def test_the_plan_goes_elsewhere_if_the_folder_is_read_only(tmp_path, monkeypatch):
    folder, _ = save_corpus(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: os.fspath(path) != os.fspath(folder))
    rows = all_rows(PackedCorpus(folder, 16, mode="packed"))
    assert not [name for name in os.listdir(folder) if name.startswith("rows-")]
    monkeypatch.undo()
    expected = all_rows(PackedCorpus(folder, 16, mode="packed"))
    assert (rows["token_ids"] == expected["token_ids"]).all()


def test_a_long_document_and_many_windows_are_packed_alike(corpus, monkeypatch):
    folder, documents = corpus
    monkeypatch.setattr("kerasx.data.packing._WINDOW", 3)
    packed = PackedCorpus(folder, 8, mode="packed", edges=None)
    rows, found = all_rows(packed), []
    for number in range(len(packed)):
        found += pieces_of(rows, number)
    assert sorted(found) == sorted(
        ids[i : i + 8] for ids in documents for i in range(0, len(ids), 8)
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"length": 2}, "`length` must be an integer of at least 3"),
        ({"length": 10**6}, "`length` must be at most that of the corpus"),
        ({"mode": "best"}, "`mode` must be one of"),
        ({"edges": "text"}, "`edges` must be one of"),
        ({"pad_id": -1}, "`pad_id` must be"),
    ],
)
def test_wrong_options_are_errors(corpus, options, message):
    with pytest.raises(ValueError, match=message):
        PackedCorpus(corpus[0], **{"length": 16, **options})


def test_rows_outside_are_errors(corpus):
    packed = PackedCorpus(corpus[0], 16)
    for numbers in ([-1], [len(packed)], 3):
        with pytest.raises(ValueError, match="`numbers` must be integers in"):
            packed.rows(numbers)


def test_words_are_numbered_and_a_cut_word_begins_anew(tmp_path):
    folder, _ = save_corpus(tmp_path, ["今天天气很好"] * 2)  # 今天天气 / 很 / 好
    rows = all_rows(PackedCorpus(folder, 4, edges=None))
    assert rows["words"].tolist() == [[1, 1, 1, 1], [1, 2, 3, 3], [1, 1, 2, 3]]
    rows = all_rows(PackedCorpus(folder, 8, edges="document", end=False))
    assert rows["words"][0].tolist() == [0, 1, 1, 1, 1, 2, 3, 0]
    assert rows["documents"][0].tolist() == [1] * 7 + [2]


@pytest.mark.parametrize("mode", ["cut", "packed"])
def test_another_process_can_have_it(corpus, mode):
    packed = PackedCorpus(corpus[0], 16, mode, edges="document", start=False)
    again = pickle.loads(pickle.dumps(packed))  # noqa: S301
    assert again.digest() == packed.digest()
    assert (all_rows(again)["token_ids"] == all_rows(packed)["token_ids"]).all()


def test_the_digest_tells_corpora_and_options_apart(corpus, tmp_path):
    other, _ = save_corpus(tmp_path)
    digests = [
        PackedCorpus(folder, length, mode=mode, edges=edges).digest()
        for folder in (corpus[0], other)
        for length in (16, 17)
        for mode in ("cut", "packed")
        for edges in ("row", "document", None)
    ]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("mode", ["cut", "packed"])
def test_memory_does_not_depend_on_the_number_of_rows(tmp_path, mode):
    """What Python holds, and what is mapped: pages that were read are given back."""
    tokens, peaks = tokenizer(), []
    for times in (100, 4000):
        folder, _ = save_corpus(tmp_path / str(times), TEXTS * times, tokens)
        PackedCorpus(folder, 16, mode)  # imports, and the plan
        tracemalloc.start()
        packed = PackedCorpus(folder, 16, mode)
        for step in range(20):
            packed.rows(packed.order(np.arange(step * 8, step * 8 + 8)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20000
    if os.path.exists("/proc/self/smaps"):
        text = open("/proc/self/smaps", encoding="utf-8").read()
        mapped = re.findall(rf"{re.escape(str(tmp_path))}.*?\nRss: +(\d+) kB", text, re.DOTALL)
        assert len(mapped) >= 3 and not any(map(int, mapped))
