"""Attention matrices of a layer, or of random queries and keys, and their ranks."""

import functools

import keras
import numpy as np
from keras import ops

from kerasx.backend.keras_internals import get_mask
from kerasx.checks import check_choice, check_integer, invalid
from kerasx.layers import MultiHeadAttention
from kerasx.layers.attention import split_biases
from kerasx.ops import attention_normalize, padding
from kerasx.probing.model_functions import only_node


def numerical_ranks(weights, tolerance=1e-6):
    """Count the singular values above `tolerance` times the largest.

    softmax(Q Kᵀ) of n tokens with heads of size d ≪ n is close to a matrix of low rank. Under a
    causal mask it is triangular with a positive diagonal, so its exact rank is n
    (kexue.fm/archives/9529), though singular values may still be small.

    Args:
        weights: attention matrices (..., n, n), without padding.
        tolerance: relative size below which a singular value counts as 0.

    Returns:
        Integers (...).

    >>> numerical_ranks(np.stack([np.eye(3), np.ones((3, 3))]))
    array([3, 1])
    """
    values = np.linalg.svd(_square(weights), compute_uv=False)
    return (values > tolerance * values[..., :1]).sum(-1)


def random_attention(n, head_size, heads=8, causal=False, deviation=1.0, seed=0):
    """Compute softmax(Q Kᵀ / √d) for normally distributed queries and keys.

    The smaller the scores, the closer the softmax is to the first terms of its series, which have
    low rank; with a deviation of 1 even small heads reach almost rank n at a tolerance of 1e-6.

    Args:
        n: number of tokens.
        head_size: d.
        heads: number of matrices.
        causal: whether a token attends only to itself and the tokens before.
        deviation: standard deviation of queries and keys.
        seed: an integer.

    Returns:
        Attention matrices (heads, n, n), float64.

    >>> options = {"head_size": 4, "deviation": 0.3}
    >>> both, causal = (random_attention(64, causal=c, **options) for c in (False, True))
    >>> bool((numerical_ranks(both) < 40).all()), bool((numerical_ranks(causal) == 64).all())
    (True, True)
    """
    for name, value in {"n": n, "head_size": head_size, "heads": heads}.items():
        check_integer(name, value, least=1)
    q, k = np.random.default_rng(seed).normal(0, deviation, (2, heads, n, head_size))
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(head_size)
    if causal:
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def attention_weights(model, inputs, layer):
    """Compute the attention matrices of a `MultiHeadAttention` layer in a model.

    Args:
        model: a functional keras.Model in which the layer is called once.
        inputs: list of arrays, the inputs of the model.
        layer: name of the layer, such as "Transformer-0-MultiHeadSelfAttention".

    Returns:
        Weights (b, heads, n, m), float32; rows of padding queries have no meaning.

    Raises:
        ValueError: no such layer, or one of another kind.
    """
    names = [x.name for x in model.layers if isinstance(x, MultiHeadAttention)]
    check_choice("layer", layer, names)
    layer, node = model.get_layer(layer), only_node(model, layer)
    before = keras.Model(model.inputs, list(node.arguments.args[0]))
    values = before([ops.convert_to_tensor(x) for x in inputs], training=False)
    masks, _ = split_biases(values[3:])
    valid = get_mask(values[2])
    if valid is not None:
        masks.append(padding(valid).allowed)
    copy = type(layer).from_config({**layer.get_config(), "return_attention_scores": True})
    copy.build([tuple(x.shape) for x in values])
    copy.set_weights(layer.get_weights())
    scores = copy(values, training=False, **_options(node))[1]
    mask = functools.reduce(ops.logical_and, masks) if masks else None
    weights = attention_normalize(scores, mask, -1, layer.normalization)
    return ops.convert_to_numpy(weights)


def _options(node):
    given = node.arguments.kwargs
    return {name: given[name] for name in ("a_bias", "p_bias") if name in given}


def _square(weights):
    weights = np.asarray(weights, "float64")
    if weights.ndim < 2 or weights.shape[-1] != weights.shape[-2]:
        raise invalid("`weights` must be (..., n, n).", **{"weights.shape": weights.shape})
    return weights
