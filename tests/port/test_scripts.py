"""Scripts as bert4keras's users wrote them are ported, trained, and loaded again."""

import json
import pathlib
import runpy

import numpy as np
import pytest

from kerasx.backend import set_gelu
from kerasx.port.__main__ import main
from tests.tiny import save_tiny_bert

SCRIPTS = pathlib.Path(__file__).parent / "scripts"
REVIEWS = [("很好看的书", 1), ("太难看了吧", 0), ("质量真不错", 1), ("质量真不行", 0)] * 2
TITLES = [("好书", "这是一本好书"), ("坏书", "这是一本坏书"), ("新书", "这是一本新书")]
TAGS = [("小明在北京", "BIOBI"), ("小红去上海", "BIOBI")] * 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Yield a folder with a tiny BERT and data, made the working folder."""
    (tmp_path / "data").mkdir()
    reviews = "".join(f"{text}\t{label}\n" for text, label in REVIEWS)
    titles = "".join(f"{title}\t{content}\n" for title, content in TITLES)
    tags = [{"text": text, "tags": list(tags)} for text, tags in TAGS]
    (tmp_path / "data" / "reviews.tsv").write_text(reviews, "utf-8")
    (tmp_path / "data" / "titles.tsv").write_text(titles, "utf-8")
    (tmp_path / "data" / "tags.json").write_text(json.dumps(tags), "utf-8")
    save_tiny_bert(tmp_path / "bert", [reviews, titles, *(text for text, _ in TAGS)])
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    set_gelu("erf")  # the classifier chose the other


@pytest.mark.parametrize(
    ("name", "result"), [("classifier", "label"), ("title", "titles"), ("tagging", "tags")]
)
def test_a_script_runs_after_it_is_ported(folder, name, result):
    ported = folder / "ported.py"
    assert main([str(SCRIPTS / f"{name}.py"), "-o", str(ported)]) == 0
    trained = runpy.run_path(str(ported), run_name="__main__")
    assert np.isfinite(trained["history"].history["loss"]).all()
    loaded = runpy.run_path(str(ported), run_name="loaded")
    for a, b in zip(trained["model"].get_weights(), loaded["model"].get_weights()):
        np.testing.assert_array_equal(a, b)
    assert np.array_equal(trained[result], loaded[result])
