"""The example runs on what it ships, on a data file, and from a pretrained folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasx.data import generate_problems
from kerasx.models import build_transformer_model
from kerasx.tokenizers import character_vocab, save_vocab

ROOT = Path(__file__).parents[2]
TINY = ["--epochs", "1", "--held-out", "10", "--hidden-size", "16", "--layers", "1"]


def run(*arguments):
    command = [sys.executable, ROOT / "examples" / "math_word_problems.py", *TINY, *arguments]
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture
def ape210k(tmp_path):
    """A file in ape210k's form."""
    path = tmp_path / "problems.json"
    rows = [
        {"id": str(i), "original_text": p.question, "equation": f"x={p.equation}", "ans": p.answer}
        for i, p in enumerate(generate_problems(80, families=["和差", "植树"]))
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


def test_generated_problems_end_in_a_table_an_accuracy_and_a_saved_model(tmp_path):
    out = run("--problems", "200", "--save", tmp_path / "run", "--beam", "2")
    assert re.search(r"\d+ of 10 held-out problems right: \d+\.\d%", out)
    table = out[out.index("question  ") :]
    assert len(re.findall(r"  (right|wrong: .+)$", table, re.MULTILINE)) == 10
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    ids = np.ones((1, 4), "int32")
    assert np.isfinite(keras.ops.convert_to_numpy(model([ids, ids]))).all()


def test_real_data_is_read_and_split(tmp_path, ape210k):
    out = run("--data", ape210k, "--save", tmp_path / "run")
    assert "70 problems to learn from, 10 held out" in out


def test_a_pretrained_folder_brings_its_weights_and_vocabulary(tmp_path, ape210k):
    folder = tmp_path / "bert"
    folder.mkdir()
    vocabulary = character_vocab(p.question + p.equation for p in generate_problems(500))
    config = {
        "vocab_size": len(vocabulary),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 200,
        "type_vocab_size": 2,
    }
    builder = build_transformer_model(config, with_mlm=True, return_keras_model=False)
    builder.save_weights_as_checkpoint(folder / "bert_model.ckpt")
    (folder / "bert_config.json").write_text(json.dumps(config))
    save_vocab(folder / "vocab.txt", vocabulary)
    out = run("--data", ape210k, "--config", folder, "--save", tmp_path / "run")
    assert "held-out problems right" in out
