"""Adam with or without bias correction."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import adam_slots


@keras.saving.register_keras_serializable("kerasx")
class Adam(backend.InPlace, keras.optimizers.Adam):
    """Adam with a choice of bias correction, as in bert4keras.

    m ← β₁ m + (1 - β₁) g,  v ← β₂ v + (1 - β₂) g²,
    θ ← θ - α m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε), or θ - α m / (√v + ε) without bias correction.

    keras.optimizers.Adam adds ε to √v before the correction, so its first steps are shorter where
    gradients are as small as ε.

    BERT was trained without it. The first steps are then larger by (1 - β₁) / √(1 - β₂), 3.2 for
    the defaults: use a warm-up.

    Args:
        learning_rate: α, a float, schedule or callable.
        beta_1, beta_2, epsilon: β₁, β₂, ε.
        bias_correction: whether to correct the bias of m and v, which start at zero.
        **kwargs: arguments of keras.optimizers.Adam.

    Source: arXiv 1412.6980.

    >>> theta = keras.Variable([1.0])
    >>> Adam(0.1, bias_correction=False).apply([ops.array([2.0])], [theta])
    >>> print(ops.convert_to_numpy(theta).round(4))
    [0.6838]
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-6,
        bias_correction=True,
        name="adam",
        **kwargs,
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name, **kwargs)
        self.bias_correction = bias_correction

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        g, (m, v, largest) = backend.dense(gradient, dtype), adam_slots(self, variable)
        self.accumulate(m, self.beta_1, g)
        self.accumulate(v, self.beta_2, g, g)
        if self.amsgrad:
            self.assign(largest, ops.maximum(largest, v))
            v = largest
        alpha, epsilon = ops.cast(learning_rate, dtype), self.epsilon
        if self.bias_correction:
            t = ops.cast(self.iterations + 1, dtype)
            root = ops.sqrt(1 - self.beta_2**t)
            alpha, epsilon = alpha * root / (1 - self.beta_1**t), epsilon * root
        self.assign_sub(variable, backend.root_ratio(m, v, epsilon), alpha)

    def get_config(self):
        return {**super().get_config(), "bias_correction": self.bias_correction}
