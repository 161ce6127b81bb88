"""AdaFactor: Adam with the second moment of a matrix kept as a row and a column."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import variable_index


class RelativeStep(keras.optimizers.schedules.LearningRateSchedule):
    """The schedule factor · min(0.01, 1/√t), t = 1, 2, ..., AdaFactor's without a learning rate."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def __call__(self, step):
        t = ops.cast(step, "float32") + 1
        return self.factor * ops.minimum(1e-2, ops.rsqrt(t))

    def get_config(self):
        return {"factor": self.factor}


def factored_axes(shape, smallest):
    """Return the two longest axes, in order, or None if one of them is shorter than `smallest`.

    >>> factored_axes((512, 8, 64), 32), factored_axes((512, 8), 32), factored_axes((512,), 1)
    ((0, 2), None, None)
    """
    longest = sorted(sorted(range(len(shape)), key=lambda i: shape[i])[-2:])
    long_enough = len(longest) == 2 and all(shape[i] >= smallest for i in longest)
    return tuple(longest) if long_enough else None


@keras.saving.register_keras_serializable("kerasx")
class AdaFactor(backend.InPlace, keras.optimizers.Optimizer):
    """Adam with O(n + m) floats instead of O(n m) for the second moment of an (n, m) matrix.

    R ← β₂ R + (1 - β₂) mean_j(g² + ε₁),  C ← β₂ C + (1 - β₂) mean_i(g² + ε₁),
    v_ij = R_i C_j / mean_i R,  u = g / √v,  û = u / max(1, RMS(u) / d),
    θ ← θ - α max(ε₂, RMS(θ)) û.

    R and C run over the two longest axes of a kernel, so attention kernels with axes (heads,
    head_size) are factored well, too; other axes are kept. Vectors and small matrices have a full
    v. With `beta1` > 0 the first moment of û takes the place of û.

    keras.optimizers.Adafactor of Keras 3.15 keeps a full v for matrices as well.

    Args:
        learning_rate: α; None for min(0.01, 1/√t), or a twentieth of it without the factor
            max(ε₂, RMS(θ)).
        beta1: decay of the first moment; 0 keeps none.
        beta2: decay of the second moment; None for 1 - t^-0.8.
        epsilon1, epsilon2: ε₁, ε₂.
        multiply_by_parameter_scale: whether to use the factor max(ε₂, RMS(θ)).
        clipping_threshold: d, or None.
        min_dim_size_to_factor: least size of the two longest axes of a kernel that is factored.
        exclude_from_parameter_scale: parts of the paths of variables to leave without the factor.
        **kwargs: arguments of keras.optimizers.Optimizer.

    Source: arXiv 1804.04235; kexue.fm/archives/7302.

    >>> theta = keras.Variable(2 * ops.ones((3, 4)), name="kernel")
    >>> AdaFactor(0.1, min_dim_size_to_factor=2).apply([5 * ops.ones((3, 4))], [theta])
    >>> round(float(ops.convert_to_numpy(theta)[0, 0]), 6)  # 2 - 0.1 * 2 * sign(5)
    1.8
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta1=0.0,
        beta2=None,
        epsilon1=1e-30,
        epsilon2=1e-3,
        multiply_by_parameter_scale=True,
        clipping_threshold=1.0,
        min_dim_size_to_factor=128,
        exclude_from_parameter_scale=None,
        name="adafactor",
        **kwargs,
    ):
        if learning_rate is None:
            learning_rate = RelativeStep(1.0 if multiply_by_parameter_scale else 0.05)
        super().__init__(learning_rate, name=name, **kwargs)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon1 = epsilon1
        self.epsilon2 = epsilon2
        self.multiply_by_parameter_scale = multiply_by_parameter_scale
        self.clipping_threshold = clipping_threshold
        self.min_dim_size_to_factor = min_dim_size_to_factor
        self.exclude_from_parameter_scale = exclude_from_parameter_scale

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        with_momentum = variables if self.beta1 else []
        self._first_moments = self.add_optimizer_variables(with_momentum, "momentum")
        self._second_moments = [self._second_moment(v) for v in variables]
        self._scaled = [self._is_scaled(v) for v in variables]

    def _second_moment(self, variable):
        """Make the slots [R, C] of a kernel, which broadcast against it, or [v]."""
        axes = factored_axes(variable.shape, self.min_dim_size_to_factor)
        slots = [("velocity", None)] if axes is None else [("row", axes[1]), ("column", axes[0])]
        slots = [
            (name, [1 if i == axis else n for i, n in enumerate(variable.shape)])
            for name, axis in slots
        ]
        dtype = backend.wide_dtype(variable.dtype)
        path = variable.path.replace("/", "_")
        return [
            self.add_variable(
                shape,
                dtype=dtype,
                layout=backend.layout_of_slot(variable, shape),
                name=f"{path}_{name}",
            )
            for name, shape in slots
        ]

    def _is_scaled(self, variable):
        excluded = self.exclude_from_parameter_scale or []
        return self.multiply_by_parameter_scale and not any(p in variable.path for p in excluded)

    def update_step(self, gradient, variable, learning_rate):
        index = variable_index(self, variable)
        slots = self._second_moments[index]
        g = backend.dense(gradient, slots[0].dtype)
        u = g * self._inverse_root(slots, g, variable.shape)
        clip, rate = self._clip(u), ops.cast(learning_rate, g.dtype)
        if self.beta1:
            m = self._first_moments[index]
            self.accumulate(m, self.beta1, ops.cast(clip * u, m.dtype))
            clip, u = 1.0, m
        if self._scaled[index]:
            square = backend.mean_square(ops.cast(variable, g.dtype))
            rate = rate * ops.maximum(ops.sqrt(square), self.epsilon2)
        rate = clip * rate  # scalars first: each product of tensors is a pass over memory
        self.assign_sub(variable, ops.cast(rate * u, variable.dtype))

    def _inverse_root(self, slots, g, shape):
        """Update the second moments by g and return 1 / √v."""
        t = ops.cast(self.iterations + 1, g.dtype)
        beta2 = 1 - t**-0.8 if self.beta2 is None else self.beta2
        axes = factored_axes(shape, self.min_dim_size_to_factor)
        if axes is None:
            self._average(slots[0], ops.square(g) + self.epsilon1, beta2)
            return ops.rsqrt(slots[0])
        row, column = slots
        for slot, axis in ((row, axes[1]), (column, axes[0])):
            self._average(slot, backend.mean_square(g, (axis,)) + self.epsilon1, beta2)
        return ops.rsqrt(row / ops.mean(row, axes[0], keepdims=True)) * ops.rsqrt(column)

    def _average(self, slot, value, beta2):
        self.assign(slot, beta2 * slot + (1 - beta2) * value)

    def _clip(self, u):
        """Return the factor that clips u."""
        if self.clipping_threshold is None:
            return 1.0
        rms = ops.sqrt(backend.mean_square(u))
        return 1.0 / ops.maximum(1.0, rms / self.clipping_threshold)

    def get_config(self):
        config = super().get_config()
        rate = config["learning_rate"]
        is_relative = isinstance(rate, dict) and rate["class_name"] == RelativeStep.__name__
        return {
            **config,
            "learning_rate": None if is_relative else rate,
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon1": self.epsilon1,
            "epsilon2": self.epsilon2,
            "multiply_by_parameter_scale": self.multiply_by_parameter_scale,
            "clipping_threshold": self.clipping_threshold,
            "min_dim_size_to_factor": self.min_dim_size_to_factor,
            "exclude_from_parameter_scale": self.exclude_from_parameter_scale,
        }
