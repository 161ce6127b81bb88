"""Objectives that have no gradient, or none that helps: zeroth order, policy gradient."""

import keras
from keras import ops

from kerasx import backend
from kerasx.losses import policy_gradient_loss
from kerasx.training.objective import attach, find_variables, moved
from kerasx.training.scores import check_positive
from kerasx.training.vectors import Draws

__all__ = ["policy_gradient", "zeroth_order"]


def zeroth_order(model, layer=None, epsilon=1e-3, samples=1, antithetic=True, seed=2):
    """Estimate the gradient from values of the loss alone, which need not be differentiable.

    ĝ = mean_u (L(θ + ε u) - L(θ - ε u)) / 2ε · u with u ~ N(0, 1), or, not antithetic,
    (L(θ + ε u) - L(θ)) / ε · u, where L(θ) is the baseline that keeps the variance down.
    The gradients of other weights are 0.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer to train, several, or None for all trainable weights.
        epsilon: ε.
        samples: directions u a step.
        antithetic: use both θ + ε u and θ - ε u.
        seed: of the directions.

    Returns:
        The model. Source: kexue.fm/archives/7737; arXiv 1703.03864.
    """
    check_positive(epsilon=epsilon, samples=samples)
    variables, draws = find_variables(model, layer), Draws(seed)

    def trick(objective):
        def estimated(trainable, state, batch):
            still = [ops.stop_gradient(t) for t in trainable]
            loss, aux = objective(still, state, batch)

            def value(deltas):
                there = moved(model, variables, deltas, still, state)
                return ops.stop_gradient(objective(*there, batch)[0])

            gradients = [0.0] * len(variables)
            for i in range(samples):
                u = draws.normal_like(variables, batch.iteration * samples + i)
                above = value([epsilon * d for d in u])
                below = value([-epsilon * d for d in u]) if antithetic else loss
                slope = (above - below) / (epsilon * (2 if antithetic else 1) * samples)
                gradients = [g + ops.stop_gradient(slope) * d for g, d in zip(gradients, u)]
            return _with_gradients(model, loss, variables, gradients, trainable), aux

        return estimated

    return attach(model, trick)


def _with_gradients(model, loss, variables, gradients, trainable):
    """The number `loss`, whose gradients by the given variables are `gradients`."""
    loss, wanted = ops.stop_gradient(loss), {id(v): g for v, g in zip(variables, gradients)}
    for variable, value in zip(model.trainable_variables, trainable):
        if id(variable) in wanted:
            loss = loss + ops.sum(wanted[id(variable)] * (value - ops.stop_gradient(value)))
    return loss


def policy_gradient(model, reward, samples=8, weight=1.0, baseline="leave_one_out", seed=3):
    """Maximise the expected reward of what the model would answer: L - w E_{y~p}[r(y)].

    ∂E[r] = E[(r - b) ∂log p(y)], estimated with labels y drawn from the softmax of the logits.

    Args:
        model: a classifier whose output is logits (b, classes), or (b, n, classes) for a label at
            each place.
        reward: (y_true, y) -> numbers (b) or (b, n), y (b) or (b, n) being drawn labels; it is
            written in keras.ops and needs no gradient.
        samples: how many y are drawn for each example.
        weight: w.
        baseline: b: "leave_one_out" (the mean reward of the other samples), "mean", or None.
        seed: of the samples.

    Returns:
        The model. Source: kexue.fm/archives/7737.
    """
    check_positive(samples=samples, weight=weight)
    if not callable(reward):
        raise ValueError(f"`reward` must be a function (y_true, y). Received: reward={reward!r}")
    draws = Draws(seed)

    def trick(objective):
        def rewarded(trainable, state, batch):
            loss, (outputs, state) = objective(trainable, state, batch)
            log_p = ops.log_softmax(backend.widened(outputs), -1)
            answers = _answers(draws, log_p, samples, batch.iteration)
            chosen = ops.take_along_axis(log_p, answers, -1)
            rewards = [reward(batch.y, answers[..., k]) for k in range(samples)]
            rewards = ops.stack([ops.cast(r, "float32") for r in rewards], -1)
            surrogate = policy_gradient_loss(chosen, rewards, baseline)
            return loss + weight * ops.mean(surrogate), (outputs, state)

        return rewarded

    return attach(model, trick)


def _answers(draws, log_p, samples, step):
    """Labels (..., samples) drawn from log-probabilities (..., classes)."""
    flat = ops.reshape(ops.stop_gradient(log_p), (-1, log_p.shape[-1]))
    with draws.at(step) as seed:
        drawn = keras.random.categorical(flat, samples, seed=seed)
    return ops.reshape(drawn, (*ops.shape(log_p)[:-1], samples))
