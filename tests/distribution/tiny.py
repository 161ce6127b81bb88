"""Tiny models and data for several devices, and the three contexts of JAX."""

import contextlib
import functools

import keras
import numpy as np

from kerasx.distribution import data_parallel, fully_sharded, model_parallel, prepare
from kerasx.layers import CrossEntropy
from kerasx.models import build_transformer_model

CONFIG = {
    "vocab_size": 32,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position": 16,
}
CONTEXTS = {
    "data_parallel": functools.partial(data_parallel, 4),
    "model_parallel": functools.partial(model_parallel, 2, data=2),
    "fully_sharded": functools.partial(fully_sharded, 4),
}


def rows(count=8, length=10, steps=5, seed=0):
    """Return batches ([ids, segments], labels) whose rows have unequal lengths."""
    rng = np.random.default_rng(seed)
    batches = []
    for _ in range(steps):
        ids = rng.integers(1, CONFIG["vocab_size"], (count, length)).astype("int32")
        ids *= np.arange(length) < rng.integers(2, length + 1, (count, 1))
        batches.append(([ids, np.zeros_like(ids)], ids))
    return batches


def language_model(optimizer=None, trick=None, compile_options=None, **options):
    """Return a compiled language model whose loss is the mean over the tokens of a batch."""
    keras.utils.set_random_seed(0)
    bert = build_transformer_model(CONFIG, application="lm", with_mlm="linear", **options)
    model = keras.Model(bert.inputs, CrossEntropy(1)([bert.inputs[0], bert.outputs[0]]))
    model.compile(optimizer or keras.optimizers.SGD(0.5), **(compile_options or {}))
    return prepare(model if trick is None else trick(model))


def train(make, batches, context=contextlib.nullcontext):
    """Return (losses, weights, model) after a step on each batch."""
    with context():
        model = make()
        losses = []
        for x, y in batches:
            y = None if model.loss is None else y
            losses.append(model.train_on_batch(x, y, return_dict=True)["loss"])
    return (
        np.array(losses),
        [np.asarray(keras.ops.convert_to_numpy(w)) for w in model.weights],
        model,
    )


def assert_equal(one, several, atol=1e-6):
    """Assert that losses and weights agree."""
    np.testing.assert_allclose(several[0], one[0], atol=atol, rtol=0)
    for a, b in zip(one[1], several[1], strict=True):
        np.testing.assert_allclose(b, a, atol=atol, rtol=0)
