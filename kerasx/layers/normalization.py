"""Scale, offset and layer normalization, unconditional or conditional."""

import keras
from keras import ops

from kerasx import backend
from kerasx.layers.recompute import Recomputable
from kerasx.ops import align, get_activation


@keras.saving.register_keras_serializable("kerasx")
class ScaleOffset(Recomputable):
    """Scale and offset γ ⊙ x + β, which may depend on a condition c.

    With `conditional=True` the layer is called on [x, c] and uses γ + W_γ c and β + W_β c. Both
    kernels start at zero, so that training starts from the unconditional layer.

    Args:
        scale: use γ.
        offset: use β.
        conditional: whether the layer takes a condition c, (b, d) or (b, n, d).
        hidden_units: size of a hidden layer between c and the two kernels; None for no such layer.
        hidden_activation: activation of the hidden layer.
        hidden_initializer: initializer of its kernel.
        recompute: as in `Recomputable`.

    Source: kexue.fm/archives/7124.

    >>> ops.shape(ScaleOffset(conditional=True)([ops.ones((2, 3, 4)), ops.ones((2, 5))]))
    (2, 3, 4)
    """

    def __init__(
        self,
        scale=True,
        offset=True,
        conditional=False,
        hidden_units=None,
        hidden_activation="linear",
        hidden_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.conditional = conditional
        self.hidden_units = hidden_units
        self.hidden_activation = hidden_activation
        self.hidden_initializer = keras.initializers.get(hidden_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        shape, condition = input_shape if self.conditional else (input_shape, None)
        size = shape[-1]
        if self.offset:
            self.beta = self.add_weight(name="beta", shape=(size,), initializer="zeros")
        if self.scale:
            self.gamma = self.add_weight(name="gamma", shape=(size,), initializer="ones")
        if self.conditional:
            self._build_condition(condition, size)

    def _build_condition(self, shape, size):
        if self.hidden_units is not None:
            self.hidden_dense = keras.layers.Dense(
                self.hidden_units,
                use_bias=False,
                activation=get_activation(self.hidden_activation),
                kernel_initializer=self.hidden_initializer,
                dtype=self.dtype_policy,
                name="hidden_dense",
            )
            self.hidden_dense.build(shape)
            shape = (*shape[:-1], self.hidden_units)
        for name in ["beta"] * self.offset + ["gamma"] * self.scale:
            dense = keras.layers.Dense(
                size,
                use_bias=False,
                kernel_initializer="zeros",
                dtype=self.dtype_policy,
                name=f"{name}_dense",
            )
            dense.build(shape)
            setattr(self, f"{name}_dense", dense)

    def compute_mask(self, inputs, mask=None):
        return mask[0] if self.conditional and mask is not None else mask

    @backend.recompute_grad
    def call(self, inputs):
        x, condition = inputs if self.conditional else (inputs, None)
        return self.scale_and_offset(x, condition)

    def scale_and_offset(self, x, condition):
        """Compute γ ⊙ x + β, with γ and β moved by the condition, if there is one."""
        if condition is not None and self.hidden_units is not None:
            condition = self.hidden_dense(condition)
        if self.scale:
            x = x * self._moved("gamma", condition, x)
        return x + self._moved("beta", condition, x) if self.offset else x

    def _moved(self, name, condition, x):
        weight = ops.cast(getattr(self, name), x.dtype)
        if condition is None:
            return weight
        moved = weight + ops.cast(getattr(self, f"{name}_dense")(condition), x.dtype)
        rank = len(moved.shape)
        return align(moved, [0, *range(1 - rank, 0)], len(x.shape))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0] if self.conditional else input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "offset": self.offset,
            "conditional": self.conditional,
            "hidden_units": self.hidden_units,
            "hidden_activation": self.hidden_activation,
            "hidden_initializer": keras.initializers.serialize(self.hidden_initializer),
        }


@keras.saving.register_keras_serializable("kerasx")
class LayerNormalization(ScaleOffset):
    """Layer normalization γ ⊙ (x - mean x) / sqrt(var x + ε) + β, computed in float32 at least.

    Args:
        zero_mean: subtract the mean; False with `offset=False` gives RMS normalization.
        unit_variance: divide by the standard deviation.
        epsilon: ε; `keras.config.epsilon()` (1e-7) by default. BERT's models set 1e-12.
        scale, offset, conditional, hidden_units, ...: as in `ScaleOffset`.

    Source: arXiv 1607.06450, 1910.07467; kexue.fm/archives/7124.

    >>> x = LayerNormalization()(ops.convert_to_tensor([[1.0, 3.0]]))
    >>> ops.convert_to_numpy(x).round(3).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, zero_mean=True, unit_variance=True, epsilon=None, **kwargs):
        super().__init__(**kwargs)
        self.zero_mean = zero_mean
        self.unit_variance = unit_variance
        self.epsilon = keras.config.epsilon() if epsilon is None else epsilon

    @backend.recompute_grad
    def call(self, inputs):
        x, condition = inputs if self.conditional else (inputs, None)
        normal = backend.normalize(
            backend.widened(x), self.epsilon, self.zero_mean, self.unit_variance
        )
        return ops.cast(self.scale_and_offset(normal, condition), x.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "zero_mean": self.zero_mean,
            "unit_variance": self.unit_variance,
            "epsilon": self.epsilon,
        }
