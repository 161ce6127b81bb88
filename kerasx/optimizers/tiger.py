"""Tiger: an optimizer with one slot, the momentum, which also accumulates gradients."""

import collections

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import (
    ScalesLearningRate,
    decays_by_itself,
    uses_weight_decay,
    variable_index,
)
from kerasx.checks import check_integer
from kerasx.ops import piecewise_linear
from kerasx.optimizers.schedules import numeric_schedule
from kerasx.optimizers.variable_kinds import is_embedding, is_scale, is_vector

# is the variable a vector, an embedding, does it shrink towards 1 (not 0), and its λ
Rule = collections.namedtuple("Rule", "vector embedding center decay")


@keras.saving.register_keras_serializable("kerasx")
@decays_by_itself  # with the rate of each variable, and only on updates
class Tiger(ScalesLearningRate, backend.InPlace, keras.optimizers.Optimizer):
    """Tight-fisted optimizer: m ← β m + (1 - β) g,  θ ← θ - η (sign(m) + λ θ).

    It has one slot for each parameter, even with gradient accumulation over k micro-batches, since
    the momentum itself is the sum: in micro-step t = 1, 2, ... it is multiplied by β if k divides
    t - 1 and by 1 otherwise, then (1 - β) g / k is added; θ moves only where k divides t. This
    equals a step on the mean gradient of the k micro-batches exactly. The micro-batches weigh the
    same, since one slot cannot keep the sum apart from the old momentum: where their numbers of
    tokens differ, `extend_with_gradient_accumulation(Tiger)` equals the large batch.

    The rate η and the decay λ depend on the variable; α is `learning_rate` times `lr_schedule`:

    - vectors (names with bias, beta, gamma, scale or offset, whatever their shape, and shapes with
      at most one axis longer than 1): η = α / 2, λ = 0;
    - names with embedding: η = α · RMS(θ) of each row;
    - all other variables: η = α · RMS(θ).

    So α is the relative change of a matrix in one step, 1e-3 to 2e-3 for most models. RMS(θ) is
    at least `min_rms`; without this floor a matrix of zeros, such as `lora_kernel_b` or the output
    of a zero-initialised block, would never move. A larger `min_rms` starts it faster, and 0 gives
    the method as published.

    A variable whose gradient is not finite keeps its momentum in that micro-step and shrinks,
    θ ← (θ - c) s + c, with c = 1 for gamma and scale and 0 otherwise.

    Args:
        learning_rate: α, a float, schedule or callable.
        beta: β; 0.965 suits language, 0.945 images.
        weight_decay: λ.
        grad_accum_steps: k, the number of micro-batches for each update. They weigh the same,
            whatever their numbers of tokens; for weighed ones extend Tiger with
            `extend_with_gradient_accumulation`. Clipping acts on each micro-batch, unlike with
            Keras's `gradient_accumulation_steps`.
        lr_schedule: {micro-step: factor of α}, piecewise linear as in `PiecewiseLinear`.
        shrink_ratio: s.
        min_rms: the floor of RMS(θ).
        **kwargs: arguments of keras.optimizers.Optimizer.

    Source: kexue.fm/archives/9512, 8634.

    >>> theta = keras.Variable([3.0, 4.0], name="bias")
    >>> Tiger(0.1).apply([ops.array([2.0, -5.0])], [theta])
    >>> print(ops.convert_to_numpy(theta).round(4))
    [2.95 4.05]
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta=0.965,
        weight_decay=0.01,
        grad_accum_steps=1,
        lr_schedule=None,
        shrink_ratio=0.99,
        min_rms=1e-3,
        name="tiger",
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.beta = beta
        self.grad_accum_steps = check_integer("grad_accum_steps", grad_accum_steps, least=1)
        self._own_steps = self.grad_accum_steps  # an extension has the name, too
        self.lr_schedule = numeric_schedule(lr_schedule or {0: 1.0}, "lr_schedule")
        self.shrink_ratio = shrink_ratio
        self.min_rms = min_rms

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._momenta = self.add_optimizer_variables(variables, "momentum")
        # now, as on TensorFlow update_step sees tf.Variables with other names
        self._rules = [self._rule(v) for v in variables]

    def _rule(self, variable):
        vector = is_vector(variable)
        decays = self.weight_decay and not vector and uses_weight_decay(self, variable)
        return Rule(
            vector, is_embedding(variable), is_scale(variable), self.weight_decay if decays else 0.0
        )

    def rate_factor(self):
        return piecewise_linear(self.iterations, self.lr_schedule)

    def update_step(self, gradient, variable, learning_rate):
        index, dtype, k = variable_index(self, variable), variable.dtype, self._own_steps
        m, rule = self._momenta[index], self._rules[index]
        g = backend.dense(gradient, dtype)
        finite = ops.isfinite(ops.sum(g))
        rate = ops.cast(learning_rate, dtype) * self._scale(variable, rule)
        if k == 1:
            beta = ops.where(finite, self.beta, 1.0)
        else:
            beta = ops.where(ops.logical_and(finite, self._micro_step(0)), self.beta, 1.0)
            rate = ops.where(self._micro_step(k - 1), rate, 0.0)
        beta, g = ops.cast(beta, dtype), ops.where(finite, g, 0.0)
        self.accumulate(m, beta, g, scale=(1 - self.beta) / k)
        rate = ops.cast(ops.where(finite, rate, 0.0), dtype)
        shrink = ops.cast(ops.where(finite, 0.0, 1 - self.shrink_ratio), dtype)
        step = backend.add_scaled(rate * ops.sign(m), shrink + rate * rule.decay, variable)
        self.assign_sub(variable, step - shrink if rule.center else step)

    def _micro_step(self, i):
        """Return whether the present batch is micro-step i of the k (0 ... k - 1) of an update."""
        return ops.equal(self.iterations % self._own_steps, i)

    def _scale(self, variable, rule):
        """Return η / α, the factor of the learning rate for this variable."""
        if rule.vector:
            return 0.5
        axis = tuple(range(1, len(variable.shape))) if rule.embedding else None
        return ops.maximum(ops.sqrt(backend.mean_square(variable, axis)), self.min_rms)

    def get_config(self):
        return {
            **super().get_config(),
            "beta": self.beta,
            "grad_accum_steps": self._own_steps,
            "lr_schedule": self.lr_schedule,
            "shrink_ratio": self.shrink_ratio,
            "min_rms": self.min_rms,
        }
