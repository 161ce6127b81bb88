"""Rewrite arguments of layers: those of Keras 1, and the activations that bert4keras registered."""

import ast

from kerasx.port.arguments import argument, drop_arguments, rename_argument
from kerasx.port.keras_names import GONE

_KERAS_1 = """
    b_constraint=bias_constraint b_regularizer=bias_regularizer bias=use_bias border_mode=padding
    dropout_U=recurrent_dropout dropout_W=dropout filter_length=kernel_size init=kernel_initializer
    inner_activation=recurrent_activation inner_init=recurrent_initializer nb_filter=filters
    output_dim=units p=rate pool_length=pool_size subsample=strides subsample_length=strides
    U_regularizer=recurrent_regularizer W_constraint=kernel_constraint
    W_regularizer=kernel_regularizer
"""
_EMBEDDING = """
    init=embeddings_initializer W_constraint=embeddings_constraint
    W_regularizer=embeddings_regularizer
"""
_BY_HAND = {
    "batch_input_shape": "Begin the model by `keras.Input(batch_shape=...)`.",
    "time_major": "Permute the inputs: Keras 3 takes (batch, time, features).",
    "weights": "Write `layer.set_weights(...)` after the layer was called.",
}
_GELU = ("gelu_erf", "gelu_tanh")


def rewrite_layer_arguments(script, names):
    """Rewrite the calls of Keras's layers and of keras.activations.get.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for call in (x for x in ast.walk(script.tree) if isinstance(x, ast.Call)):
        module, _, name = names.meaning(call.func).rpartition(".")
        if f"{module}.{name}" == "keras.layers":  # the function of Keras 1
            script.by_hand(call, GONE["keras.layers.merge"])
        if module == "keras.layers":
            _rewrite_arguments(script, call, name)
        if module == "keras.layers" or f"{module}.{name}" == "keras.activations.get":
            _rewrite_gelu(script, names, call)


def _rewrite_arguments(script, call, layer):
    embedding = layer == "Embedding"
    for pair in (_EMBEDDING if embedding else _KERAS_1).split():
        rename_argument(script, call, *pair.split("="))
    drop_arguments(script, call, "consume_less")
    for name, advice in _BY_HAND.items():
        if argument(call, name) and layer != "Input" and not (embedding and name == "weights"):
            script.by_hand(call, f"{name}: {advice}")


def _rewrite_gelu(script, names, call):
    """Write the function for 'gelu_erf': Keras 3 knows names of its own only."""
    for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
        name = value.value if isinstance(value, ast.Constant) else None
        if name in _GELU:
            script.replace(value, name)
            names.want(f"from kerasx.ops import {name}")
