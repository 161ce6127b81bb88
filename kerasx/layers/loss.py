"""The loss inside the model."""

import keras

__all__ = ["Loss"]


@keras.saving.register_keras_serializable("kerasx")
class Loss(keras.layers.Layer):
    """A layer that adds a loss to the model and passes its input on.

    Subclass it, override `compute_loss`, and compile the model without a loss. The labels are
    inputs of the model like any other, so a loss may use whatever tensors it likes.

    Args:
        output_axis: which input is passed on: an index, a list of indices, or None for all.

    >>> class MeanSquare(Loss):
    ...     def compute_loss(self, inputs, mask=None):
    ...         y_true, y_pred = inputs
    ...         return keras.ops.mean((y_true - y_pred) ** 2)
    >>> y_true, x = keras.Input((1,)), keras.Input((2,))
    >>> y_pred = MeanSquare(output_axis=1)([y_true, keras.layers.Dense(1)(x)])
    >>> model = keras.Model([y_true, x], y_pred)
    >>> model.compile("adam")
    """

    def __init__(self, output_axis=None, **kwargs):
        super().__init__(**kwargs)
        self.output_axis = output_axis
        self.supports_masking = True

    def compute_loss(self, inputs, mask=None):
        """The scalar loss of `inputs`, whose Keras masks are in `mask`."""
        raise ValueError(
            f"`{type(self).__name__}` must override compute_loss(self, inputs, mask=None) "
            "and return a scalar."
        )

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else self._select(mask)

    def call(self, inputs, mask=None):
        self.add_loss(self.compute_loss(inputs, mask))
        return self._select(inputs)

    def _select(self, values):
        if self.output_axis is None:
            return values
        if isinstance(self.output_axis, (list, tuple)):
            return [values[i] for i in self.output_axis]
        return values[self.output_axis]

    def compute_output_spec(self, inputs, mask=None):
        def spec(x):
            return keras.KerasTensor(x.shape, dtype=x.dtype)

        selected = self._select(inputs)
        return (
            [spec(x) for x in selected] if isinstance(selected, (list, tuple)) else spec(selected)
        )

    def get_config(self):
        return {**super().get_config(), "output_axis": self.output_axis}
