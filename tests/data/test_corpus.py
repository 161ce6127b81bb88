"""`write_corpus`: what it reads, and what is on the disk if it is killed."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from kerasx.data import PackedCorpus, write_corpus
from kerasx.data.documents import DocumentReader
from kerasx.tokenizers import Tokenizer, character_vocab, jieba_cut
from tests.data.corpora import (
    TEXTS,
    arrays_of,
    example_of,
    record_of,
    save_corpus,
    save_texts,
    tokenizer,
)

pytestmark = pytest.mark.backend_free


def bodies(texts, tokens):
    return [tokens.encode(text)[0][1:-1] for text in texts]


def documents_of(folder):
    ids, _, bounds = arrays_of(folder)
    return [ids[a:b].tolist() for a, b in zip(bounds[:-1], bounds[1:])]


def test_documents_are_the_tokens_of_the_texts(tmp_path):
    folder, tokens = save_corpus(tmp_path)
    assert documents_of(folder) == bodies(TEXTS, tokens)
    assert arrays_of(folder)[0].dtype == "uint16"


def test_a_large_vocabulary_takes_four_bytes(tmp_path):
    vocabulary = {**character_vocab(TEXTS)}
    vocabulary |= {f"[unused{i}]": len(vocabulary) + i for i in range(70000)}
    folder, tokens = save_corpus(tmp_path, tokens=Tokenizer(vocabulary))
    assert arrays_of(folder)[0].dtype == "uint32"
    assert documents_of(folder) == bodies(TEXTS, tokens)


def test_flags_tell_the_words_of_jieba(tmp_path):
    folder, tokens = save_corpus(tmp_path, TEXTS[:2])
    ids, starts, _ = arrays_of(folder)
    words, found = [w for text in TEXTS[:2] for w in jieba_cut(text)], []
    for i, start in zip(tokens.ids_to_tokens(ids), starts):
        found = [*found, i] if start else [*found[:-1], found[-1] + i]
    assert found == words


def split_after_two(text):
    return [text[i : i + 2] for i in range(0, len(text), 2)]


def test_words_that_cut_a_token_are_looked_up_by_offsets(tmp_path):
    """Tokenized word by word, the ids would differ: the whole text counts."""
    folder, tokens = save_corpus(tmp_path, ["xplaying"], word_segment=split_after_two)
    text, tokens = "playing", tokenizer()
    save_texts(tmp_path / "b.txt", [text])
    write_corpus(tmp_path / "b.txt", folder, tokens, word_segment=split_after_two, verbose=0)
    assert documents_of(folder) == bodies([text], tokens)
    assert arrays_of(folder)[1].tolist() == [True, True]  # play, ##ing: "in" begins a word


def test_words_may_leave_out_spaces_but_must_be_of_the_text(tmp_path):
    folder, _ = save_corpus(tmp_path, ["play games with words"], word_segment=str.split)
    assert arrays_of(folder)[1].tolist() == [True, True, False, True, True]
    with pytest.raises(ValueError, match=r"texts.txt:1: `word_segment` must return words"):
        save_corpus(tmp_path, ["playing xyz"], word_segment=lambda text: ["other"])


class Pieces:
    """Tokenizer whose tokens hold the space before them, and of an empty token at the start."""

    start_id = end_id = pad_id = unk_id = mask_id = None
    vocab_size, tokens = 9, ["", "he", "llo", " wor", "ld", " ", "a", "好", "x"]

    def tokenize_with_offsets(self, text):
        assert text == "hello world a好"
        return self.tokens[:8], [
            (0, 0),
            (0, 2),
            (2, 5),
            (5, 9),
            (9, 11),
            (11, 12),
            (12, 13),
            (13, 14),
        ]

    def tokens_to_ids(self, tokens):
        return [self.tokens.index(token) for token in tokens]

    def encode(self, text):
        return (list(range(8)) if text == "hello world a好" else [8]), None

    def id_to_token(self, i):
        return self.tokens[i]


def test_the_space_that_a_token_holds_belongs_to_no_word(tmp_path):
    folder, _ = save_corpus(tmp_path, ["hello world a好"], Pieces())
    ids, starts, _ = arrays_of(folder)
    assert ids.tolist() == list(range(8))
    assert starts.tolist() == [True, False, False, True, False, True, True, True]


def test_ids_beyond_the_vocabulary_are_errors_not_cut_off(tmp_path):
    tokens = Pieces()
    tokens.encode = lambda text: ([70000], None)
    with pytest.raises(ValueError, match="must have a vocab_size above all ids"):
        save_corpus(tmp_path, ["a"], tokens, word_segment=None)


def test_a_corpus_of_words_has_no_flags(tmp_path):
    folder, _ = save_corpus(tmp_path, word_segment=None)
    assert arrays_of(folder)[1] is None and not (folder / "word_starts.bin").exists()


@pytest.mark.parametrize("workers", [2])
def test_workers_write_the_same_bytes(tmp_path, workers):
    draw = random.Random(0)
    texts = ["".join(draw.choices("".join(TEXTS), k=draw.randint(1, 3000))) for _ in range(300)]
    tokens = tokenizer()
    one, _ = save_corpus(tmp_path / "one", texts, tokens)
    two, _ = save_corpus(tmp_path / "two", texts, tokens, workers=workers)
    for name in sorted(os.listdir(one)):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


# What is read: text, lines, JSON lines, gzip.


def read(path, **options):
    """Return the documents that a file has, parts joined."""
    documents = []
    for part in DocumentReader([path], **options):
        documents = [*documents, ""] if part.starts else documents
        documents[-1] += part.content
    return documents


def test_blocks_end_at_blank_lines_whatever_the_line_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff\r\n一\r\n二\r\n \t\r\n\n\u2028三\n四".encode())
    assert read(path) == ["一\n二", "\u2028三\n四"]
    assert read(path, documents="lines") == ["一", "二", "\u2028三", "四"]


def test_long_blocks_and_long_lines_come_in_parts_of_the_same_text(tmp_path):
    draw = random.Random(1)
    lines = ["".join(draw.choices("中文abc ", k=draw.choice([3, 200, 90000]))) for _ in range(60)]
    lines = [line.strip() + "。" for line in lines]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert read(path) == ["\n".join(lines)]
    assert read(path, documents="lines") == lines
    parts = list(DocumentReader([path]))
    assert len(parts) > 5 and max(len(part.content) for part in parts) < 1 << 18
    assert [part.starts for part in parts] == [True] + [False] * (len(parts) - 1)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.JSONL.gz"])
def test_json_lines(tmp_path, name):
    rows = [{"text": "一\n二", "id": 1}, {"text": " "}, {"text": "三\u2028"}]
    data = "\ufeff" + "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n"
    write = gzip.compress if name.endswith("gz") else bytes
    (tmp_path / name).write_bytes(write(data.encode()))
    assert read(tmp_path / name) == ["一\n二", "三\u2028"]


def test_another_field_and_another_encoding(tmp_path):
    path = tmp_path / "corpus"
    path.write_bytes(json.dumps({"content": "你好"}, ensure_ascii=False).encode("gbk"))
    assert read(path, kind="jsonl", field="content", encoding="gbk") == ["你好"]


@pytest.mark.parametrize(
    "name, data, place",
    [
        ("a.txt", "好\n你好".encode("gbk"), "a.txt:1: 'utf-8' codec"),
        ("a.txt", "一\n\n二\n".encode() + "好".encode()[:2], "a.txt:4: 'utf-8' codec"),
        ("a.txt", "一\n".encode() + b"\xff\n", "a.txt:2: 'utf-8' codec"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', "a.jsonl:2: Expecting value"),
        ("a.jsonl", b'\n{"content": "a"}\n', "a.jsonl:2: must be an object whose 'text'"),
        ("a.jsonl", b'["a"]\n', "a.jsonl:1: must be an object"),
        ("a.jsonl", b'{"text": 3}\n', "a.jsonl:1: must be an object"),
        ("a.jsonl", b"[" * 100000, "a.jsonl:1: "),
        ("a.txt.gz", gzip.compress("好\n".encode() * 999, mtime=0)[:-9], "a.txt.gz: the gzip file"),
        ("a.txt.gz", gzip.compress(b"a", mtime=0)[:-8] + b"12345678", "a.txt.gz: the gzip file"),
        ("a.tfrecord", record_of(example_of({"token_ids": [5]}))[:-1], "record 1: the file ends"),
        ("a.tfrecord", b"123", "record 1: the file ends"),
        ("a.tfrecord", record_of(b"\xff"), "record 1: a number runs"),
        ("a.tfrecord", record_of(example_of({"ids": [5]})), "must have integers 'token_ids'"),
        ("a.tfrecord", record_of(example_of({"token_ids": [9999]})), "a.tfrecord:1: The ids"),
        ("a.txt", b"", "at least one text with tokens"),
        ("a.txt", b"\n \r\n\n", "at least one text with tokens"),
    ],
)
def test_errors_name_file_and_line_and_write_nothing(tmp_path, name, data, place):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError) as caught:
        write_corpus(tmp_path / name, tmp_path / "corpus", tokenizer(), verbose=0)
    assert place in str(caught.value)
    assert os.listdir(tmp_path / "corpus") == []


def test_a_flipped_bit_of_a_record_is_found(tmp_path):
    good = record_of(example_of({"token_ids": [5, 6]}))
    for i in range(len(good)):
        (tmp_path / "a.tfrecord").write_bytes(
            good + good[:i] + bytes([good[i] ^ 4]) + good[i + 1 :]
        )
        with pytest.raises(ValueError, match=r"record 2: .*(CRC|too large|ends)"):
            list(DocumentReader([tmp_path / "a.tfrecord"]))


def test_paths_must_exist_and_options_be_known(tmp_path):
    path = save_texts(tmp_path / "a.txt", TEXTS)
    for options, message in [
        ({"paths": []}, "at least one file"),
        ({"paths": [tmp_path / "b.txt"]}, "files that exist"),
        ({"paths": [tmp_path]}, "not a pipe, device or folder"),
        ({"kind": "csv"}, "`kind` must be one of"),
        ({"documents": "pages"}, "`documents` must be one of"),
        ({"encoding": "utf-16"}, "as one byte"),
        ({"encoding": "utf-8-sig"}, "as one byte, such as 'gbk' or 'utf-8'"),
        *(
            ({"encoding": bad}, "must be the name of an encoding of text, such as 'utf-8'")
            for bad in ("nonsense", "hex", "undefined", None, 8, "a\0")
        ),
        ({"workers": 0}, "`workers` must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            write_corpus(**{"paths": path, "folder": tmp_path / "c", "tokenizer": None, **options})


# Old TFRecords of bert4keras.


@pytest.mark.parametrize("packed", [True, False])
def test_old_records_become_documents_of_whole_words(tmp_path, packed):
    tokens, padding = tokenizer(), [0] * 7
    rows = [tokens.encode(text)[0] + padding for text in TEXTS]
    examples = [example_of({"token_ids": row, "mask_ids": [0] * len(row)}, packed) for row in rows]
    (tmp_path / "corpus.0.tfrecord").write_bytes(b"".join(map(record_of, examples)))
    write_corpus(tmp_path / "corpus.0.tfrecord", tmp_path / "old", tokens, verbose=0)
    folder, _ = save_corpus(tmp_path, tokens=tokens)
    assert documents_of(tmp_path / "old") == documents_of(folder)
    assert (arrays_of(tmp_path / "old")[1] == arrays_of(folder)[1]).all()


def test_large_and_negative_numbers_of_a_record():
    from kerasx.data.tfrecords import integer_lists

    values = [0, 1, 127, 128, 2**35, 2**62, -1]
    assert integer_lists(example_of({"a": values}))["a"].tolist() == values
    assert integer_lists(example_of({"a": values}, packed=False))["a"].tolist() == values


# On the disk.


def test_a_failing_writer_leaves_the_old_corpus(tmp_path):
    folder, tokens = save_corpus(tmp_path)
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    (tmp_path / "bad.txt").write_bytes("一\n\n".encode() * 99999 + b"\xff")
    with pytest.raises(ValueError, match=r"bad.txt:199999: "):
        write_corpus(tmp_path / "bad.txt", folder, tokens, verbose=0)
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


WRITER = """
import sys
from kerasx.data import write_corpus
from tests.data.corpora import tokenizer
print("begun", flush=True)
write_corpus(sys.argv[1], sys.argv[2], tokenizer(), word_segment=None, verbose=0)
"""


def killed(path, folder, seconds):
    command = [sys.executable, "-c", WRITER, path, folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(60)


@pytest.mark.parametrize("times", [2, pytest.param(30, marks=pytest.mark.slow("kills 30 writers"))])
def test_a_killed_writer_leaves_the_old_corpus_or_the_new(tmp_path, times):
    folder, tokens = save_corpus(tmp_path, word_segment=None)
    path = save_texts(tmp_path / "new.txt", TEXTS * 4000)
    old, new = documents_of(folder), bodies(TEXTS, tokens) * 4000
    for i in range(times):
        killed(path, folder, 0.8 * i / times + 0.1)
        assert documents_of(folder) in (old, new)
    write_corpus(path, folder, tokens, word_segment=None, verbose=0)
    assert documents_of(folder) == new
    assert sorted(os.listdir(folder)) == ["corpus.json", "documents.bin", "ids.bin"]


@pytest.mark.parametrize("name", ["ids.bin", "word_starts.bin", "documents.bin"])
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"\0", None])
def test_truncated_and_missing_arrays_are_errors(tmp_path, name, damage):
    folder, _ = save_corpus(tmp_path)
    if damage is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(damage((folder / name).read_bytes()))
    with pytest.raises(ValueError, match=f"{name} must have"):
        PackedCorpus(folder, 16)


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"format": "kerasx corpus 1"}'])
def test_another_description_is_an_error(tmp_path, text):
    folder, _ = save_corpus(tmp_path)
    (folder / "corpus.json").write_text(text)
    with pytest.raises(ValueError, match=r"corpus\.json"):
        PackedCorpus(folder, 16)


def test_no_corpus_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match="must be a folder written by `write_corpus`"):
            PackedCorpus(folder, 16)


def test_another_vocabulary_is_an_error(tmp_path):
    folder, tokens = save_corpus(tmp_path)
    assert len(PackedCorpus(folder, 16, tokenizer=tokens)) > 1
    with pytest.raises(ValueError, match="`tokenizer` must have the vocabulary"):
        PackedCorpus(folder, 16, tokenizer=tokenizer(TEXTS[:2]))


def test_the_progress_is_shown_on_stderr(tmp_path, capsys):
    save_corpus(tmp_path, verbose=1)
    shown = capsys.readouterr().err
    assert "100% of 0.0 MB" in shown and shown.endswith("\n")
