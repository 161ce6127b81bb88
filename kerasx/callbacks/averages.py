"""Evaluation with the moving averages of the weights."""

from contextlib import ExitStack, contextmanager

import keras

from kerasx.backend.keras_internals import moving_averages

__all__ = ["EMAEvaluation", "averaged_weights"]


@contextmanager
def averaged_weights(model):
    """The model has the moving averages of its weights within the block, and its own after it.

    Also if the block raises. The averages are those of a Keras optimizer with `use_ema=True`, or
    of one with `apply_ema_weights()` and `reset_old_weights()`.

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
        apply, reset = _swap(model, optimizer)
    apply()
    try:
        yield
    finally:
        reset()


def averaging_optimizer(model):
    """The optimizer that keeps averages, taken out of a LossScaleOptimizer."""
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not (hasattr(optimizer, "apply_ema_weights") or getattr(optimizer, "use_ema", False)):
        raise ValueError(
            "`model.optimizer` must keep moving averages: pass use_ema=True to it, or extend its "
            f"class with extend_with_exponential_moving_average. Received: {optimizer!r}"
        )
    return optimizer


def _swap(model, optimizer):
    pairs = list(zip(model.trainable_variables, moving_averages(optimizer)))
    raw = [keras.ops.copy(variable) for variable, _ in pairs]

    def apply():
        for variable, average in pairs:
            variable.assign(keras.ops.copy(average))  # JAX gives its buffer away in evaluate

    def reset():
        for (variable, _), value in zip(pairs, raw):
            variable.assign(value)

    return apply, reset


class EMAEvaluation(keras.callbacks.Callback):
    """Validation, and the callbacks given, see the moving averages of the weights; training not.

        model.compile(keras.optimizers.Adam(use_ema=True), "mse")
        model.fit(..., validation_data=..., callbacks=[EMAEvaluation(Evaluator(f1, "best.keras"))])

    The weights of training are put back after each evaluation, also when it raises. An optimizer
    with averages is usually evaluated and published with them, since they lie nearer to the
    minimum that the steps circle around (kexue.fm/archives/6575).

    Args:
        callbacks: their `on_epoch_end` runs with the averages, all else as usual. Do not pass them
            to `fit` as well.

    Raises:
        ValueError: the optimizer keeps no averages; when training or evaluation begins.

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
        self._averaged.close()  # of an evaluation that never came to its end
        self._averaged.enter_context(averaged_weights(self.model))
        self._guard()
        self.inner.on_test_begin(logs)

    def on_test_end(self, logs=None):
        self._averaged.close()
        self.inner.on_test_end(logs)

    def _guard(self):
        """Keras tells no callback of an exception, so the step itself puts the weights back."""
        model, test = self.model, self.model.test_function

        def guarded(*arguments):
            try:
                return test(*arguments)
            except BaseException:
                if hasattr(model, "jax_state_sync"):
                    model.jax_state_sync()
                self._averaged.close()
                raise

        def unguard():
            model.test_function = test

        model.test_function = guarded
        self._averaged.callback(unguard)
