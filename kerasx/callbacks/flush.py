"""Apply the gradients that accumulation still holds when training ends."""

import keras

from kerasx.callbacks.training_state import bare_optimizer, synced
from kerasx.training.objective import step_of


class FlushGradients(keras.callbacks.Callback):
    """Call `model.optimizer.flush()` when training ends, so that no gradient is lost.

    An optimizer made by `extend_with_gradient_accumulation` over k batches holds up to k - 1 of
    them at the end of the data; `flush` makes the step from those. The callback also gives the
    model kerasx's training step, which tells the optimizer what the loss of each batch was divided
    by (see `kerasx.training.weigh_batches`), so batches of any sizes equal the large batch they
    make up. Optimizers without `flush` are left alone.

    Args:
        each_epoch: whether to flush at the end of each epoch, too, before the callbacks that
            follow in the list.

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
        if plain and hasattr(bare_optimizer(model), "examples"):
            step_of(model)

    def on_epoch_end(self, epoch, logs=None):
        if self.each_epoch:
            self._flush()

    def on_train_end(self, logs=None):
        self._flush()

    def _flush(self):
        optimizer = bare_optimizer(self.model)
        if hasattr(optimizer, "flush"):
            synced(self.model)
            optimizer.flush()
