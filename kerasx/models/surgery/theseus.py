"""Compress a model by replacing its modules at random in training."""

import copy

import keras

from kerasx.checks import invalid
from kerasx.layers import BinaryRandomChoice


def theseus(predecessor, successor, rate=0.5):
    """Train a shallow successor in place of parts of a deep predecessor (BERT-of-Theseus).

    Each block of the successor replaces the same number of blocks of the predecessor. In
    training each module (the embeddings, or a block) is the successor's with probability `rate`,
    for the whole batch, else the predecessor's, which is frozen. Afterwards the successor's model
    has the trained weights; train it alone for some more epochs.

    Args:
        predecessor: a built builder (`build_transformer_model(..., return_keras_model=False)`).
        successor: a builder with the same inputs and width and another `prefix`; its number of
            blocks divides the predecessor's.
        rate: probability of the successor's module.

    Returns:
        A keras.Model from the inputs to the hidden states, which predicts with the successor.

    Raises:
        ValueError: depths do not divide, widths differ, or prefixes are equal.

    Source: arXiv 2002.02925; kexue.fm/archives/7575.
    """
    _check(predecessor, successor)
    for layer in predecessor.model.layers:
        layer.trainable = False
    inputs = predecessor.inputs
    predecessor, successor = (_with_inputs(part, inputs) for part in (predecessor, successor))

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


def _with_inputs(builder, inputs):
    """Return a copy of the builder that calls the same layers on other inputs."""
    again = copy.copy(builder)
    again.set_inputs(inputs)
    again.attention_bias = again.position_bias = again.attention_scores = None
    return again


def _check(predecessor, successor):
    deep, shallow = predecessor.num_hidden_layers, successor.num_hidden_layers
    if deep % shallow:
        raise invalid(
            "The successor's `num_hidden_layers` must divide the predecessor's.",
            successor=shallow,
            predecessor=deep,
        )
    if predecessor.hidden_size != successor.hidden_size:
        raise invalid(
            "Predecessor and successor must have the same `hidden_size`.",
            predecessor=predecessor.hidden_size,
            successor=successor.hidden_size,
        )
    if predecessor.prefix == successor.prefix:
        raise invalid(
            "Predecessor and successor must have different prefixes, or their layers have the "
            "same names.",
            prefix=predecessor.prefix,
        )
