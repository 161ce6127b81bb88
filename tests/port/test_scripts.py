"""Scripts as bert4keras's users wrote them are ported, trained, and loaded again."""

import json
import pathlib
import runpy

import numpy as np
import pytest

from kerasx.backend import set_gelu
from kerasx.port.__main__ import main
from kerasx.port.rewriting import port
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


ADDED_LOSS = """
from bert4keras.backend import keras, K
x, y = keras.layers.Input((4,)), keras.layers.Input((4,))
h = keras.layers.Dense(4)(x)
train_model = keras.models.Model([x, y], [h, keras.layers.Dense(2)(h)])
train_model.add_loss(K.sum(K.abs(y[:, 1:] - h[:, :-1]) * y[:, 1:]) / K.sum(y))
train_model.compile(optimizer='adam')
"""


def test_a_loss_added_to_a_model_is_trained(tmp_path):
    path = tmp_path / "ported.py"
    path.write_text(port(ADDED_LOSS).text)
    model = runpy.run_path(str(path))["train_model"]
    x, y = np.random.rand(2, 8, 4).astype("float32")
    kernel, bias = model.get_weights()[:2]
    loss = model.fit([x, y], batch_size=8, verbose=0).history["loss"]
    h = x @ kernel + bias
    wanted = np.sum(np.abs(y[:, 1:] - h[:, :-1]) * y[:, 1:]) / np.sum(y)
    np.testing.assert_allclose(loss, [wanted], rtol=1e-5)
    assert [output.shape for output in model.predict([x, y], verbose=0)] == [(8, 4), (8, 2)]


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
