"""Evaluate a model with the moving averages of its weights."""

from contextlib import ExitStack, contextmanager

import keras

from kerasx.backend.keras_internals import moving_averages, variables_of
from kerasx.callbacks.training_state import bare_optimizer, synced
from kerasx.checks import invalid


@contextmanager
def averaged_weights(model):
    """Put the moving averages into the model within the block, and its own weights after it.

    The weights come back even if the block raises. The averages are those of a Keras optimizer
    with `use_ema=True`, or of an optimizer with the methods `apply_ema_weights()` and
    `reset_old_weights()`. Weights that the optimizer was not built for, such as those unfrozen
    later, have no average and stay as they are.

    Raises:
        ValueError: the optimizer keeps no averages.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(use_ema=True), "mse")
    >>> _ = model.fit(keras.ops.ones((4, 2)), keras.ops.ones((4, 1)), verbose=0)
    >>> with averaged_weights(model):
    ...     loss = model.evaluate(keras.ops.ones((4, 2)), keras.ops.ones((4, 1)), verbose=0)
    """
    optimizer = averaging_optimizer(model)
    if not (optimizer.built and int(optimizer.iterations)):  # nothing to average yet
        yield
        return
    if hasattr(optimizer, "apply_ema_weights"):
        apply, reset = optimizer.apply_ema_weights, optimizer.reset_old_weights
    else:
        apply, reset = _swap(optimizer)
    apply()
    try:
        yield
    finally:
        reset()


def averaging_optimizer(model):
    """Return the optimizer, taken out of a LossScaleOptimizer; raise if it keeps no averages."""
    optimizer = bare_optimizer(model)
    if not (hasattr(optimizer, "apply_ema_weights") or getattr(optimizer, "use_ema", False)):
        raise invalid(
            "`model.optimizer` must keep moving averages: pass use_ema=True to it, or extend its "
            "class with extend_with_exponential_moving_average.",
            optimizer=optimizer,
        )
    return optimizer


def _swap(optimizer):
    # not the model's trainable variables: some may have been frozen or added since
    pairs = zip(variables_of(optimizer), moving_averages(optimizer), strict=True)
    pairs = [(variable, average) for variable, average in pairs if average is not None]
    raw = [keras.ops.copy(variable) for variable, _ in pairs]

    def apply():
        for variable, average in pairs:
            variable.assign(keras.ops.copy(average))  # on JAX evaluate donates the buffer

    def reset():
        for (variable, _), value in zip(pairs, raw):
            variable.assign(value)

    return apply, reset


class EMAEvaluation(keras.callbacks.Callback):
    """Callback that runs validation and other callbacks with the moving averages of the weights.

        model.compile(keras.optimizers.Adam(use_ema=True), "mse")
        model.fit(..., validation_data=..., callbacks=[EMAEvaluation(Evaluator(f1, "best.keras"))])

    Training continues with its own weights, which come back after each evaluation even if it
    raises. The averages lie nearer to the minimum that the steps circle around, so models are
    usually evaluated and published with them (kexue.fm/archives/6575).

    Args:
        callbacks: callbacks whose `on_epoch_end` runs with the averages and whose other methods
            run as usual. Do not pass them to `fit` as well.

    Raises:
        ValueError: when training or evaluation begins, if the optimizer keeps no averages.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(use_ema=True), "mse")
    >>> data = keras.ops.ones((4, 2)), keras.ops.ones((4, 1))
    >>> _ = model.fit(*data, validation_data=data, callbacks=[EMAEvaluation()], verbose=0)
    """

    def __init__(self, *callbacks):
        super().__init__()
        self.inner = keras.callbacks.CallbackList(list(callbacks))
        self._averaged = ExitStack()

    def set_model(self, model):
        super().set_model(model)
        for callback in self.inner.callbacks:
            callback.set_model(model)

    def set_params(self, params):
        super().set_params(params)
        self.inner.set_params(params)

    def on_train_begin(self, logs=None):
        averaging_optimizer(self.model)
        self.inner.on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.inner.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            for callback in self.inner.callbacks:
                callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.inner.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.inner.on_train_batch_end(batch, logs)

    def on_train_end(self, logs=None):
        self.inner.on_train_end(logs)

    def on_test_begin(self, logs=None):
        self._averaged.close()  # left open by an evaluation that was interrupted
        self._averaged.enter_context(averaged_weights(self.model))
        self._guard()
        self.inner.on_test_begin(logs)

    def on_test_end(self, logs=None):
        self._averaged.close()
        self.inner.on_test_end(logs)

    def _guard(self):
        """Put the weights back when the test step raises, which Keras tells no callback."""
        model, test = self.model, self.model.test_function

        def guarded(*arguments):
            try:
                return test(*arguments)
            except BaseException:
                synced(model)
                self._averaged.close()
                raise

        def unguard():
            model.test_function = test

        model.test_function = guarded
        self._averaged.callback(unguard)
