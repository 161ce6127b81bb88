"""Accumulate gradients over micro-batches, in a buffer or in the momentum."""

import keras
from keras import ops

from kerasx import backend
from kerasx.backend.keras_internals import (
    adam_slots,
    clip_gradients,
    variable_index,
    variable_indices,
    variables_of,
)
from kerasx.checks import check_integer, invalid
from kerasx.optimizers.extension import Extension, extend, float_slots, when


def _built_for(optimizer, variables):
    """Return the variables of `apply` as a list, after building the optimizer for them."""
    variables = list(variables_of(optimizer) if variables is None else variables)
    if not optimizer.built:
        with keras.name_scope(optimizer.name):
            optimizer.build(variables)
    return variables


@keras.saving.register_keras_serializable("kerasx")
class GradientAccumulation(Extension):
    """Mixin that sums gradients in a buffer; see `extend_with_gradient_accumulation`.

    `apply` adds n g to a float32 slot for each variable; after the last micro-batch of a window,
    `super().apply` gets the mean gradient, so clipping, schedules and the other mixins see one
    ordinary step.
    """

    def __init__(self, *args, grad_accum_steps=2, **kwargs):
        super().__init__(*args, **kwargs)
        self.grad_accum_steps = check_integer("grad_accum_steps", grad_accum_steps, least=1)
        self.examples = self._scalar("examples", "ones", "float32")
        self.micro_steps = self._scalar("micro_steps", "zeros", "int")
        self._pending_steps = self._scalar("pending_steps", "zeros", "int")
        self._pending_examples = self._scalar("pending_examples", "zeros", "float32")

    def _scalar(self, name, initializer, dtype):
        return self.add_variable((), initializer, dtype, "only_first_replica", name=name)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._sums = float_slots(self, variables, "gradient_sum")

    def apply(self, grads, trainable_variables=None):
        if not len(grads):
            return
        indices = variable_indices(self, _built_for(self, trainable_variables))
        grads = backend.sum_over_replicas(grads)
        present = {i for i, g in zip(indices, grads) if g is not None}
        for i, g in zip(indices, grads):
            if g is not None:
                dtype = self._sums[i].dtype
                n = ops.cast(self.examples, dtype)
                self.assign_add(self._sums[i], n * backend.dense(g, dtype))
        self.micro_steps.assign_add(1)
        self._pending_steps.assign_add(1)
        self._pending_examples.assign_add(self.examples)
        when(
            ops.equal(self._pending_steps, self.grad_accum_steps),
            lambda: self._update(present),
            [*variables_of(self), *self.variables],
        )

    def _update(self, present):
        """Apply the mean of the pending gradients; variables not `present` get None.

        A variable without a gradient must stay without one, or weight decay would move it.
        """
        n = self._pending_examples
        means = [
            ops.divide_no_nan(total, ops.cast(n, total.dtype)) if i in present else None
            for i, total in enumerate(self._sums)
        ]
        super().apply(backend.only_first(means), variables_of(self))
        for variable in [*self._sums, self._pending_steps, self._pending_examples]:
            self.assign(variable, ops.zeros(variable.shape, variable.dtype))

    def flush(self):
        """Apply the gradients that are pending, if any; call it outside of compiled functions.

        A variable without a gradient counts as one with the gradient 0.
        """
        if self.built and int(ops.convert_to_numpy(self._pending_steps)):
            backend.run_on_replicas(lambda: self._update(set(range(len(self._sums)))))

    def get_config(self):
        return {**super().get_config(), "grad_accum_steps": self.grad_accum_steps}


def extend_with_gradient_accumulation(BaseOptimizer, name=None):
    """Make a class that updates once every k micro-batches, with their mean gradient.

    g = Σ_i n_i g_i / Σ_i n_i, where n_i is the value of the optimizer's variable `examples` when
    g_i is applied: the number of terms of the mean loss of micro-batch i, such as its examples or
    its tokens. The callback `FlushGradients` and the training step of kerasx assign it (see
    `kerasx.training.weigh_batches`); otherwise it stays 1 and micro-batches weigh the same. The
    step equals that of one big batch, whatever the sizes of its parts. Clipping and finite checks
    act on g.

    Losses that compare the examples of a batch, such as `CoSENT` and `InfoNCE`, are no sums over
    micro-batches: for them there is `kerasx.training.contrastive_accumulation`.

    `iterations`, and so learning-rate schedules, count updates; `micro_steps` counts micro-batches.
    Gradients pending after the last micro-batch wait for more, in this `fit` or the next, and are
    part of the saved state; the method `flush()` applies them. Takes one float32 slot for each
    variable.

    Inside a LossScaleOptimizer, a micro-batch whose gradient is not finite is left out, and the
    window takes one more.

    Args:
        BaseOptimizer: a class derived from keras.optimizers.Optimizer.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and `grad_accum_steps` (2): k.

    >>> SGDG = extend_with_gradient_accumulation(keras.optimizers.SGD)
    >>> optimizer, theta = SGDG(1.0, grad_accum_steps=2), keras.Variable(0.0)
    >>> for examples, gradient in [(3, 1.0), (1, 5.0)]:
    ...     optimizer.examples.assign(examples) and None
    ...     optimizer.apply([ops.array(gradient)], [theta])
    >>> float(theta)  # the mean of 1, 1, 1 and 5
    -2.0
    """
    return extend(GradientAccumulation, BaseOptimizer, name)


