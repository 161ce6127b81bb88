"""Amos: learning rate and weight decay derived for the direction of any optimizer."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import uses_weight_decay, variable_index
from kerasx.checks import check_choice, check_number, invalid
from kerasx.optimizers.extension import Extension, extend
from kerasx.optimizers.variable_kinds import is_vector


@keras.saving.register_keras_serializable("kerasx")
class AmosDecay(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate base · D(t) of Amos, which halves after the half-life T.

    D(t) = 1 / (1 + t / T), or 1 / (1 + (√2 - 1) t / T)² with `square`. It follows from asking
    that weight decay must not bias the solution.

    Args:
        half_life: T > 0, in steps.
        base: the learning rate at step 0.
        square: whether to use the second form, derived for gradient noise that does not shrink
            relative to the gradient.

    Source: kexue.fm/archives/9344.

    >>> [round(float(AmosDecay(100)(t)), 3) for t in (0, 100, 300)]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, half_life, base=1.0, square=False):
        self.half_life = check_number("half_life", half_life, above=0)
        self.base = base
        self.square = square

    def __call__(self, step):
        t = ops.cast(step, "float32") / self.half_life
        return self.base / (1 + (2**0.5 - 1) * t) ** 2 if self.square else self.base / (1 + t)

    def get_config(self):
        return {"half_life": self.half_life, "base": self.base, "square": self.square}


@keras.saving.register_keras_serializable("kerasx")
class Amos(Extension):
    """Mixin with the learning rate and weight decay of Amos; see `extend_with_amos`."""

    def __init__(
        self,
        *args,
        half_life=None,
        square=False,
        q=1.0,
        norm="initial",
        min_rms=1e-3,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        if self.weight_decay is not None:
            raise invalid(
                "`weight_decay` must be None, as the decay follows from the learning rate: change "
                "`q` instead.",
                weight_decay=self.weight_decay,
            )
        self.half_life = half_life
        self.square = square
        self.q = check_number("q", q, above=0)
        self.norm = check_choice("norm", norm, ("initial", "current"))
        self.min_rms = min_rms
        self._decay = AmosDecay(half_life, square=square) if half_life is not None else None

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._sigmas = [self._initial_sigma(v) for v in variables]
        self._decays = [uses_weight_decay(self, v) for v in variables]

    def _initial_sigma(self, variable):
        if self.norm == "current":
            return None
        start = backend.value_at_build(variable).astype("float64")
        rms = max(float((start**2).mean()) ** 0.5, self.min_rms)
        initializer = keras.initializers.Constant(0.5 if is_vector(variable) else rms)
        return self.add_variable((), initializer, variable.dtype, name="sigma")

    def _rms(self, x):
        return ops.maximum(ops.sqrt(backend.mean_square(x)), self.min_rms)

    def compute_update(self, gradient, variable, learning_rate):
        index, dtype = variable_index(self, variable), variable.dtype
        u, scale = super().compute_update(backend.dense(gradient), variable, ops.cast(1.0, dtype))
        scale = ops.sign(scale)  # α_t divides by the size of u
        sigma = self._rms(variable) if self.norm == "current" else self._sigmas[index]
        d = 1.0 if self._decay is None else ops.cast(self._decay(self.iterations), dtype)
        square = backend.mean_square(u)
        rms = ops.sqrt(ops.where(square > 0, square, 1.0))
        alpha = scale * learning_rate * d * sigma / rms
        if self._decays[index]:  # ρ_t / α_t, in a form that does not divide by the learning rate
            decay = scale * learning_rate * rms / (2 * self.q * sigma)
            u = backend.add_scaled(u, -decay, variable)
        return u, alpha

    def get_config(self):
        return {
            **super().get_config(),
            "half_life": self.half_life,
            "square": self.square,
            "q": self.q,
            "norm": self.norm,
            "min_rms": self.min_rms,
        }


def extend_with_amos(BaseOptimizer, name=None):
    """Make a class with the learning rate and weight decay of Amos.

    Only the direction u of BaseOptimizer is taken: θ ← θ - α_t u - ρ_t θ, with

    α_t = α₀ √k σ / ‖u‖ · D(t),  ρ_t = α₀² / 2q · D(t)

    for a variable of k parameters of size σ, and D of `AmosDecay`. At t = 0 a matrix moves by the
    share α₀ of its size; the decay ρ_t does not depend on the learning rate of the step. σ is 0.5
    for vectors (names with bias, beta, gamma, scale or offset); for other variables it is their
    RMS when the optimizer is built, kept in a scalar slot, and at least `min_rms`, so that zeros
    can move. Keras's method `exclude_from_weight_decay` excludes variables from the decay.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer (`learning_rate` is α₀) and
        `half_life` (None): T of D, in steps; None for D = 1;
        `square` (False): whether D has its second form;
        `q` (1.0): squared distance that the parameters have to go, in units of k σ²;
        `norm` ("initial"): "current" takes σ = RMS(θ) at each step, which is LAMB;
        `min_rms` (1e-3): the least σ.

    Source: kexue.fm/archives/9344; arXiv 2210.11693.

    >>> optimizer = extend_with_amos(keras.optimizers.Adam)(0.01, half_life=1000)
    >>> theta = keras.Variable([[2.0, 2.0], [2.0, 2.0]], name="kernel")
    >>> optimizer.apply([ops.array([[1.0, -1.0], [5.0, 5.0]])], [theta])
    >>> print(ops.convert_to_numpy(theta).round(4))  # 2 ± 0.01 · 2 - 0.01² / 2 · 2
    [[1.9799 2.0199]
     [1.9799 1.9799]]
    """
    return extend(Amos, BaseOptimizer, name)
