"""The example compares three models on what it ships, and reads papers, pieces and folders."""

import json
import re

import keras
import numpy as np
import pytest

from kerasx.datasets import generate_papers
from kerasx.models import build_transformer_model, save_pretrained, t5_config
from kerasx.tokenizers import train_sentencepiece, trim_sentencepiece
from tests.examples.runner import run_benchmark, run_example
from tests.tiny import save_tiny_bert

TINY = "--epochs 1 --hidden-size 16 --maxlen 128".split()
ROW = r"^{} +(\d+\.\d\d *){{4}}"


def run(*arguments):
    return run_example("title_mt5.py", *TINY, *arguments)


def compare(*arguments):
    return run_benchmark("titles", *TINY, *arguments)


def test_each_model_has_a_row_above_the_published_ones_and_is_saved(tmp_path):
    out = compare("--papers", "64", "--model", "bert", "wobert", "mt5", "--save", tmp_path)
    assert "64 papers to learn from, 8 for validation, 8 for the test" in out
    for name in ("first \\d\\d characters", "bert", "wobert", "mt5", "mT5 base\\*"):
        assert re.search(ROW.format(name), out, re.MULTILINE), out
    assert re.search(r"^bert .+ 1\.0x +\d+\.\d titles/s", out, re.MULTILINE)
    assert_saved(tmp_path)


def assert_saved(folder):
    model = keras.models.load_model(folder / "mt5.keras")
    ids = np.ones((1, 4), "int32")
    assert np.isfinite(keras.ops.convert_to_numpy(model([ids, ids]))).all()


def test_generated_papers_end_in_a_row_and_a_saved_model(tmp_path):
    out = run("--papers", "16", "--maxlen", "64", "--save", tmp_path)
    assert "16 papers to learn from, 2 for validation, 2 for the test" in out
    assert re.search(ROW.format("mt5"), out, re.MULTILINE), out
    assert_saved(tmp_path)


@pytest.fixture
def files(tmp_path):
    """Write papers in three files, a trimmed SentencePiece model, and tiny models."""
    papers = generate_papers(40)
    texts = [text for paper in papers for text in paper]
    for name, part in (("train", papers[:30]), ("valid", papers[30:35]), ("test", papers[35:])):
        lines = "".join(f"{paper.title}\t{paper.abstract}\n" for paper in part)
        (tmp_path / f"{name}.tsv").write_text(lines, "utf-8")
    size = train_sentencepiece(texts, tmp_path / "whole.model", 900)
    kept = trim_sentencepiece(tmp_path / "whole.model", texts[:40], tmp_path / "few.model")
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    mt5 = build_transformer_model(t5_config(size, 16), with_lm="linear", return_keras_model=False)
    save_pretrained(mt5, tmp_path / "mt5")
    save_tiny_bert(tmp_path / "bert", texts)
    return tmp_path


@pytest.mark.once
def test_pretrained_folders_bring_their_weights_and_pieces(files):
    out = compare(
        *("--data", *(files / f"{name}.tsv" for name in ("train", "valid", "test"))),
        *("--model", "mt5", "bert", "--configs", files / "mt5", files / "bert"),
        *("--spm", files / "few.model", "--keep-tokens", files / "kept.json"),
        *("--adafactor", "--beam", "2", "--save", files),
    )
    assert "30 papers to learn from, 5 for validation, 5 for the test" in out
    assert all(re.search(ROW.format(name), out, re.MULTILINE) for name in ("mt5", "bert"))
    kept = json.loads((files / "kept.json").read_text())
    assert keras.models.load_model(files / "mt5.keras").output.shape[-1] == len(kept)


@pytest.mark.once
def test_one_file_is_split(files):
    out = run("--data", files / "train.tsv", "--save", files)
    assert "24 papers to learn from, 3 for validation, 3 for the test" in out