@keras.saving.register_keras_serializable("kerasx")
class MomentumAccumulation(Extension):
    """Mixin that sums gradients in the momentum; see `extend_with_momentum_accumulation`.

    The last micro-batch of k makes an ordinary step of the base optimizer, which multiplies m
    by β. The decay must act once on the old m and not on the new gradients, so the gradients of
    the first k - 1 micro-batches are divided by β when they are added to m.
    """

    def __init__(self, *args, grad_accum_steps=2, **kwargs):
        super().__init__(*args, **kwargs)
        self.grad_accum_steps = check_integer("grad_accum_steps", grad_accum_steps, least=1)
        self._is_adam = isinstance(self, keras.optimizers.Adam)
        if self._is_adam:
            known = self.beta_1 > 0 and self.beta_2 > 0 and not self.amsgrad
        else:
            known = self.momentum > 0 and not self.nesterov
        if not known:
            raise invalid(
                "`momentum`, `beta_1` and `beta_2` must be > 0, `nesterov` and `amsgrad` False.",
                config=self.get_config(),
            )
        self.micro_steps = self.add_variable(
            (), "zeros", "int", "only_first_replica", name="micro_steps"
        )

    def apply(self, grads, trainable_variables=None):
        trainable_variables = _built_for(self, trainable_variables)
        k = self.grad_accum_steps
        last = ops.equal(self.micro_steps % k, k - 1)
        grads = backend.sum_over_replicas(grads)
        scale, pairs = self.loss_scale_factor or 1.0, list(zip(grads, trainable_variables))
        grads = [None if g is None else backend.dense(g, v.dtype) / scale for g, v in pairs]
        grads = list(clip_gradients(self, grads))
        for g, (_, v) in zip(grads, pairs):
            if g is not None:
                self._accumulate(g, v, last)
        self.micro_steps.assign_add(1)
        # `apply` clips once more, which changes nothing: g is clipped, and g / k is shorter.
        share = [None if g is None else g * (scale / k) for g in grads]
        when(
            last,
            lambda *share: super(MomentumAccumulation, self).apply(share, trainable_variables),
            [*variables_of(self), *self.variables],
            backend.only_first(share),
        )

    def _accumulate(self, g, variable, last):
        k = self.grad_accum_steps
        if not self._is_adam:
            rate = -ops.cast(self.learning_rate * self.lr_multiplier(), g.dtype) / self.momentum
            self._add(self.momentums[variable_index(self, variable)], rate * g / k, last, 0.0)
            return
        (b1, b2), square = (self.beta_1, self.beta_2), ops.square(g) / k
        m, v, _ = adam_slots(self, variable)
        self._add(m, (1 - b1) / b1 * g / k, last, 0.0)
        # the last micro-batch's step itself adds (g / k)², so 1 - 1 / k of g² / k is missing
        self._add(v, (1 - b2) / b2 * square, last, 1 - 1 / k)

    def _add(self, slot, value, last, share):
        self.assign_add(slot, value * ops.cast(ops.where(last, share, 1.0), slot.dtype))

    def get_config(self):
        return {**super().get_config(), "grad_accum_steps": self.grad_accum_steps}


def extend_with_momentum_accumulation(BaseOptimizer, name=None):
    """Make a class that accumulates the gradients of k micro-batches in the momentum, no buffer.

    In micro-step t = 1, 2, ..., with χ = 1 where k divides t - 1 and 0 elsewhere,

    m ← [(β - 1) χ + 1] m + (1 - β) / k · g,

    and θ moves where k divides t. For SGD with momentum this equals a step on the mean of the k
    gradients exactly. For Adam the second moment v ← [(β₂ - 1) χ + 1] v + (1 - β₂) / k · g² is an
    upper bound of that of the mean gradient (it has the mean of squares for the square of the
    mean); bias corrections use the number of updates, t / k.

    Micro-batches weigh the same, since the slot holds the old momentum, too, and the number of
    terms of the whole is known only at the end: they equal the large batch where they have equal
    numbers of tokens. Clipping acts on each of them, and there is no `flush`. Do not
    set the learning rate within k micro-batches; schedules count updates.

    Args:
        BaseOptimizer: keras.optimizers.SGD or Adam, or a class derived from one of them.
        name: str, the name of the new class, or None.

    Returns:
        The class, which takes the arguments of BaseOptimizer and `grad_accum_steps` (2): k.

    Raises:
        ValueError: the optimizer has no momentum, or Nesterov's, or `amsgrad`.

    Source: kexue.fm/archives/8634.

    >>> SGDM = extend_with_momentum_accumulation(keras.optimizers.SGD)
    >>> optimizer, theta = SGDM(1.0, momentum=0.5, grad_accum_steps=2), keras.Variable(0.0)
    >>> for gradient in (1.0, 3.0, 1.0, 1.0):
    ...     optimizer.apply([ops.array(gradient)], [theta])
    >>> float(theta)  # -2, then -2 · 0.5 - 1
    -4.0
    """
    cls = BaseOptimizer
    if isinstance(cls, type) and not issubclass(cls, (keras.optimizers.SGD, keras.optimizers.Adam)):
        raise invalid(
            "`BaseOptimizer` must be derived from keras.optimizers.SGD or keras.optimizers.Adam; "
            "for others use extend_with_gradient_accumulation.",
            BaseOptimizer=cls,
        )
    return extend(MomentumAccumulation, BaseOptimizer, name)
