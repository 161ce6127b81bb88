"""Compression by replacing modules while training."""

import copy

import keras

from kerasx.layers import BinaryRandomChoice

__all__ = ["theseus"]


def theseus(predecessor, successor, rate=0.5):
    """BERT-of-Theseus: train a shallow successor in place of parts of a deep predecessor.

    Each module of the successor (the embeddings, and each block) stands for as many blocks of the
    predecessor as keep the depths in proportion. In training each module is the successor's with
    probability `rate`, for the whole batch; the predecessor is frozen. Afterwards the successor's
    own model has the trained weights, and is trained on alone for a while.

    Args:
        predecessor: a built builder (`build_transformer_model(..., return_keras_model=False)`).
        successor: another of the same inputs and width, with another `prefix`; its number of
            blocks divides the predecessor's.
        rate: probability of the successor's module.

    Returns:
        A keras.Model from the inputs to the hidden states, which predicts with the successor.

    Raises:
        ValueError: depths that do not divide, widths that differ, equal prefixes.

    Source: arXiv 2002.02925; kexue.fm/archives/7575.
    """
    _check(predecessor, successor)
    for layer in predecessor.model.layers:
        layer.trainable = False
    inputs = predecessor.inputs
    predecessor, successor = (_laid_over(part, inputs) for part in (predecessor, successor))

    def choose(old, new, name):
        return BinaryRandomChoice(rate, name=f"Theseus-{name}")([old, new])

    embeddings = [part.apply_embeddings(inputs) for part in (predecessor, successor)]
    x = choose(*embeddings, "Embedding")
    blocks = predecessor.num_hidden_layers // successor.num_hidden_layers
    for index in range(successor.num_hidden_layers):
        old = x
        for i in range(index * blocks, (index + 1) * blocks):
            old = predecessor.apply_main_layers(old, i)
        x = choose(old, successor.apply_main_layers(x, index), str(index))
    return keras.Model(inputs, x)


def _laid_over(builder, inputs):
    """The builder, with the same layers, ready to lay a graph from other inputs."""
    again = copy.copy(builder)
    again.set_inputs(inputs)
    again.attention_bias = again.position_bias = again.attention_scores = None
    return again


def _check(predecessor, successor):
    deep, shallow = predecessor.num_hidden_layers, successor.num_hidden_layers
    if deep % shallow:
        raise ValueError(
            "The successor's `num_hidden_layers` must divide the predecessor's. "
            f"Received: {shallow} and {deep}"
        )
    if predecessor.hidden_size != successor.hidden_size:
        raise ValueError(
            "Predecessor and successor must have the same `hidden_size`. "
            f"Received: {predecessor.hidden_size} and {successor.hidden_size}"
        )
    if predecessor.prefix == successor.prefix:
        raise ValueError(
            "Predecessor and successor must have different prefixes, or their layers have the "
            f"same names. Received: prefix={predecessor.prefix!r} for both"
        )
