"""Count the arithmetic of a model: the matrix products of its dense layers and of attention."""

import math

import keras

from kerasx.backend.keras_internals import all_layers, run_graph
from kerasx.checks import invalid
from kerasx.layers import Embedding, GatedAttentionUnit, MultiHeadAttention
from kerasx.layers.inputs import roles_of


def count_flops(model, inputs):
    """Count the floating-point operations of the matrix products in a forward pass.

    A product of (n, i) and (i, j) has 2 n i j. Dense layers, scores of the token table, and the two
    products of attention (all n² pairs, whatever the mask) are counted; sums, norms and lookups,
    which take no share worth naming, are not. Training takes three times as many.

    Args:
        model: a functional keras.Model.
        inputs: arrays or tensors that the model is called on, of which only the shapes matter.

    Returns:
        int.

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 1, 2, 16, with_mlm="linear")
    >>> bert.build()
    >>> ids = keras.KerasTensor((4, 10), "int32")
    >>> block, scores = 2 * 40 * 8 * (4 * 8 + 2 * 16) + 4 * 4 * 10**2 * 8, 2 * 40 * 8 * (8 + 30)
    >>> count_flops(bert.model, [ids, ids]) == block + scores
    True
    """
    if not getattr(model, "inputs", None):
        raise invalid("`model` must be a graph of layers, not a subclass.", model=model)
    counts = []

    def call(layer, *args, **kwargs):
        if isinstance(layer, keras.Model):
            return run_graph(_graph(layer), args[0], call)
        counts.append(_of_layer(layer, *args, **kwargs))
        return layer.compute_output_spec(*args, **kwargs)

    shapes = [keras.KerasTensor(x.shape, x.dtype) for x in keras.tree.flatten(inputs)]
    run_graph(_graph(model), shapes, call)
    return sum(counts)


def count_tokens(model, inputs):
    """Count the tokens that a model reads: ids of its inputs with the role of tokens.

    Args:
        model: a functional keras.Model; without such inputs the first one is counted.
        inputs: arrays or tensors that the model is called on.

    >>> from kerasx.models import T5
    >>> t5 = T5(30, 8, 1, 2, 16)
    >>> t5.build()
    >>> count_tokens(t5.model, [keras.KerasTensor((2, 9)), keras.KerasTensor((2, 5))])
    28
    """
    inputs = keras.tree.flatten(inputs)
    read = [x for x, role in zip(inputs, roles_of(model)) if role in ("token", "source")]
    return sum(math.prod(x.shape) for x in read or inputs[:1])


def _graph(model):
    """Return a model with the graph of a model of any class, as keras.Sequential is one."""
    return keras.Model(model.inputs, model.outputs)


def _of_layer(layer, *args, **kwargs):
    """Count the operations of a layer, called on tensors of known shapes."""
    tensors = keras.tree.flatten(args)
    if not tensors or not isinstance(layer, keras.layers.Layer):
        return 0
    first = tensors[0].shape
    if isinstance(layer, MultiHeadAttention):
        return _of_attention(layer, first, tensors[1].shape)
    if isinstance(layer, Embedding):
        scores = "dense" in (*args[1:], kwargs.get("mode"))
        return 2 * math.prod(first) * layer.input_dim if scores else 0
    dense = 2 * math.prod(first[:-1]) * _kernels(layer)
    if isinstance(layer, GatedAttentionUnit):
        b, n, _ = first
        return dense + 2 * b * n * n * (layer.key_size + layer.units)
    return dense


def _of_attention(layer, query, key):
    """Count the four projections, and the scores and sums of the values, of each head."""
    (b, n, _), m = query, key[1]
    projections = n * _kernels(layer.q_dense, layer.o_dense)
    projections += m * _kernels(layer.k_dense, layer.v_dense)
    return 2 * b * (projections + n * m * layer.heads * (layer.key_size + layer.head_size))


def _kernels(*layers):
    """Return the number of weights in the kernels of dense layers, at any depth."""
    dense = (keras.layers.Dense, keras.layers.EinsumDense)
    inside = {id(part): part for layer in layers for part in all_layers(layer)}
    return sum(math.prod(part.kernel.shape) for part in inside.values() if isinstance(part, dense))
