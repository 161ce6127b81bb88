"""The examples of tags and spans run on files; the comparisons have a row for each head."""

import re

import pytest

from kerasx.datasets import generate_entities, generate_segmented
from kerasx.spans import spans_to_tags
from tests.examples.runner import run_benchmark, run_example

TINY = "--epochs 1 --batch-size 32 --hidden-size 16 --layers 1 --maxlen 32".split()
NUMBERS = r"((?:  +\d+\.\d+)+)$"


@pytest.fixture
def folder(tmp_path):
    """Write files in the form of Weibo NER: a character with its index in a word, and its tag."""
    sentences = generate_entities(60)
    for kind, part in (("train", sentences[:40]), ("dev", sentences[40:])):
        blocks = [
            "".join(f"{c}0\t{tag}\n" for c, tag in zip(text, spans_to_tags(spans, len(text))))
            for text, spans in part
        ]
        path = tmp_path / f"weiboNER.conll.{kind}"
        path.write_text("\n".join(blocks), encoding="utf-8")
    return tmp_path


def test_entities_are_scored_for_each_label(folder):
    out = run_example("ner.py", *TINY, "--data", folder)
    assert "40 sentences to learn from, 20 to test; labels: LOC ORG PER" in out
    rows = re.findall(f"^(LOC|ORG|PER|micro){NUMBERS}", out, re.M)
    assert [name for name, _ in rows] == ["LOC", "ORG", "PER", "micro"]


def test_heads_have_a_row_of_scores_for_each_label(folder):
    heads = ["crf", "softmax", "efficient_global_pointer"]
    out = run_benchmark("ner", *TINY, "--data", folder, "--seeds", "1", "--head", *heads)
    heads.insert(2, "softmax_constrained")
    assert "40 sentences to learn from, 20 to test; labels: LOC ORG PER" in out
    rows = re.findall(f"^({'|'.join(heads)}){NUMBERS}", out, re.M)
    assert [name for name, _ in rows] == heads
    assert all(len(numbers.split()) == 6 for _, numbers in rows)


@pytest.fixture
def words(tmp_path):
    """Write a file of sentences with spaces between their words."""
    path = tmp_path / "words.utf8"
    path.write_text("".join("  ".join(x) + "\n" for x in generate_segmented(60)), encoding="utf-8")
    return path


def test_words_are_segmented_by_a_crf(words):
    out = run_example("word_segmentation.py", *TINY, "--data", words)
    assert "54 sentences to learn from, 6 to test" in out
    scores = out.split("precision %  recall %  F1 %\n")[1].split()
    assert all(0 <= float(score) <= 100 for score in scores) and len(scores) == 3


def test_words_are_segmented_by_all_heads(words):
    out = run_benchmark("word_segmentation", *TINY, "--data", words, "--seeds", "1")
    assert "54 sentences to learn from, 6 to test" in out
    rows = re.findall(r"^(\w+)" + NUMBERS, out, re.M)
    assert [name for name, _ in rows] == ["crf", "softmax", "softmax_constrained"]
