"""One trick, or several side by side, on generated reviews, data files, and a pretrained folder."""

import re

import keras
import numpy as np
import pytest

from kerasx.datasets import generate_reviews
from kerasx.models import load_model
from tests.examples.runner import run_benchmark, run_example
from tests.tiny import save_tiny_bert

TINY = "--epochs 1 --batch-size 64 --hidden-size 16 --layers 1 --maxlen 32".split()


def run(*arguments):
    return run_example("sentiment_classification.py", *TINY, *arguments)


def compare(*arguments):
    return run_benchmark("training_tricks", *TINY, *arguments)


def table(out):
    """Return {trick: cells} of the table at the end."""
    rows = out[out.index("trick  ") :].splitlines()[1:]
    return {cells[0]: cells[1:] for cells in map(str.split, rows) if len(cells) == 4}


@pytest.fixture
def folder(tmp_path):
    """Write a folder in the form of the sentiment data, without a test file."""
    rows = [f"{r.text}\t{r.sentiment}\n" for r in generate_reviews(60)]
    (tmp_path / "sentiment.train.data").write_text("".join(rows[:40]), "utf-8")
    (tmp_path / "sentiment.valid.data").write_text("".join(rows[40:]), "utf-8")
    return tmp_path


def test_generated_reviews_end_in_a_row_for_each_trick_and_a_saved_model(tmp_path):
    out = compare("--reviews", "8", "--tricks", "plain", "fgm", "--save", tmp_path / "run")
    rows = table(out)
    assert list(rows) == ["plain", "fgm"]
    for accuracies in rows.values():
        assert all(re.fullmatch(r"\d+\.\d\d%", cell) for cell in accuracies[:2])
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    ids = np.ones((1, 4), "int32")
    assert model.predict([ids, ids * 0], verbose=0).shape == (1, 2)


@pytest.mark.once
@pytest.mark.parametrize(
    "tricks",
    [
        ["pgd", "gradient_penalty", "vat"],
        ["r_drop", "flooding", "noise"],
        ["tiger", "ema", "accumulation", "recompute"],
    ],
)
def test_every_trick_runs(tmp_path, tricks):
    out = compare("--reviews", "8", "--tricks", *tricks, "--save", tmp_path / "run")
    assert list(table(out)) == tricks


def test_generated_reviews_end_in_an_accuracy_and_a_saved_model(tmp_path):
    out = run("--reviews", "8", "--save", tmp_path / "run")
    assert re.search(r"^accuracy in the test: \d+\.\d\d%$", out, re.MULTILINE)
    model = load_model(tmp_path / "run").model
    ids = np.ones((1, 4), "int32")
    assert model.predict([ids, ids * 0], verbose=0).shape == (1, 2)


@pytest.mark.once
def test_the_validation_file_is_halved_where_there_is_no_test_file(folder):
    out = run("--data", folder, "--save", folder / "run")
    assert "40 reviews to learn from, 10 for validation, 10 for the test" in out


def test_a_pretrained_folder_brings_its_weights_and_vocabulary(folder):
    bert = save_tiny_bert(folder / "bert", (review.text for review in generate_reviews(100)))
    out = run("--data", folder, "--config", bert, "--alpha", "0", "--save", folder / "run")
    assert re.search(r"^accuracy in the test: \d+\.\d\d%$", out, re.MULTILINE)


@pytest.mark.once
def test_the_picture_of_the_curves_is_drawn(tmp_path):
    compare("--reviews", "8", "--tricks", "plain", "--picture", "--save", tmp_path)
    assert (tmp_path / "plain.png").stat().st_size > 1000
