"""Accumulated gradients: k micro-batches of any sizes equal one big batch."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.optimizers import (
    Tiger,
    extend_with_exponential_moving_average,
    extend_with_gradient_accumulation,
    extend_with_momentum_accumulation,
    extend_with_piecewise_linear_lr,
    extend_with_weight_decay,
)
from tests.compiling import each_jit_of

BACKEND = keras.backend.backend()
Adam, SGD = keras.optimizers.Adam, keras.optimizers.SGD
AdamG = extend_with_gradient_accumulation(Adam)


def numpy(x):
    return ops.convert_to_numpy(x)


def variables(seed=0):
    random = np.random.default_rng(seed)
    return [
        keras.Variable(random.normal(size=s).astype("float32"), name=n)
        for s, n in [((4, 3), "kernel"), ((3,), "bias")]
    ]


def per_example(count, seed=1):
    """Return the gradients of `count` examples for each variable."""
    random = np.random.default_rng(seed)
    return [random.normal(size=(count, *s)).astype("float32") for s in [(4, 3), (3,)]]


def apply(optimizer, thetas, gradients):
    optimizer.apply([ops.convert_to_tensor(g) for g in gradients], thetas)


def in_micro_batches(optimizer, thetas, gradients, sizes, weighted=True):
    start = 0
    for size in sizes:
        if weighted:
            optimizer.examples.assign(float(size))
        apply(optimizer, thetas, [g[start : start + size].mean(0) for g in gradients])
        start += size


def assert_equal(a, b, atol=1e-6):
    for x, y in zip(a, b):
        np.testing.assert_allclose(numpy(x), numpy(y), rtol=1e-6, atol=atol)


@pytest.mark.parametrize("clip", [{}, {"global_clipnorm": 0.5}, {"clipnorm": 0.1}])
@pytest.mark.parametrize("count", range(9, 14))
def test_micro_batches_equal_one_big_batch_for_every_remainder(count, clip):
    k, size = 4, 3
    sizes = [min(size, count - start) for start in range(0, count, size)]
    small, big = variables(), variables()
    a, b = AdamG(0.1, grad_accum_steps=k, **clip), Adam(0.1, **clip)
    for step in range(3):
        gradients, rest, start = per_example(count, seed=step), list(sizes), 0
        in_micro_batches(a, small, gradients, sizes)
        a.flush()
        while rest:
            window = sum(rest[:k])
            apply(b, big, [g[start : start + window].mean(0) for g in gradients])
            rest, start = rest[k:], start + window
    assert_equal(small, big)
    assert int(a.iterations) == int(b.iterations)
    assert int(a.micro_steps) == 3 * len(sizes)


def test_without_examples_assigned_all_micro_batches_weigh_the_same():
    small, big, gradients = variables(), variables(), per_example(6)
    in_micro_batches(AdamG(0.1, grad_accum_steps=2), small, gradients, [2, 4], weighted=False)
    apply(Adam(0.1), big, [(g[:2].mean(0) + g[2:].mean(0)) / 2 for g in gradients])
    assert_equal(small, big)


def test_flush_without_anything_pending_changes_nothing():
    thetas, optimizer = variables(), AdamG(0.1, grad_accum_steps=2)
    optimizer.flush()
    in_micro_batches(optimizer, thetas, per_example(4), [2, 2])
    before = [numpy(v).copy() for v in [*thetas, *optimizer.variables]]
    optimizer.flush()
    assert_equal([*thetas, *optimizer.variables], before, atol=0)


def test_parameters_do_not_move_before_the_last_micro_batch():
    thetas, optimizer = variables(), AdamG(0.1, grad_accum_steps=3)
    before = [numpy(v).copy() for v in thetas]
    in_micro_batches(optimizer, thetas, per_example(2), [1, 1])
    assert_equal(thetas, before, atol=0)
    assert int(optimizer.iterations) == 0


def test_schedules_count_updates():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25])
    optimizer = extend_with_gradient_accumulation(SGD)(rate, grad_accum_steps=2)
    theta = keras.Variable(0.0)
    for _ in range(6):
        apply(optimizer, [theta], [np.float32(-1)])
    assert float(numpy(theta)) == 1.75


def test_a_variable_without_gradient_is_left_alone():
    Decayed = extend_with_weight_decay(AdamG)
    thetas, optimizer = variables(), Decayed(0.1, weight_decay_rate=0.5, grad_accum_steps=2)
    before = numpy(thetas[1]).copy()
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        for _ in range(2):
            optimizer.apply([ops.ones((4, 3)), None], thetas)
    assert_equal([thetas[1]], [before], atol=0)
    assert int(optimizer.iterations) == 1


def test_saved_in_the_middle_it_goes_on_as_if_nothing_had_been(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(4, 6, 3)), random.normal(size=(4, 6, 1))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(AdamG(0.1, grad_accum_steps=4), "mse")
    for i in range(2):
        model.train_on_batch(x[i], y[i])
    model.save(tmp_path / "m.keras")
    resumed = keras.models.load_model(tmp_path / "m.keras")
    for i in (2, 3):
        model.train_on_batch(x[i], y[i])
        resumed.train_on_batch(x[i], y[i])
    assert int(resumed.optimizer.iterations) == 1
    assert_equal(model.weights, resumed.weights, atol=0)
    assert_equal(model.optimizer.variables, resumed.optimizer.variables, atol=0)


class Counting(keras.Sequential):
    """A model that assigns `examples` of the optimizer, as the training step of kerasx does."""

    def train_step(self, *args):
        if BACKEND == "jax":
            state, (x, y) = args
            index = [v is self.optimizer.examples for v in self.optimizer.variables].index(True)
            state[2][index] = ops.cast(ops.shape(x)[0], "float32")
            return super().train_step(state, (x, y))
        (data,) = args
        self.optimizer.examples.assign(ops.cast(ops.shape(data[0])[0], "float32"))
        return super().train_step(data)


@each_jit_of("rows", [8, 9, 10], quick=9)
def test_fit_with_an_unequal_last_batch_equals_fit_on_big_batches(rows, jit_compile):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(rows, 3)), random.normal(size=(rows, 1))

    def fitted(optimizer, batch_size):
        keras.utils.set_random_seed(0)
        model = Counting([keras.Input((3,)), keras.layers.Dense(1)])
        if not hasattr(optimizer, "examples"):
            model = keras.Sequential(model.layers)
        model.compile(optimizer, "mse", jit_compile=jit_compile)
        model.fit(x, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
        return model

    steps = -(-rows // 4)
    small = fitted(AdamG(0.1, grad_accum_steps=steps), 4)
    assert_equal(small.weights, fitted(Adam(0.1), rows).weights)
    assert int(small.optimizer.iterations) == 3


def test_the_average_of_weights_ignores_micro_batches_whichever_wrapper_is_outside():
    def trained(cls, **settings):
        thetas, optimizer = variables(), cls(0.1, ema_momentum=0.5, **settings)
        for step in range(4):
            gradients = per_example(1, seed=step)
            for _ in range(settings.get("grad_accum_steps", 1)):
                apply(optimizer, thetas, [g[0] for g in gradients])
        optimizer.apply_ema_weights()
        return thetas

    ema, accumulate = extend_with_exponential_moving_average, extend_with_gradient_accumulation
    expected = trained(ema(Adam))
    assert_equal(trained(ema(accumulate(Adam)), grad_accum_steps=3), expected)
    assert_equal(trained(accumulate(ema(Adam)), grad_accum_steps=3), expected)


def test_loss_scaling_leaves_out_a_micro_batch_that_is_not_finite():
    thetas, big, gradients = variables(), variables(), per_example(4)
    inner = AdamG(0.1, grad_accum_steps=2)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    optimizer.build(thetas)
    for step in (
        [8 * g[:2].mean(0) for g in gradients],
        [np.inf * g[0] for g in gradients],
        [4 * g[2:].mean(0) for g in gradients],
    ):
        if BACKEND != "jax":
            apply(optimizer, thetas, step)
            continue
        # LossScaleOptimizer.apply leaks tracers on JAX: its state must be passed
        everything = [*thetas, *optimizer.variables]
        state = [v.value for v in optimizer.variables], step, [v.value for v in thetas]
        new = optimizer.stateless_apply(*state)
        for v, value in zip(everything, [*new[0], *new[1]]):
            v.assign(value)
    apply(Adam(0.1), big, [g.mean(0) for g in gradients])
    assert_equal(thetas, big)
    assert int(optimizer.iterations) == 1


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, None])
@pytest.mark.parametrize(
    "factory", [extend_with_gradient_accumulation, extend_with_momentum_accumulation]
)
def test_steps_must_be_a_positive_integer(factory, bad):
    with pytest.raises(ValueError, match="`grad_accum_steps` must be an integer of at least 1"):
        factory(Adam)(grad_accum_steps=bad)


def test_the_accumulation_of_keras_is_refused():
    with pytest.raises(ValueError, match="use extend_with_gradient_accumulation"):
        AdamG(gradient_accumulation_steps=2)


# --- hidden in the momentum


@pytest.mark.parametrize("scale", [None, 4.0])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_momentum_accumulation_is_exact_for_sgd(k, scale):
    cls = extend_with_momentum_accumulation(SGD)
    a = cls(0.1, momentum=0.9, grad_accum_steps=k, loss_scale_factor=scale)
    b = SGD(0.1, momentum=0.9)
    small, big = variables(), variables()
    for step in range(10):
        gradients = per_example(k, seed=step)
        for i in range(k):
            apply(a, small, [(scale or 1) * g[i] for g in gradients])
        apply(b, big, [g.mean(0) for g in gradients])
    assert_equal(small, big, atol=2e-6)
    assert int(a.iterations) == 10 and int(a.micro_steps) == 10 * k


def test_momentum_accumulation_follows_schedules_and_needs_no_buffer():
    cls = extend_with_piecewise_linear_lr(extend_with_momentum_accumulation(SGD))
    schedule = {"lr_schedule": {4: 1, 8: 0.1}}
    a = cls(0.1, momentum=0.9, grad_accum_steps=2, **schedule)
    b = extend_with_piecewise_linear_lr(SGD)(0.1, momentum=0.9, **schedule)
    small, big = variables(), variables()
    for step in range(10):
        gradients = per_example(2, seed=step)
        for i in range(2):
            apply(a, small, [g[i] for g in gradients])
        apply(b, big, [g.mean(0) for g in gradients])
    assert_equal(small, big, atol=2e-6)
    floats = [sum(int(np.prod(v.shape)) for v in o.variables if len(v.shape)) for o in (a, b)]
    assert floats[0] == floats[1]


def test_momentum_accumulation_of_adam_is_its_equations():
    k, b1, b2, rate, epsilon = 3, 0.9, 0.99, 0.05, 1e-7
    optimizer = extend_with_momentum_accumulation(Adam)(
        rate, beta_1=b1, beta_2=b2, epsilon=epsilon, grad_accum_steps=k
    )
    thetas = variables()
    values = [numpy(v).astype("float64") for v in thetas]
    m, v = [0 * x for x in values], [0 * x for x in values]
    for t in range(51):
        chi = float(t % k == 0)
        gradients = [g[0] for g in per_example(1, seed=t)]
        apply(optimizer, thetas, gradients)
        m = [((b1 - 1) * chi + 1) * a + (1 - b1) / k * g for a, g in zip(m, gradients)]
        v = [((b2 - 1) * chi + 1) * a + (1 - b2) / k * g**2 for a, g in zip(v, gradients)]
        if t % k == k - 1:
            n = (t + 1) // k
            eta = rate * np.sqrt(1 - b2**n) / (1 - b1**n)
            values = [x - eta * a / (np.sqrt(b) + epsilon) for x, a, b in zip(values, m, v)]
    assert_equal(thetas, values, atol=5e-6)


def test_the_hidden_second_moment_bounds_that_of_the_mean():
    a = extend_with_momentum_accumulation(Adam)(0.1, grad_accum_steps=4)
    b, small, big = Adam(0.1), variables(), variables()
    for step in range(5):
        gradients = per_example(4, seed=step)
        for i in range(4):
            apply(a, small, [g[i] for g in gradients])
        apply(b, big, [g.mean(0) for g in gradients])
    for x, y in zip(a._velocities, b._velocities):
        assert (numpy(x) >= numpy(y) * (1 - 1e-5)).all()


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "nesterov": True}])
def test_momentum_accumulation_needs_a_plain_momentum(settings):
    with pytest.raises(ValueError, match="`momentum`, `beta_1` and `beta_2` must be > 0"):
        extend_with_momentum_accumulation(SGD)(0.1, **settings)


def test_momentum_accumulation_clips_each_micro_batch():
    optimizer = extend_with_momentum_accumulation(SGD)(
        1.0, momentum=0.5, grad_accum_steps=2, clipnorm=2.0, loss_scale_factor=4.0
    )
    theta = keras.Variable([0.0, 0.0])
    for scaled in ([40.0, 0.0], [0.0, 4.0]):
        apply(optimizer, [theta], [np.array(scaled, "float32")])
    np.testing.assert_allclose(numpy(theta), [-1.0, -0.5], atol=1e-6)


def test_momentum_accumulation_refuses_other_optimizers():
    with pytest.raises(ValueError, match="derived from keras.optimizers.SGD"):
        extend_with_momentum_accumulation(Tiger)
