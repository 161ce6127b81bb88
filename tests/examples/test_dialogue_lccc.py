"""The example runs on what it ships, on data files, and from a pretrained folder; one can chat."""

import json
import re

import pytest

from kerasx.datasets import generate_dialogues
from kerasx.models import load_model
from tests.examples.runner import run_example
from tests.tiny import save_tiny_bert

TINY = "--epochs 1 --batch-size 8 --hidden-size 16 --layers 1 --maxlen 48".split()
NUMBER = r" +\d+\.\d+"


def run(*arguments, **options):
    return run_example("dialogue_lccc.py", *TINY, *arguments, **options)


@pytest.fixture
def folder(tmp_path):
    """Write files in the forms of CDial-GPT's toy data and of its word counts."""
    dialogues = [[" ".join(turn) for turn in turns] for turns in generate_dialogues(60)]
    pairs = ["\t".join(turns[:2]) + "\n" for turns in dialogues]
    (tmp_path / "toy_train.txt").write_text("".join(pairs[:30]), "utf-8")
    (tmp_path / "toy_valid.txt").write_text("".join(pairs[30:35]), "utf-8")
    splits = {"train": dialogues[35:55], "valid": dialogues[55:]}
    (tmp_path / "toy_data.json").write_text(json.dumps(splits, indent=0), "utf-8")
    (tmp_path / "words.csv").write_text("我\t90\n天气\t20\n西瓜\t9\n", "utf-8")
    return tmp_path


def test_generated_dialogues_end_in_a_table_and_a_model_to_chat_with(tmp_path):
    save = ["--save", tmp_path / "run"]
    out = run("--dialogues", "16", "--held-out", "4", *save)
    assert re.search(f"^nezha{NUMBER * 5}$", out, re.MULTILINE)
    assert re.search(rf"^trigram{NUMBER}(  +-)+$", out, re.MULTILINE)
    assert re.search(rf"^people  +-  +-  +-{NUMBER * 2}$", out, re.MULTILINE)
    assert "example" in out and "epoch 1" in out  # the preview
    chat = run("--chat", *save, input="你好\n/reset\n北京今天天气怎么样？\n/quit\n没有\n")
    assert chat.count("> ") == 4


@pytest.mark.once
def test_a_pretrained_folder_learns_words_from_data_files(folder):
    texts = (turn for turns in generate_dialogues(100) for turn in turns)
    nezha = save_tiny_bert(folder / "nezha", texts, "nezha")
    options = ["--config", nezha, "--words", folder / "words.csv", "--min-count", "10"]
    out = run("--data", folder, *options, "--save", folder / "run")
    assert "50 dialogues to learn from, 10 held out" in out
    vocabulary = load_model(folder / "run").tokenizer.token_dict
    assert "天气" in vocabulary and "西瓜" not in vocabulary


@pytest.mark.once
def test_gpt_learns_from_a_file(folder):
    file = folder / "toy_data.json"
    options = ["--data", file, "--held-out", "4", "--model", "gpt", "--save", folder / "run"]
    assert re.search(f"^gpt{NUMBER * 5}$", run(*options), re.MULTILINE)
