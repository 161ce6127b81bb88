"""Loop over the first axis, with a gradient that every backend can compile."""

import keras
from keras import ops


def scan(step, init, xs, reverse=False):
    """Scan a function over the first axis, like keras.ops.scan.

    keras.ops.scan has no gradient inside XLA on TensorFlow: XLA stores the tensors of the backward
    pass in lists of fixed size, so the loop has to state its greatest length.

    Args:
        step: function (carry, x) -> (carry, y) of structures of tensors.
        init: the first carry.
        xs: structure of tensors (n, ...); n may be 0 and, on TensorFlow, unknown.
        reverse: go from the last x to the first; y stays at the index of its x.

    Returns:
        (last carry, all y stacked, (n, ...)).

    >>> last, sums = scan(lambda s, x: (s + x, s + x), ops.zeros(()), ops.array([1.0, 2.0, 4.0]))
    >>> ops.convert_to_numpy(sums).tolist()
    [1.0, 3.0, 7.0]
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow(step, init, xs, reverse)
    if keras.tree.flatten(xs)[0].shape[0] == 0:
        return init, _no_outputs(step, init, xs)
    if keras.backend.backend() == "torch" and isinstance(xs, tuple):
        return _torch(step, init, xs, reverse)
    return ops.scan(step, init, xs, reverse=reverse)


def _no_outputs(step, init, xs):
    first = keras.tree.map_structure(lambda x: ops.zeros(x.shape[1:], x.dtype), xs)
    return keras.tree.map_structure(lambda y: ops.stack([y])[:0], step(init, first)[1])


def _torch(step, carry, xs, reverse):
    # not ops.scan: it flattens trees at each step, which takes longer than little arithmetic
    steps = list(zip(*(ops.unstack(x) for x in xs)))
    outputs = []
    for x in reversed(steps) if reverse else steps:
        carry, y = step(carry, x)
        outputs.append(y)
    if reverse:
        outputs.reverse()
    return carry, keras.tree.map_structure(lambda *y: ops.stack(y), *outputs)


def _tensorflow(step, init, xs, reverse):
    import tensorflow as tf

    flat = [tf.convert_to_tensor(x) for x in keras.tree.flatten(xs)]
    n = flat[0].shape[0]
    length = tf.shape(flat[0])[0] if n is None else n
    arrays = [tf.TensorArray(x.dtype, length, element_shape=x.shape[1:]).unstack(x) for x in flat]

    def read(i):
        return keras.tree.pack_sequence_as(xs, [array.read(i) for array in arrays])

    first = keras.tree.map_structure(lambda x: tf.zeros(tf.shape(x)[1:], x.dtype), xs)
    outputs = step(init, first)[1]  # for their structure and shapes only
    written = [
        tf.TensorArray(y.dtype, length, element_shape=y.shape) for y in keras.tree.flatten(outputs)
    ]

    def body(t, carry, written):
        i = length - 1 - t if reverse else t
        carry, y = step(carry, read(i))
        return t + 1, carry, [w.write(i, v) for w, v in zip(written, keras.tree.flatten(y))]

    loop = tf.while_loop(
        lambda t, *_: t < length, body, (0, init, written), maximum_iterations=length
    )
    stacked = [array.stack() for array in loop[2]]
    return loop[1], keras.tree.pack_sequence_as(outputs, stacked)
