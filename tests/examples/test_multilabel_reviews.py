"""One loss, or two side by side, on generated reviews, a CSV file and from a pretrained folder."""

import csv
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
    return run_example("multilabel_reviews.py", *TINY, *arguments)


def compare(*arguments):
    return run_benchmark("multilabel_losses", *TINY, *arguments)


@pytest.fixture
def car_reviews(tmp_path):
    """Write a file in the form of the car reviews: a row for each subject of a review."""
    path = tmp_path / "train.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["content_id", "content", "subject"])
        for i, review in enumerate(generate_reviews(60)):
            writer.writerows([i, review.text, subject] for subject in review.subjects)
    return path


def test_generated_reviews_end_in_a_row_for_each_loss_and_a_saved_model(tmp_path):
    out = compare("--reviews", "8", "--seeds", "2", "--save", tmp_path / "run")
    rows = re.findall(r"^(zlpr|binary)((?:  +\d+\.\d\d ± \d+\.\d\d){6})$", out, re.MULTILINE)
    assert [name for name, _ in rows] == ["zlpr", "binary"]
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    ids = np.ones((1, 4), "int32")
    assert model.predict([ids, ids * 0], verbose=0).shape == (1, 8)


@pytest.mark.once
def test_the_rows_of_one_text_are_one_review(tmp_path, car_reviews):
    out = compare("--data", car_reviews, "--seeds", "1", "--save", tmp_path / "run")
    assert "48 reviews to learn from, 6 for validation, 6 for the test" in out
    mean = np.mean([len(review.subjects) for review in generate_reviews(60)])
    assert f"8 subjects, {mean:.2f} a review" in out


def test_generated_reviews_end_in_three_scores_and_a_saved_model(tmp_path):
    out = run("--reviews", "8", "--save", tmp_path / "run")
    assert re.search(r"^test(  +\d+\.\d\d){3}$", out, re.MULTILINE)
    model = load_model(tmp_path / "run").model
    ids = np.ones((1, 4), "int32")
    assert model.predict([ids, ids * 0], verbose=0).shape == (1, 8)


@pytest.mark.once
def test_a_pretrained_folder_brings_its_weights_and_vocabulary(tmp_path, car_reviews):
    bert = save_tiny_bert(tmp_path / "bert", (review.text for review in generate_reviews(100)))
    out = run("--data", car_reviews, "--config", bert, "--save", tmp_path / "run")
    assert re.search(r"^test(  +\d+\.\d\d){3}$", out, re.MULTILINE)
    assert len(load_model(tmp_path / "run").labels) == 8
