"""Use an installed kerasx once: tokenize, build, fit a step, save, load, generate.

No other backend may be loaded. `make wheel` runs it in an environment for each backend.
"""

import os
import sys
import tempfile

import keras
import numpy as np

import kerasx
from kerasx.data import BucketDataset
from kerasx.generation import Generator
from kerasx.layers import CrossEntropy
from kerasx.models import bert_config, build_transformer_model, load_model, save_model
from kerasx.tokenizers import Tokenizer, character_vocab

backend = os.environ["KERAS_BACKEND"]
pairs = [("今天天气很好", "天气好"), ("我们在北京见", "北京见")] * 8
tokenizer = Tokenizer(character_vocab(text for pair in pairs for text in pair))
lm = build_transformer_model(
    bert_config(tokenizer.vocab_size, hidden_size=16), application="unilm", with_mlm="linear"
)
model = keras.Model(lm.inputs, CrossEntropy(output_axis=2)(lm.inputs + lm.outputs))
model.compile(keras.optimizers.AdamW(1e-3))
dataset = BucketDataset([(tokenizer.encode(*pair),) for pair in pairs], batch_size=16)
loss = model.fit(dataset, epochs=1, verbose=0).history["loss"][0]
assert np.isfinite(loss), loss
generate = Generator(lm, tokenizer=tokenizer, max_new_tokens=4)
before = generate(["今天天气"])
with tempfile.TemporaryDirectory() as folder:
    save_model(f"{folder}/model", lm, tokenizer=tokenizer)
    loaded = load_model(f"{folder}/model")
again = Generator(loaded.model, tokenizer=loaded.tokenizer, max_new_tokens=4)(["今天天气"])
assert again.best == before.best, (again.best, before.best)
others = {"tensorflow", "jax", "torch"} - {backend}
loaded = sorted(others & {name.split(".")[0] for name in sys.modules})
assert not loaded, loaded
print(f"{backend}: loss {loss:.3f}, generated {before.texts}, loaded from {kerasx.__file__}")
