"""Tiny random models: a checkpoint of random arrays, and models built from it."""

import keras
import numpy as np

from kerasx.models import build_transformer_model

CONFIG = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position": 10,
}


def build(checkpoint=None, **options):
    """Return the builder of a tiny BERT."""
    return build_transformer_model(
        {**CONFIG, **options.pop("config", {})}, checkpoint, return_keras_model=False, **options
    )


def random_checkpoint(seed=0, **options):
    """Return {variable: array} of a tiny BERT with all heads."""
    rng = np.random.default_rng(seed)
    builder = build(with_mlm=True, with_nsp=True, **options)
    return {
        name: rng.normal(size=builder.checkpoint_shape(name, tuple(weight.shape))).astype("float32")
        for weight, name in builder.weights_and_variables()
    }


def outputs(model, *inputs):
    """Return the outputs of a model as NumPy; a list if there are several."""
    inputs = [np.asarray(x) for x in inputs]
    out = model(inputs if len(inputs) > 1 else inputs[0])
    return keras.tree.map_structure(keras.ops.convert_to_numpy, out)


TOKENS = np.array([[2, 5, 7, 9, 3, 4]])
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1]])
