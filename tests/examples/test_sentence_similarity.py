"""The example compares losses on generated pairs and on a file, against whitening."""

import re

from kerasx.datasets import generate_paraphrases
from tests.examples.runner import run_example

TINY = "--epochs 1 --batch-size 8 --hidden-size 16 --components 4".split()


def test_a_file_of_pairs_ends_in_a_row_for_each_loss(tmp_path):
    path = tmp_path / "pairs.tsv"
    pairs = generate_paraphrases(60)
    path.write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs), encoding="utf-8")
    out = run_example("sentence_similarity.py", *TINY, "--data", path)
    assert "48 pairs to learn from, 12 for the test" in out
    names = re.findall(r"^(.+?)(?:  +-?\d+\.\d){2}$", out, re.MULTILINE)
    assert [name.strip() for name in names] == ["no training", "simcse", "flatnce", "cosent"]
