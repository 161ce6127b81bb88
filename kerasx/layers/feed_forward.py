"""The position-wise network of a Transformer block."""

import keras

from kerasx import backend
from kerasx.layers.parts import another
from kerasx.layers.recompute import Recomputable
from kerasx.ops import get_activation


@keras.saving.register_keras_serializable("kerasx")
class FeedForward(Recomputable):
    """Position-wise feed-forward network act(x W_1) W_2, or gated, (Π_i act_i(x W_1i)) W_2.

    Args:
        units: width of the hidden layer.
        activation: activation, or a list of them for the gated form; T5 1.1 has ["gelu", "linear"].
        use_bias: use biases in all projections.
        kernel_initializer: initializer of all kernels.
        out_dtype: dtype of the last projection, if it differs from that of the layer: "float32"
            keeps outputs finite that would overflow float16.
        recompute: as in `Recomputable`.

    Source: arXiv 1706.03762; gated, arXiv 2002.05202.

    >>> keras.ops.shape(FeedForward(16, ["gelu", "linear"])(keras.ops.ones((2, 3, 4))))
    (2, 3, 4)
    """

    def __init__(
        self,
        units,
        activation="relu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        out_dtype=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.activation = list(activation) if isinstance(activation, (list, tuple)) else activation
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.out_dtype = out_dtype
        self.supports_masking = True

    def build(self, input_shape):
        gated = self.activation if isinstance(self.activation, list) else [self.activation]
        self.i_denses = []
        for i, activation in enumerate(gated):
            dense = self._dense(self.units, f"i{i}_dense", get_activation(activation))
            dense.build(input_shape)
            self.i_denses.append(dense)
        self.o_dense = self._dense(input_shape[-1], "o_dense", dtype=self.out_dtype)
        self.o_dense.build((*input_shape[:-1], self.units))

    def _dense(self, units, name, activation=None, dtype=None):
        return keras.layers.Dense(
            units,
            activation,
            self.use_bias,
            kernel_initializer=another(self.kernel_initializer),
            dtype=dtype or self.dtype_policy,
            name=name,
        )

    @backend.recompute_grad
    def call(self, inputs):
        x, *gates = [dense(inputs) for dense in self.i_denses]
        for gate in gates:
            x = x * gate
        return self.o_dense(x)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.o_dense.compute_dtype)

    def get_config(self):
        activations = keras.saving.serialize_keras_object(self.activation)
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "out_dtype": self.out_dtype,
        }
