"""A model of characters grows words, and both end side by side in a table."""

import re
import runpy
import sys

import pytest

from tests.examples.runner import ROOT, run_example
from tests.tiny import save_tiny_bert

pytestmark = pytest.mark.once
TINY = "--first 4 --updates 4 --examples 20 --epochs 2 --seeds 1 --batch-size 4 --length 48"
TINY = [*TINY.split(), "--hidden-size", "16", "--layers", "1", "--texts", "60", "--tests", "4"]
NUMBER = r" +\d+\.\d"


def check(out):
    """Check the table, and return the tokens of a text by characters and by words."""
    for name in ("pretraining, a row", "training, a review", "training, a title"):
        assert re.search(f"^CPU ms: {name}{NUMBER * 2}$", out, re.MULTILINE)
    assert re.search(rf"^accuracy, reviews{NUMBER}% ± 0\.0{NUMBER}% ± 0\.0$", out, re.MULTILINE)
    assert re.search(rf"^ROUGE-L, titles{NUMBER}%{NUMBER}%$", out, re.MULTILINE)
    found = re.search(r"^tokens of a text +(\S+) +(\S+)$", out, re.MULTILINE)
    return [float(x) for x in found.groups()]


def test_made_up_texts(tmp_path):
    characters, words = check(run_example("wobert.py", *TINY, "--save", tmp_path))
    assert words < 0.8 * characters


def test_a_process_of_a_pool_imports_it_without_doing_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["wobert.py", "--save", str(tmp_path / "run")])
    runpy.run_path(str(ROOT / "examples" / "wobert.py"), run_name="__mp_main__")
    assert not any(tmp_path.iterdir())


def test_one_epoch_of_which_none_is_timed_is_refused(capsys):
    with pytest.raises(AssertionError, match="2"):
        run_example("wobert.py", "--epochs", "1")
    assert "--epochs must be at least 2" in capsys.readouterr().err


def test_a_pretrained_folder_and_a_file_of_texts(tmp_path):
    texts = [f"第{i}天房间很大，服务热情周到，研究方法在遥感图像中的应用。" for i in range(40)]
    (tmp_path / "texts.txt").write_text("\n\n".join(texts), "utf-8")
    bert = save_tiny_bert(tmp_path / "bert", texts)
    options = ["--config", bert, "--data", tmp_path / "texts.txt", "--words", "5"]
    check(run_example("wobert.py", *TINY, *options, "--save", tmp_path / "run"))
