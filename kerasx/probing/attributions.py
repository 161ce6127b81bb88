"""Integrated gradients: attribute the output of a model to its tokens."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import get_mask
from kerasx.checks import check_integer, invalid
from kerasx.probing.model_functions import only_node


class Attributions(NamedTuple):
    """Attributions of tokens (b, n), and the differences (b,) that they add up to.

    A difference is the output for the text minus the output for the baseline.
    """

    tokens: np.ndarray
    differences: np.ndarray


def integrated_gradients(
    model, inputs, target, baseline_ids=None, steps=32, layer="Embedding-Token"
):
    """Attribute an output f to tokens: (e - e₀) · ∫₀¹ ∂f/∂e (e₀ + α(e - e₀)) dα for each token.

    e are the embeddings of the tokens and e₀ those of the baseline; mask, positions and segments
    stay those of the text. The attributions add up to f(e) - f(e₀) (completeness), up to the error
    of the integral, which falls fast with the steps of Gauss-Legendre quadrature.

    Args:
        model: a functional keras.Model with outputs (b, c), in which the layer is called once. The
            outputs should be logits, as probabilities saturate.
        inputs: list of arrays, the inputs of the model, token ids (b, n) first.
        target: index of the output to explain, an integer or integers (b,).
        baseline_ids: token ids like those of the inputs, such as [MASK] for all tokens but [CLS]
            and [SEP]; by default the embeddings of the baseline are zeros.
        steps: points of the quadrature; each takes one pass forward and back.
        layer: name of the embedding layer.

    Returns:
        The named tuple (tokens (b, n), differences (b,)), float64, where a difference is
        f(e) - f(e₀).

    Raises:
        ValueError: no such layer, a target or a baseline that does not fit.

    Source: arXiv 1703.01365; kexue.fm/archives/7533.

    >>> ids = keras.Input((None,), dtype="int32")
    >>> x = keras.layers.Embedding(9, 4, name="Embedding-Token")(ids)
    >>> model = keras.Model(ids, keras.layers.Dense(2)(ops.sum(x, 1)))
    >>> tokens, differences = integrated_gradients(model, [np.array([[1, 2, 3]])], target=1)
    >>> tokens.shape, bool(np.allclose(tokens.sum(1), differences, atol=1e-6))
    ((1, 3), True)
    """
    check_integer("steps", steps, least=1)
    inputs = [np.asarray(x) for x in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
    embed, rest = _cut(model, layer)
    function = _target_of(rest, embed, inputs, target)
    end = ops.convert_to_numpy(embed(inputs)).astype("float64")
    start = _baseline(embed, inputs, baseline_ids, end)
    run = _compiled(backend.value_and_grad(function, has_aux=True), rest)
    points, weights = np.polynomial.legendre.leggauss(steps)
    total = 0.0
    for point, weight in zip((points + 1) / 2, weights / 2):
        _, (gradient,) = run(_tensor(start + point * (end - start)))
        total = total + weight * ops.convert_to_numpy(gradient).astype("float64")
    values = [ops.convert_to_numpy(run(_tensor(e))[0][1]) for e in (end, start)]
    differences = values[0].astype("float64") - values[1]
    return Attributions(((end - start) * total).sum(-1), differences)


def _compiled(gradients, model):
    """Return `gradients` as a function of one tensor, compiled where the backend compiles."""
    if keras.backend.backend() == "torch":
        return lambda vectors: gradients([vectors])
    return backend.compiled(lambda vectors: gradients([vectors]), [model])


def _tensor(vectors):
    return ops.convert_to_tensor(vectors.astype("float32"))


def _cut(model, name):
    """Split a model: return (inputs to embeddings, inputs and embeddings to outputs)."""
    vectors = only_node(model, name).outputs[0]
    embed = keras.Model(model.inputs, vectors)
    rest = keras.Model([vectors, *model.inputs], model.outputs[0])
    rest.supports_masking = True  # it gets the mask of the embeddings
    return embed, rest


def _target_of(rest, embed, inputs, target):
    """Return a function [embeddings] -> (sum of the explained outputs, these outputs (b,))."""
    count = rest.outputs[0].shape[-1]
    target = np.broadcast_to(np.asarray(target, int), len(inputs[0]))
    if len(rest.outputs[0].shape) != 2 or (target < 0).any() or (target >= count).any():
        raise invalid(
            "`target` must be the number of an output of the model, whose outputs must be (b, c).",
            **{"target": target.tolist(), "outputs.shape": rest.outputs[0].shape},
        )
    tensors = [ops.convert_to_tensor(x) for x in inputs]
    chosen = ops.one_hot(target, count, dtype="float32")
    mask = get_mask(embed(tensors))

    def function(vectors):
        masks = [mask, *(None for _ in tensors)]
        outputs = rest([vectors[0], *tensors], mask=masks, training=False)
        values = ops.sum(ops.cast(outputs, "float32") * chosen, -1)
        return ops.sum(values), values

    return function


def _baseline(embed, inputs, ids, end):
    if ids is None:
        return np.zeros_like(end)
    ids = np.asarray(ids, inputs[0].dtype)
    if ids.shape not in (inputs[0].shape, inputs[0].shape[1:]):
        raise invalid(
            f"`baseline_ids` must be ids like the token ids, of shape {inputs[0].shape}.",
            **{"baseline_ids.shape": ids.shape},
        )
    ids = np.broadcast_to(ids, inputs[0].shape)
    return ops.convert_to_numpy(embed([ids, *inputs[1:]])).astype("float64")
