"""The mean of a value that a layer computes in each batch, for the logs of `fit`."""

import keras
from keras import ops

from kerasx.backend.keras_internals import in_stateless_scope


class BatchMean(keras.metrics.Metric):
    """Mean over batches of a value that is known only within a layer's call.

    A weight of the layer holds the sum and the number of batches: on JAX a training step returns
    what a call assigned to weights, but not what it assigned to variables of a metric.

    Args:
        state: variable (2,), which does not train.
        name: key of the logs.
    """

    def __init__(self, state, name):
        super().__init__(name=name)
        self.state = lambda: state  # within a function: a variable would become the metric's own

    def update_state(self, value):
        value = ops.cast(ops.mean(ops.cast(value, "float32")), "float32")
        state = self.state()
        state.assign(state + ops.stop_gradient(ops.stack([value, ops.ones_like(value)])))

    def result(self):
        if keras.backend.backend() == "jax" and in_stateless_scope():
            return ops.convert_to_tensor(float("nan"))  # the step does not pass the weights on
        total, batches = ops.unstack(self.state().value)
        return total / ops.maximum(batches, 1)

    def reset_state(self):
        self.state().assign([0.0, 0.0])
