"""The last micro-batches of gradient accumulation."""

import keras

from kerasx.training.objective import step_of

__all__ = ["FlushGradients"]


class FlushGradients(keras.callbacks.Callback):
    """Calls `model.optimizer.flush()` when training ends, so that no gradient is lost.

    An optimizer that accumulates k batches holds up to k - 1 of them at the end of the data;
    `flush` makes the step from what there is. An optimizer that weighs batches by their examples
    is told how many there are, by kerasx's training step, which the model gets if it trains as
    keras.Model does. So batches of any sizes are exactly the large batch that they make up.
    Other optimizers are left alone.

    Args:
        each_epoch: also at the end of each epoch, before the callbacks that follow in the list
            see the weights; then no gradient is carried into the next epoch.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> data = keras.ops.ones((4, 2)), keras.ops.ones((4, 1))
    >>> _ = model.fit(*data, callbacks=[FlushGradients()], verbose=0)
    """

    def __init__(self, each_epoch=False):
        super().__init__()
        self.each_epoch = each_epoch

    def set_model(self, model):
        super().set_model(model)
        plain = type(model).train_step is keras.Model.train_step
        if plain and hasattr(_inner(model.optimizer), "examples"):
            step_of(model)

    def on_epoch_end(self, epoch, logs=None):
        if self.each_epoch:
            self._flush()

    def on_train_end(self, logs=None):
        self._flush()

    def _flush(self):
        optimizer = _inner(self.model.optimizer)
        if hasattr(optimizer, "flush"):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            optimizer.flush()


def _inner(optimizer):
    return getattr(optimizer, "inner_optimizer", optimizer)
