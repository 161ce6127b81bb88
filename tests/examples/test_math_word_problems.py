"""The example runs on what it ships, on a data file, and from a pretrained folder."""

import json
import re

import keras
import numpy as np
import pytest

from kerasx.datasets import generate_problems
from tests.examples.runner import run_example
from tests.tiny import save_tiny_bert

TINY = ["--epochs", "1", "--held-out", "10", "--hidden-size", "16", "--layers", "1"]


def run(*arguments):
    return run_example("math_word_problems.py", *TINY, *arguments)


@pytest.fixture
def ape210k(tmp_path):
    """Write a file in ape210k's form."""
    path = tmp_path / "problems.json"
    rows = [
        {"id": str(i), "original_text": p.question, "equation": f"x={p.equation}", "ans": p.answer}
        for i, p in enumerate(generate_problems(80, families=["和差", "植树"]))
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def test_generated_problems_end_in_a_table_an_accuracy_and_a_saved_model(tmp_path):
    flags = ["--beam", "2", "--constrained", "--vote"]
    out = run("--problems", "200", "--save", tmp_path / "run", *flags)
    assert re.search(r"\d+ of 10 held-out problems right: \d+\.\d%", out)
    table = out[out.index("question  ") :]
    assert len(re.findall(r"  (right|wrong: .+)$", table, re.MULTILINE)) == 10
    assert len(re.findall(r"  [-+*/().0-9]+  +[-./0-9]+  +(right|wrong)", table)) == 10
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    ids = np.ones((1, 4), "int32")
    assert np.isfinite(keras.ops.convert_to_numpy(model([ids, ids]))).all()


@pytest.mark.once
def test_real_data_is_read_and_split(tmp_path, ape210k):
    out = run("--data", ape210k, "--save", tmp_path / "run")
    assert "70 problems to learn from, 10 held out" in out


def test_a_pretrained_folder_brings_its_weights_and_vocabulary(tmp_path, ape210k):
    texts = (p.question + p.equation for p in generate_problems(500))
    folder = save_tiny_bert(tmp_path / "bert", texts)
    out = run("--data", ape210k, "--config", folder, "--save", tmp_path / "run")
    assert "held-out problems right" in out
