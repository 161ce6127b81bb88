"""Sentence vectors are learnt from a file of pairs, by one loss or by three side by side."""

import re

import pytest

from kerasx.datasets import generate_paraphrases
from tests.examples.runner import run_benchmark, run_example

TINY = "--epochs 1 --batch-size 8 --hidden-size 16".split()


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = generate_paraphrases(60)
    path.write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in rows), encoding="utf-8")
    return path


def test_a_file_of_pairs_ends_in_the_correlations_before_and_after(pairs):
    out = run_example("sentence_similarity.py", *TINY, "--data", pairs)
    assert "48 pairs to learn from, 12 for the test" in out
    assert re.findall(r"^(before|after)  +-?\d+\.\d$", out, re.MULTILINE) == ["before", "after"]


@pytest.mark.once
def test_a_file_of_pairs_ends_in_a_row_for_each_loss(pairs):
    out = run_benchmark("sentence_vectors", *TINY, "--components", "4", "--data", pairs)
    assert "48 pairs to learn from, 12 for the test" in out
    names = re.findall(r"^(.+?)(?:  +-?\d+\.\d){2}$", out, re.MULTILINE)
    assert [name.strip() for name in names] == ["no training", "simcse", "flatnce", "cosent"]
