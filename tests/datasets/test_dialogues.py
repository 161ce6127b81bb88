"""Dialogues: three forms of files are read, and generated small talk is consistent."""

import json
import re

import pytest

from kerasx.datasets import generate_dialogues, read_dialogues
from kerasx.datasets.dialogues import TOPICS, join_words

pytestmark = pytest.mark.backend_free


def write(tmp_path, text):
    path = tmp_path / "dialogues"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


SPLITS = {"train": [["你 好", "好"]], "valid": [["在 吗", "在"], ["好", "好"]]}


@pytest.mark.parametrize(
    "text",
    [
        '["你 好", "好 吗"]\n\n["在"]\n',
        '\ufeff["你 好", "好 吗"]\r\n["在"]',
        '[["你 好", "好 吗"], ["在"]]',
        '[\n["你 好",\n"好 吗"\n],\n\t["在"]\n]\n',
        '{"test": [["吗"]], "train": [["你 好", "好 吗"], ["在"]]}',
        '{\n"a": {"b": [1]},\n"train":\n[\n[\n"你 好", "好 吗"], ["在"]]\n}',
    ],
)
def test_every_form_of_json_gives_the_same_dialogues(tmp_path, text):
    assert read_dialogues(write(tmp_path, text)) == [["你好", "好吗"], ["在"]]


def test_turns_between_tabs_are_a_dialogue(tmp_path):
    path = write(tmp_path, "[ 微 笑 ] 你 好\t好\r\n\n吗\t在\t好\n")
    assert read_dialogues(path) == [["[微笑]你好", "好"], ["吗", "在", "好"]]


@pytest.mark.parametrize("indent", [None, 0, 1, "\t"])
def test_the_split_of_an_object_is_chosen_by_name(tmp_path, indent):
    path = write(tmp_path, json.dumps(SPLITS, indent=indent))
    assert read_dialogues(path) == [["你好", "好"]]
    assert read_dialogues(path, "valid") == [["在吗", "在"], ["好", "好"]]
    with pytest.raises(ValueError, match=r"one of \['train', 'valid'\]. Received: split='dev'"):
        read_dialogues(path, "dev")


@pytest.mark.parametrize(
    "text, place",
    [
        ('["a"]\n["b", 3]', ":2: "),
        ('["a"]\n\n["b", " "]', ":3: "),
        ('["a"]\n[]', ":2: "),
        ('["a"]\n["b"', ":2: "),
        ('["a"]\n{"b": "c"}', ":2: "),
        ('["a"]\n' + "[" * 100_000, ":2: "),
        ('[\n["a"],\n["b", ""]\n]', ": dialogue 2: "),
        ('[\n["a"],\n["b"\n', ":4: "),
        ('[\n["a"]\n["b"]]', ":3: "),
        ('[\n["a"]\n,]', ":3: "),
        ('{\n"train": [\n["a"],\n"b"]}', ": dialogue 2: "),
        ('{\n"train": 1}', ": must hold a list of dialogues. Received: 1"),
        ('{"train": [["a"],\n' + "[" * 100_000, ": "),
        ("a\tb\nc", ":2: "),
        ("a\tb\n\tb", ":2: "),
        ("words", ":1: "),
        (b"a\tb\n\xff\xfe\tb", ":2: "),
        (b'[\n["a"],\n["\xff"]]', ":3: "),
    ],
)
def test_a_bad_dialogue_is_named_with_its_line_or_its_number(tmp_path, text, place):
    with pytest.raises(ValueError) as error:
        read_dialogues(write(tmp_path, text))
    assert f"{tmp_path / 'dialogues'}{place}" in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("text", ["", "\n", "[]", '{"train": []}'])
def test_no_dialogues_are_an_error(tmp_path, text):
    with pytest.raises(ValueError, match="no examples|must have turns"):
        read_dialogues(write(tmp_path, text))


@pytest.mark.parametrize(
    "form, warning",
    [
        ("lines", "2 of 200 lines skipped, first: .*:199: "),
        ("document", "2 of 200 dialogues skipped, first: .*: dialogue 199: "),
    ],
)
def test_bad_dialogues_are_skipped_if_few(tmp_path, form, warning):
    rows = ['["a", "b"]'] * 198 + ['["a", ""]', "[3]"]
    text = "\n".join(rows) if form == "lines" else "[" + ",\n".join(rows) + "]"
    with pytest.warns(UserWarning, match=warning):
        assert len(read_dialogues(write(tmp_path, text), errors="skip")) == 198


@pytest.mark.parametrize(
    "text, joined",
    [
        ("", ""),
        ("  你 好\u3000 ， 好 ！ ", "你好，好！"),
        ("I love you", "I love you"),
        ("我 要 学 R a p 了", "我要学Rap了"),
        ("买 iphone 6 s 2 1 台", "买iphone6s21台"),
        ("好 的 ok 啊 very good", "好的ok啊very good"),
    ],
)
def test_spaces_stay_between_latin_words_only(text, joined):
    assert join_words(text) == joined


@pytest.mark.parametrize("form", ["lines", "document", "splits", "tabs"])
@pytest.mark.parametrize("spaced", [" ".join, lambda turn: re.sub("([一-龥]{2})", r"\1 ", turn)])
def test_generated_dialogues_are_read_as_they_were_written(tmp_path, form, spaced):
    dialogues = generate_dialogues(300)
    rows = [[spaced(turn) for turn in turns] for turns in dialogues]
    texts = {
        "lines": "\n".join(map(json.dumps, rows)),
        "document": json.dumps(rows),
        "splits": json.dumps({"valid": rows[:9], "train": rows}, ensure_ascii=False, indent=1),
        "tabs": "\n".join(map("\t".join, rows)),
    }
    path = write(tmp_path, texts[form])
    assert read_dialogues(path) == dialogues
    if form == "splits":
        assert read_dialogues(path, "valid") == dialogues[:9]


@pytest.fixture(scope="module")
def small_talk():
    return generate_dialogues(3000, seed=3)


def test_a_shorter_list_is_the_start_of_a_longer_one(small_talk):
    assert generate_dialogues(0) == []
    assert generate_dialogues(50, seed=3) == small_talk[:50]


def test_no_dialogue_comes_twice_and_each_ends_in_a_reply(small_talk):
    assert len(set(map(tuple, small_talk))) == len(small_talk)
    assert all(len(turns) % 2 == 0 for turns in small_talk)
    assert {len(turns) for turns in small_talk} >= {2, 4, 6, 8}


def test_what_was_named_is_remembered(small_talk):
    """Sums are price times weight, and a person keeps the name."""
    people = TOPICS["people"][0]["person"].replace(" ", "|")
    sums = names = 0
    for turns in small_talk:
        text = "\n".join(turns)
        price = re.search(r"(\d+)块(钱)?一斤", text)
        bought = re.search(r"(\d+)斤(一共)?(\d+)块", text)
        if bought:
            assert int(price[1]) * int(bought[1]) == int(bought[3])
            sums += 1
        if "你叫" in text or "你是" in text and "哪里人" in text:
            named = re.findall(f"(?:我叫|我是|你叫|你是)({people})", text)
            assert len(set(named)) == 1
            names += len(named) > 1
    assert sums > 100 and names > 100


def test_every_topic_has_an_even_number_of_turns_whose_facts_are_known():
    for facts, *wordings in TOPICS.values():
        known = {name: "" for names in facts for name in names.split()}
        assert len(wordings) % 2 == 0
        assert all(wording.format(**known) for wording in wordings)
