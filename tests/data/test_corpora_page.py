"""The examples of docs/corpora.md run, one after another."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kerasx.tokenizers import character_vocab, save_vocab
from tests.data.corpora import TEXTS, save_texts

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]


def test_the_examples_of_the_page_run(tmp_path):
    page = (ROOT / "docs" / "corpora.md").read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(code) == 4
    save_texts(tmp_path / "wiki.txt", TEXTS * 100)
    lines = "\n".join(json.dumps({"text": text}) for text in TEXTS)
    (tmp_path / "news.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    save_vocab(tmp_path / "vocab.txt", character_vocab(TEXTS))
    (tmp_path / "page.py").write_text("\n".join(code), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env=environment, timeout=300, capture_output=True
    )
    assert run.returncode == 0, run.stderr.decode()
