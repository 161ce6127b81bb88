"""Pool the real tokens of a sequence."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_choice, invalid
from kerasx.ops import sequence_masking


class _MaskedPooling(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *input_shape[2:])


@keras.saving.register_keras_serializable("kerasx")
class FirstToken(_MaskedPooling):
    """The vector of the first token, [CLS], from (b, n, d) to (b, d).

    >>> ops.shape(FirstToken()(ops.ones((2, 3, 4))))
    (2, 4)
    """

    def call(self, inputs):
        if inputs.shape[1] == 0:
            text = "The sequence must have a first token."
            raise invalid(text, **{"inputs.shape": tuple(inputs.shape)})
        return inputs[:, 0]


class _TimePooling(_MaskedPooling):
    """Pooling of (b, n, d), or of (b, d, n) with `data_format="channels_first"`, to (b, d)."""

    def __init__(self, data_format="channels_last", **kwargs):
        super().__init__(**kwargs)
        formats = ("channels_last", "channels_first")
        self.data_format = check_choice("data_format", data_format, formats)

    def call(self, inputs, mask=None):
        time_last = self.data_format == "channels_first"
        return self.pool(ops.swapaxes(inputs, 1, 2) if time_last else inputs, mask)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1 if self.data_format == "channels_first" else 2])

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


@keras.saving.register_keras_serializable("kerasx")
class GlobalAveragePooling1D(_TimePooling):
    """Mean of the real tokens, Σ m_i x_i / max(Σ m_i, 1); 0 if all are padding.

    Called on (b, n, d) with the Keras mask m (b, n); returns (b, d). With
    `data_format="channels_first"` it is called on (b, d, n).

    >>> x = ops.convert_to_tensor([[[1.0], [3.0], [8.0]]])
    >>> pooled = GlobalAveragePooling1D()(x, mask=ops.convert_to_tensor([[True, True, False]]))
    >>> ops.convert_to_numpy(pooled).tolist()
    [[2.0]]
    """

    def pool(self, inputs, mask):
        x = backend.widened(inputs)
        real = _real_tokens(inputs, mask)[..., None]
        total = ops.sum(ops.where(real, x, 0.0), axis=1)
        count = ops.sum(ops.cast(real, x.dtype), axis=1)
        return ops.cast(total / ops.maximum(count, 1), inputs.dtype)


@keras.saving.register_keras_serializable("kerasx")
class GlobalMaxPooling1D(_TimePooling):
    """Maximum of the real tokens; 0 if all are padding.

    Called on (b, n, d) with the Keras mask (b, n); returns (b, d). With
    `data_format="channels_first"` it is called on (b, d, n).

    >>> x = ops.convert_to_tensor([[[1.0], [3.0], [8.0]]])
    >>> pooled = GlobalMaxPooling1D()(x, mask=ops.convert_to_tensor([[True, True, False]]))
    >>> ops.convert_to_numpy(pooled).tolist()
    [[3.0]]
    """

    def pool(self, inputs, mask):
        if inputs.shape[1] == 0:
            return ops.sum(inputs, axis=1)  # zeros, where a maximum would raise an error
        real = _real_tokens(inputs, mask)
        highest = ops.max(sequence_masking(inputs, real, "-inf"), axis=1)
        return ops.where(ops.any(real, axis=1)[:, None], highest, ops.zeros_like(highest))


def _real_tokens(inputs, mask):
    """Return the mask (b, n) as booleans; without a mask all tokens are real."""
    if mask is None:
        return ops.ones(ops.shape(inputs)[:2], "bool")
    return ops.cast(mask, "bool")
