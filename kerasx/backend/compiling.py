"""Compile a pure function that calls layers, on each backend."""

import ctypes
import functools
import sys

import keras

__all__ = ["compiled", "traced", "write_slots"]


def compiled(function, layers):
    """`function(*tensors)` without gradients, compiled once for each set of input shapes.

    XLA on TensorFlow and JAX; on PyTorch the function runs as it is, in inference mode, and what
    it repeats is better `traced`.

    Args:
        function: takes and returns (structures of) tensors, and may call the layers. It must not
            change their weights.
        layers: the layers (or models) it calls; their weights are read anew at each call.

    Returns:
        A function of NumPy arrays or tensors.

    >>> dense = keras.layers.Dense(1, kernel_initializer="ones")
    >>> dense.build((1, 3))
    >>> f = compiled(lambda x: dense(x) * 2, [dense])
    >>> keras.ops.convert_to_numpy(f(keras.ops.ones((1, 3)))).tolist()
    [[6.0]]
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow(function)
    if backend == "jax":
        return _jax(function, layers)
    return _torch(function)


def _tensorflow(function):
    import tensorflow as tf

    run, is_new = tf.function(function, jit_compile=True), _new_shapes()

    def call(*args):
        args = keras.tree.map_structure(tf.convert_to_tensor, args)
        results = run(*args)
        if is_new(args):
            _give_memory_back()
        return results

    return call


def _jax(function, layers):
    import jax

    @jax.jit
    def run(values, args):
        with keras.StatelessScope(state_mapping=list(zip(variables(), values, strict=True))):
            return function(*args)

    def variables():
        unique = {id(v): v for layer in layers for v in layer.variables}
        return list(unique.values())

    is_new = _new_shapes()

    def call(*args):
        inputs = [v.value for v in variables()], args
        if is_new(args):
            run.lower(*inputs).compile()  # what `run` finds, and its own memory comes after
            _give_memory_back()
        return run(*inputs)

    return call


def _torch(function):
    import torch

    @functools.wraps(function)
    def run(*args):
        with torch.inference_mode():
            return function(*keras.tree.map_structure(keras.ops.convert_to_tensor, args))

    return run


def _new_shapes():
    """A function of arguments: whether their shapes come for the first time."""
    known = set()

    def is_new(args):
        shapes = tuple([tuple(x.shape) for x in keras.tree.flatten(args)])
        new = shapes not in known
        known.add(shapes)
        return new

    return is_new


def _give_memory_back():
    """Return what a compiler has used and freed, which glibc keeps for later, to the system.

    It is a fifth of the process where a small model decodes (`benchmarks/decoding.py`).
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)


def traced(function):
    """`function(*tensors)` without the Python of the layers it calls, for use within `compiled`.

    On PyTorch the function is recorded once for each set of input shapes as a graph of tensor
    operations, which a loop then repeats; layers would be called anew in each round, and take as
    long as their arithmetic where that is small. The weights are those of the time of the call.
    The other backends compile the whole loop, and the function stays as it is.

    Args:
        function: takes and returns structures of tensors, its shapes depending on shapes only.
    """
    if keras.backend.backend() != "torch":
        return function
    import torch

    graphs = {}

    def run(*args):
        # a step of a few operations waits for all that is done here: no trees unless there are any
        plain = all([type(x) is torch.Tensor for x in args])
        flat = args if plain else keras.tree.flatten(args)
        key = (*[x.shape for x in flat], *[x.dtype for x in flat])
        found = graphs.get(key)
        if found is None:
            found = graphs[key] = _record(function, args, flat)
        graph, structure = found
        results = graph(*flat)
        if structure == 0:
            return results[0]
        if structure == (0,) * len(results):
            return tuple(results)
        return keras.tree.pack_sequence_as(structure, results)

    return run


def _record(function, args, flat):
    """(graph from flat inputs to flat outputs, structure of the outputs)."""
    from torch.fx.experimental.proxy_tensor import make_fx

    structure = None

    def flattened(*flat):
        nonlocal structure
        structure = function(*keras.tree.pack_sequence_as(args, list(flat)))
        return keras.tree.flatten(structure)

    graph = make_fx(flattened)(*flat)
    return graph.forward, keras.tree.map_structure(lambda x: 0, structure)


def write_slots(cache, values, index):
    """`cache` (b, h, slots, d) with `values` (b, h, n, d) at slots index..index+n.

    In place on PyTorch, which has no compiler to see that the old cache is not needed.
    """
    if keras.backend.backend() == "torch":
        import torch

        slots = index + torch.arange(values.shape[2], device=values.device)
        return cache.index_copy_(2, slots, values)
    return keras.ops.slice_update(cache, (0, 0, index, 0), values)
