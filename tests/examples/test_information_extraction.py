"""The examples of reading, relations and events run on what they ship and on files."""

import json
import re

from kerasx.datasets import (
    generate_events,
    generate_questions,
    generate_relations,
    read_events,
    read_relations,
)
from kerasx.datasets.events import event_record
from kerasx.datasets.relations import spo_record
from kerasx.files import write_jsonl
from tests.examples.runner import run_example

TINY = "--epochs 1 --batch-size 32 --hidden-size 16 --layers 1 --maxlen 96".split()
NUMBERS = r"((?:  +\d+\.\d+)+)"


def rows(out, names):
    """Return, for each row of the table of results, its name and numbers, in percent."""
    found = re.findall(f"^({names}){NUMBERS}", out, re.M)
    return {name: [float(x) for x in numbers.split()] for name, numbers in found}


def test_questions_are_answered_from_a_file_by_both_methods(tmp_path):
    paragraphs = [
        {
            "context": passage,
            "qas": [
                {
                    "id": name,
                    "question": question,
                    "answers": [{"text": text, "answer_start": start} for text, start in answers],
                }
            ],
        }
        for name, passage, question, answers in generate_questions(60)
    ]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), "utf-8")
    out = run_example("reading_comprehension.py", *TINY, "--data", path)
    assert "57 questions to learn from, 3 to test" in out
    found = rows(out, "pointer|seq2seq")
    assert list(found) == ["pointer", "seq2seq"]
    assert all(0 <= exact <= f1 <= 100 for exact, f1 in found.values())


def test_triples_are_found_by_both_methods_and_written(tmp_path):
    texts = generate_relations(60)
    for name, part in (("train", texts[:50]), ("dev", texts[50:])):
        write_jsonl(tmp_path / name, [spo_record(*x) for x in part])
    data = "--data", tmp_path / "train", tmp_path / "dev"
    out = run_example("relation_extraction.py", *TINY, *data, "--save", tmp_path)
    assert "50 texts to learn from, 10 to test" in out
    assert list(rows(out, "gplinker|casrel")) == ["gplinker", "casrel"]
    for name in ("gplinker", "casrel"):
        written = read_relations(tmp_path / f"{name}.json")
        assert [x.text for x in written] == [x.text for x in texts[50:]]


def test_events_are_found_and_written(tmp_path):
    texts = generate_events(60)
    for name, part in (("train", texts[:50]), ("dev", texts[50:])):
        write_jsonl(tmp_path / name, [event_record(*x) for x in part])
    data = "--data", tmp_path / "train", tmp_path / "dev"
    out = run_example("event_extraction.py", *TINY, *data, "--save", tmp_path)
    assert "50 texts to learn from, 10 to test" in out
    assert list(rows(out, "arguments|whole events")) == ["arguments", "whole events"]
    written = read_events(tmp_path / "events.json")
    assert [x.text for x in written] == [x.text for x in texts[50:]]
