"""Triples: files of DuIE and LIC2020 are read and written, generated texts are consistent."""

import json
import re
from collections import Counter

import pytest

from kerasx.datasets import generate_relations, read_relations
from kerasx.datasets.relations import spo_record, triple_spans
from kerasx.files import write_jsonl

pytestmark = pytest.mark.backend_free
SPO = {"subject": "鲁迅", "predicate": "籍贯", "object": "绍兴"}
GOOD = {"text": "鲁迅是绍兴人", "spo_list": [SPO]}


def with_spo(**changes):
    return {**GOOD, "spo_list": [{**SPO, **changes}]}


@pytest.fixture
def write(tmp_path):
    def write(*records):
        write_jsonl(tmp_path / "duie.json", records)
        return tmp_path / "duie.json"

    return write


def test_a_shorter_list_is_the_start_of_a_longer_one_and_no_text_comes_twice():
    texts = generate_relations(500, seed=3)
    assert generate_relations(20, seed=3) == texts[:20] and len({x.text for x in texts}) == 500
    assert generate_relations(0) == []


def test_made_up_triples_are_in_their_texts_and_of_five_predicates():
    counts = Counter()
    for text, triples in generate_relations(1000):
        assert all(s in text and o in text and s != o for s, _, o in triples)
        counts.update(predicate for _, predicate, _ in triples)
    assert len(counts) == 5 and min(counts.values()) > 100


def test_both_forms_of_objects_are_read(write):
    value = {"@value": "绍兴", "inArea": "人"}
    first, second = read_relations(write(GOOD, with_spo(object=value)))
    assert first == ("鲁迅是绍兴人", (("鲁迅", "籍贯", "绍兴"),))
    assert second.triples == (*first.triples, ("鲁迅", "籍贯_inArea", "人"))


def test_texts_without_triples_are_read(write):
    assert read_relations(write({"text": "好", "spo_list": []}))[0] == ("好", ())


def test_what_is_written_is_read(write):
    texts = generate_relations(50)
    assert read_relations(write(*(spo_record(*x) for x in texts))) == texts


def test_a_part_without_a_value_is_written():
    record = spo_record("甲去年", [("甲", "获奖_onDate", "去年")])
    assert record["spo_list"] == [
        {"subject": "甲", "predicate": "获奖", "object": {"onDate": "去年"}}
    ]


@pytest.mark.parametrize(
    "record, reason",
    [
        (with_spo(subject="周作人"), "`triples` must have subjects and objects"),
        (with_spo(object={"@value": "北京"}), "`triples` must have subjects and objects"),
        (with_spo(object=""), "must have a text and triples of strings"),
        (with_spo(subject=None), "must have a text and triples of strings"),
        ({"text": "", "spo_list": []}, "must have a text and triples of strings"),
        ({"text": "鲁迅"}, "must be an object with text and spo_list"),
        ({"text": "鲁迅", "spo_list": ["籍贯"]}, "must be an object with text and spo_list"),
        ([1], "must be an object with text and spo_list"),
    ],
)
def test_a_bad_line_is_named(write, record, reason):
    path = write(GOOD, record)
    with pytest.raises(ValueError, match=re.escape(f"{path}:2: {reason}")):
        read_relations(path)


def test_bad_lines_are_skipped_where_they_are_few(write):
    with pytest.warns(UserWarning, match="1 of 101 lines skipped"):
        assert len(read_relations(write(*[GOOD] * 100, with_spo(object="北京")), "skip")) == 100


def test_of_several_places_those_nearest_to_each_other_count():
    text = "北京，甲在上海，乙在北京"
    assert triple_spans(text, [("乙", "地点", "北京")]) == [((8, 9), "地点", (10, 12))]
    assert triple_spans(text, [("甲", "地点", "北京")]) == [((3, 4), "地点", (0, 2))]


def test_nothing_is_written_where_something_is_no_json(tmp_path):
    path = tmp_path / "x.json"
    write_jsonl(path, [1])
    with pytest.raises(TypeError):
        write_jsonl(path, [2, object()])
    assert json.loads(path.read_text()) == 1 and len(list(tmp_path.iterdir())) == 1


def test_a_line_nested_too_deep_is_named(tmp_path):
    (tmp_path / "x.json").write_text("[" * 10**5)
    with pytest.raises(ValueError, match="x.json:1: RecursionError"):
        read_relations(tmp_path / "x.json")
