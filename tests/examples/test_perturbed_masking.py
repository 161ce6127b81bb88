"""The example finds words again, and draws three pictures."""

import re

from tests.examples.runner import run_example


def test_a_model_trained_here_finds_words_and_trees(tmp_path):
    options = "--model tiny --epochs 1 --texts 200".split()
    out = run_example("perturbed_masking.py", *options, "--save", tmp_path / "run")
    found, single = re.search(r"on: (0\.\d+); each character a word: (0\.\d+)", out).groups()
    assert 0 <= float(found) <= 1 and float(single) < 0.1
    assert "(root)" in out and re.search(r"\d of \d words are parts of the tree", out)
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["heads.png", "impacts.png", "tree.png"]
