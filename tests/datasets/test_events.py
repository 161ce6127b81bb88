"""Events: LIC2020's files are read and written, and generated texts are consistent."""

import re
from collections import Counter

import pytest

from kerasx.datasets import generate_events, read_events
from kerasx.datasets.events import TRIGGER, event_record
from kerasx.files import write_jsonl
from kerasx.metrics import event_f1

pytestmark = pytest.mark.backend_free
TEXT = "甲队昨天夺冠"
ARGUMENT = {"role": "冠军", "argument": "甲队", "argument_start_index": 0}
EVENT = {"event_type": "夺冠", "trigger": "夺冠", "trigger_start_index": 4, "arguments": [ARGUMENT]}


@pytest.fixture
def write(tmp_path):
    def write(*events, text=TEXT):
        records = [{"text": TEXT, "event_list": []}, {"text": text, "event_list": list(events)}]
        write_jsonl(tmp_path / "duee.json", records)
        return tmp_path / "duee.json"

    return write


def test_a_shorter_list_is_the_start_of_a_longer_one_and_no_text_comes_twice():
    texts = generate_events(500, seed=3)
    assert generate_events(20, seed=3) == texts[:20] and len({x.text for x in texts}) == 500
    assert generate_events(0) == []


def test_made_up_events_are_of_one_type_and_one_trigger_each():
    counts = Counter()
    for _, events in generate_events(500):
        for event in events:
            types, roles = zip(*(label for *_, label in event))
            assert len(set(types)) == 1 and roles.count(TRIGGER) == 1 and len(roles) > 2
            assert list(event) == sorted(event)
        counts[len(events)] += 1
    assert set(counts) == {0, 1, 2} and min(counts.values()) > 10


def test_what_is_written_is_read(write):
    for text, events in generate_events(20):
        record = event_record(text, events)
        assert read_events(write(*record["event_list"], text=text))[1] == (text, events)


def test_the_record_of_an_event_is_that_of_the_file(write):
    text, events = read_events(write(EVENT))[1]
    assert event_record(text, events) == {"text": TEXT, "event_list": [EVENT]}
    assert event_f1([[EVENT]], [event_record(text, events)["event_list"]]).f1 == 1


def test_an_event_without_a_trigger_has_none_in_its_record():
    [record] = event_record(TEXT, [[(0, 2, ("夺冠", "冠军"))]])["event_list"]
    assert record == {"event_type": "夺冠", "arguments": [ARGUMENT]}


@pytest.mark.parametrize(
    "event, reason",
    [
        ({**EVENT, "trigger_start_index": 3}, "触发词 must be in the text at its place"),
        ({**EVENT, "trigger": ""}, "触发词 must be in the text"),
        ({**EVENT, "arguments": [{**ARGUMENT, "argument": "乙队"}]}, "冠军 must be in the text"),
        ({**EVENT, "arguments": [{**ARGUMENT, "argument_start_index": -6}]}, "冠军 must be in the"),
        ({**EVENT, "arguments": [{"role": "冠军"}]}, "must be an object with text and event_list"),
        ({"event_type": "夺冠"}, "must be an object with text and event_list"),
        ("夺冠", "must be an object with text and event_list"),
    ],
)
def test_a_bad_line_is_named(write, event, reason):
    path = write(event)
    with pytest.raises(ValueError, match=re.escape(f"{path}:2: {reason}")):
        read_events(path)


def test_an_empty_text_is_refused(write):
    with pytest.raises(ValueError, match=":2: must have a text that is not empty"):
        read_events(write(text=""))


def test_a_line_nested_too_deep_is_named(tmp_path):
    (tmp_path / "x.json").write_text("[" * 10**5)
    with pytest.raises(ValueError, match="x.json:1: RecursionError"):
        read_events(tmp_path / "x.json")
