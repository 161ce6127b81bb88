"""Let the replicas of TensorFlow update variables together: its optimizers add their gradients up.

Elsewhere each function does what its name says for one replica.
"""

import keras
from keras import ops

from kerasx.backend.replica_scope import devices_in_scope
from kerasx.backend.replicas import replica_count, replica_index, tensorflow_context


def only_first(tensors):
    """Return the tensors on the first replica and zeros on the others, for a sum over replicas.

    Optimizers on TensorFlow add the gradients of all replicas. Gradients that are those of the
    whole batch already go to them from one replica only, so that the optimizer clips their norm
    and not the norm of a part.
    """
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        return list(tensors)
    is_first = ops.equal(replica_index(), 0)
    return [None if t is None else ops.where(is_first, t, ops.zeros_like(t)) for t in tensors]


def sum_over_replicas(tensors):
    """Return what optimizers on TensorFlow make of the gradients of all replicas: their sum."""
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        return list(tensors)
    present = [ops.convert_to_tensor(t) for t in tensors if t is not None]
    import tensorflow as tf

    found = iter(tensorflow_context().all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if t is None else next(found) for t in tensors]


def run_if(condition, action, arguments=()):
    """Run `action(*arguments)` only if `condition`, a boolean scalar, is true.

    TensorFlow's replicas cannot enter a conditional in which they communicate, as optimizers do. So
    they meet outside of it, and the action runs for each of them within it.
    """
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        ops.cond(condition, lambda: action(*arguments), lambda: None)
        return

    def together(strategy, condition, arguments):
        condition = strategy.experimental_local_results(condition)[0]

        def each():
            strategy.extended.call_for_each_replica(action, args=arguments)

        ops.cond(condition, each, lambda: None)

    tensorflow_context().merge_call(together, args=(condition, arguments))


def run_on_replicas(function):
    """Call a function that uses an optimizer, outside of a step: on TensorFlow on every replica."""
    if keras.backend.backend() != "tensorflow" or devices_in_scope() == 1:
        return function()
    import tensorflow as tf

    return tf.distribute.get_strategy().run(function)


def assign_where_replicas_meet(variable, value, add=False):
    """Assign a value, equal on all replicas, to a slot; return whether it had to be done so.

    TensorFlow's replicas assign slots in `update_step` of an optimizer only, or where they meet.
    """
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        return False

    def together(strategy, value):
        def assign(variable, value):
            (variable.assign_add if add else variable.assign)(value)

        strategy.extended.update(variable.value, assign, args=(value,), group=False)

    tensorflow_context().merge_call(together, args=(value,))
    return True
