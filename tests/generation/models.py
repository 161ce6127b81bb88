"""Tiny language models with weights so large that predictions differ, and slow, plain decoding."""

import itertools

import keras
import numpy as np
from keras import ops

from kerasx.models import build_transformer_model

SIZES = dict(
    vocab_size=11,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=12,
    max_position=24,
)


def tiny_model(application="lm", seed=1, **kwargs):
    """Return a tiny model with standard-normal matrices, whose predictions differ widely.

    No id is padding, unless `pad_id` says so.
    """
    options = {"with_mlm": "linear", "pad_id": None, **SIZES, **kwargs}
    model = build_transformer_model(application=application, **options)
    randomize(model, seed)
    return model


def randomize(model, seed):
    """Set random weights, the same on every backend."""
    draw = np.random.default_rng(seed)
    for v in model.trainable_variables:
        noise = draw.standard_normal(v.shape)
        v.assign(noise * 0.7 if len(v.shape) > 1 else ops.convert_to_numpy(v) + noise * 0.1)


def log_probas(model, sequences, segments=None, additional=()):
    """Return log-probabilities (n, v) at each position of each sequence, without a cache.

    Rows are padded to one shape, which JAX's eager operations are compiled for once.
    """
    segments = segments or [[0] * len(ids) for ids in sequences]
    rows = -len(sequences) % 8 + len(sequences)
    n = SIZES["max_position"]
    given = {
        "Token": pad([np.pad(x, (0, n - len(x))) for x in sequences], rows),
        "Segment": pad([np.pad(x, (0, n - len(x)), constant_values=1) for x in segments], rows),
        "Position": np.arange(n)[None].repeat(rows, axis=0),
    }
    additional = iter(additional)
    names = [x.name.rsplit("Input-", 1)[-1] for x in model.inputs]
    inputs = [given[x] if x in given else pad(next(additional), rows) for x in names]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = keras.tree.flatten(outputs)
    logits = ops.log_softmax(ops.cast(outputs[-1], "float32"), axis=-1)
    return [x[: len(ids)] for x, ids in zip(ops.convert_to_numpy(logits), sequences)]


def pad(arrays, rows):
    """Repeat the last array until there are `rows` arrays."""
    return np.pad(arrays, [(0, rows - len(arrays))] + [(0, 0)] * (np.ndim(arrays) - 1), "edge")


def continued_segments(model, segments, new):
    """Return the segments of prompts and `new` tokens, as `Generator` chooses them by default."""
    unilm = any(getattr(x, "kind", None) == "unilm" for x in model.layers)
    return [*segments, *[1 if unilm else segments[-1]] * new]


def naive_greedy(model, prompts, steps, segments=None, **kwargs):
    """Append the most probable token `steps` times, each time by a whole forward pass."""
    segments = segments or [[0] * len(p) for p in prompts]
    ids = [list(p) for p in prompts]
    for new in range(steps):
        now = [continued_segments(model, s, new) for s in segments]
        found = log_probas(model, ids, now, **kwargs)
        ids = [[*x, int(p[-1].argmax())] for x, p in zip(ids, found)]
    return [x[len(p) :] for x, p in zip(ids, prompts)]


def score(model, prompts, sequences):
    """Return the log-probability of each whole sequence after its prompt."""
    ids = [[*p, *x] for p, x in zip(prompts, sequences)]
    now = [continued_segments(model, [0] * len(p), len(x)) for p, x in zip(prompts, sequences)]
    found = [x[len(p) - 1 : -1] for x, p in zip(log_probas(model, ids, now), prompts)]
    return [float(sum(p[np.arange(len(x)), list(x)])) for p, x in zip(found, sequences)]


def all_sequences(vocabulary, length, end=None):
    """Return all sequences of this length, and shorter ones that end with `end`."""
    found = set()
    for ids in itertools.product(range(vocabulary), repeat=length):
        found.add(ids[: ids.index(end) + 1] if end in ids else ids)
    return sorted(found)


def conditional_model(seed=1):
    """Return a model whose layer normalizations depend on a vector of 3 numbers."""
    condition = keras.Input((3,), name="Condition")
    model = tiny_model(layer_norm_cond=condition, additional_input_layers=[condition], seed=seed)
    return model
