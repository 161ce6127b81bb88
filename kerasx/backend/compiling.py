"""Compile a pure function that calls layers, on each backend."""

import ctypes
import functools
import sys

import keras


def compiled(function, layers):
    """Compile a function for inference, once for each set of input shapes.

    TensorFlow and JAX compile with XLA. PyTorch runs the function uncompiled, in inference mode;
    `traced` speeds up a step that the function repeats.

    Args:
        function: takes and returns structures of tensors, and may call `layers`. It must not
            change their weights.
        layers: layers or models that the function calls. Each call uses their present weights.

    Returns:
        A function of NumPy arrays or tensors, without gradients.

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

    run = tf.function(function, jit_compile=True)
    return lambda *args: run(*keras.tree.map_structure(tf.convert_to_tensor, args))


def _jax(function, layers):
    import jax

    @jax.jit
    def run(values, args):
        with keras.StatelessScope(state_mapping=list(zip(variables(), values, strict=True))):
            return function(*args)

    def variables():
        unique = {id(v): v for layer in layers for v in layer.variables}
        return list(unique.values())

    known = set()

    def call(*args):
        inputs = [v.value for v in variables()], args
        shapes = tuple([tuple(x.shape) for x in keras.tree.flatten(args)])
        if shapes not in known:
            known.add(shapes)
            # `run` finds this program. It is compiled first, so that the memory of the compiler is
            # given back before the run takes its own.
            run.lower(*inputs).compile()
            _give_memory_back()
        return run(*inputs)

    return call


def _give_memory_back():
    """Return to the system what XLA has freed after compiling, which glibc would keep.

    A small model decodes on JAX with a peak of 519 MB, and of 589 MB without this
    (`python -m benchmarks.decoding --task beam --peers kerasx-jax --new-tokens 32`). TensorFlow
    gains less than 1%.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in other C libraries
        if trim is not None:
            trim(0)


def _torch(function):
    import torch

    @functools.wraps(function)
    def run(*args):
        with torch.inference_mode():
            return function(*keras.tree.map_structure(keras.ops.convert_to_tensor, args))

    return run


def traced(function):
    """Record a step of a loop as a graph of tensor operations, for use within `compiled`.

    PyTorch would run the Python code of every layer in every round of the loop, which takes as
    long as the arithmetic of a small model. The step is recorded once for each set of input
    shapes; a call uses the present weights. TensorFlow and JAX compile the whole loop, and
    get the function back unchanged.

    Args:
        function: takes and returns structures of tensors. Its control flow and its output shapes
            may depend on the shapes of its inputs, not on their values.

    Returns:
        A function of the same arguments.
    """
    if keras.backend.backend() != "torch":
        return function
    import torch

    graphs = {}

    def run(*args):
        # Each line here is paid in each round of the loop, so plain tensors skip keras.tree.
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
    """Return a graph from flat inputs to flat outputs, and the structure of the outputs."""
    from torch.fx.experimental.proxy_tensor import make_fx

    structure = None

    def flattened(*flat):
        nonlocal structure
        structure = function(*keras.tree.pack_sequence_as(args, list(flat)))
        return keras.tree.flatten(structure)

    graph = make_fx(flattened)(*flat)
    return graph.forward, keras.tree.map_structure(lambda x: 0, structure)


def write_slots(cache, values, index):
    """Write values into consecutive slots of a key or value cache.

    Args:
        cache: (b, h, slots, d). PyTorch changes it in place, as it has no compiler to see that
            the old cache is not needed any more.
        values: (b, h, n, d), for the slots index, ..., index + n - 1.
        index: integer, scalar.

    Returns:
        The cache with the values, (b, h, slots, d).
    """
    if keras.backend.backend() == "torch":
        import torch

        slots = index + torch.arange(values.shape[2], device=values.device)
        return cache.index_copy_(2, slots, values)
    return keras.ops.slice_update(cache, (0, 0, index, 0), values)
