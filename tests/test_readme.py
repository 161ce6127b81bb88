"""The quick start runs as printed, and is the same in both languages."""

import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from kerasx.datasets import generate_problems
from tests.tiny import save_tiny_bert

ROOT = Path(__file__).parents[1]


def quick_start(readme):
    return re.search(r"```python\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.S)[1]


@pytest.fixture
def chinese_bert(tmp_path):
    return save_tiny_bert(tmp_path / "chinese_bert", (p.question for p in generate_problems(50)))


def test_the_quick_start_trains_and_generates(chinese_bert):
    code = quick_start("README.md")
    problems = sorted(generate_problems(50), key=lambda p: len(p.question))[:10]  # few shapes
    pairs = [(p.question, p.equation) for p in problems]
    script = chinese_bert.parent / "quick_start.py"
    script.write_text(f"pairs = {pairs!r}\n{code}", "utf-8")
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=chinese_bert.parent,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend(), "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.rstrip().splitlines()[-1].count("', '") == len(pairs) - 1


def test_the_quick_start_is_the_same_in_both_languages():
    english, chinese = quick_start("README.md"), quick_start("README_zh.md")
    assert english == chinese and len(english.splitlines()) <= 16
