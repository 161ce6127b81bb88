"""The code of docs/porting.md for the parts of a script that are left by hand runs."""

import re
import runpy

import keras
import numpy as np
import pytest

from tests.porting_table import PAGES

# what stands around a snippet of the page in a script
BEGINNING = """
import keras, numpy as np
from kerasx.backend import K
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import Adam

config = bert_config(vocab_size=20, hidden_size=8, num_hidden_layers=1)
token_ids, segment_ids = np.ones((4, 6), "int32"), np.ones((4, 6), "int32")
x, dy, label = [token_ids, segment_ids], np.eye(3)[[0, 1, 2, 0]], 1
"""
CLASSIFIER = """
bert = build_transformer_model(config)
model = keras.Model(bert.inputs, keras.layers.Dense(3, "softmax")(bert.output[:, 0]))
"""
VAT = "model_vat, dx = model, x\nmodel.compile('adam', 'kld')\n"
LANGUAGE = "model = build_transformer_model(config, application='unilm', with_mlm=True)\n"
FIT = "\nloss = model.fit(x, np.zeros(4), verbose=0).history['loss']\n"
ADDED = "\nmodel.compile('adam')\nloss = model.fit(x, verbose=0).history['loss']\n"


def snippet(words):
    """Return the block of Python that has these words, after the loss that stands before it."""
    blocks = re.findall(r"^```(python|text)\n(.*?)^```", PAGES[0].read_text("utf-8"), re.M | re.S)
    index = next(i for i, (kind, text) in enumerate(blocks) if kind == "python" and words in text)
    before = blocks[index - 1][1] if words == "AddedLoss" else ""
    return before.replace("model.add_loss(loss)\n", "") + blocks[index][1]


@pytest.mark.parametrize(
    "words, before, after, name",
    [
        ("gradient_penalty(", CLASSIFIER, FIT, "loss"),
        ("model_vat.train_on_batch", CLASSIFIER + VAT, "", "model"),
        ("integrated_gradients(", CLASSIFIER, "", "scores"),
        ("AddedLoss", LANGUAGE, ADDED, "loss"),
    ],
)
def test_what_is_left_by_hand_runs_as_the_page_writes_it(words, before, after, name, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(BEGINNING + before + snippet(words) + after, "utf-8")
    result = runpy.run_path(str(script))[name]
    values = result.get_weights()[0] if isinstance(result, keras.Model) else result
    assert np.isfinite(values).all() and np.size(values)
