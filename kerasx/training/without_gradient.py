"""Train where the loss has no useful gradient: zeroth-order estimates, policy gradient."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_positive, invalid
from kerasx.losses import policy_gradient_loss
from kerasx.training.draws import Draws
from kerasx.training.objective import attach, find_variables, moved


def zeroth_order(model, layer=None, epsilon=1e-3, samples=1, antithetic=True, seed=2):
    """Estimate the gradient from values of the loss, which need not be differentiable.

    ĝ = mean_u (L(θ + ε u) - L(θ - ε u)) / 2ε · u for directions u ~ N(0, 1), or without
    `antithetic` (L(θ + ε u) - L(θ)) / ε · u, where L(θ) is a baseline that lowers the variance.
    Weights of other layers get the gradient 0.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer to train, a list of names, or None for all trainable weights.
        epsilon: ε. Where the loss has jumps, as an error rate has, take 0.1 or more, so that
            some directions cross one.
        samples: number of directions in each step.
        antithetic: whether to use both θ + ε u and θ - ε u.
        seed: an integer, for the directions.

    Returns: the model.

    Source: kexue.fm/archives/7737; arXiv 1703.03864.
    """
    check_positive(epsilon=epsilon)
    check_integer("samples", samples, least=1)
    variables, draws = find_variables(model, layer), Draws(seed)

    def trick(objective, trainable, state, batch):
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

    return attach(model, trick)


def _with_gradients(model, loss, variables, gradients, trainable):
    """Return the value `loss` with the given gradients: adds Σ g (θ - sg(θ)), which is 0."""
    loss, wanted = ops.stop_gradient(loss), {id(v): g for v, g in zip(variables, gradients)}
    for variable, value in zip(model.trainable_variables, trainable):
        if id(variable) in wanted:
            loss = loss + ops.sum(wanted[id(variable)] * (value - ops.stop_gradient(value)))
    return loss


def policy_gradient(model, reward, samples=8, weight=1.0, baseline="leave_one_out", seed=3):
    """Maximise the expected reward of sampled labels: minimise L - w E_{y~p}[r(y)].

    ∂E[r] = E[(r - b) ∂log p(y)] is estimated with labels y drawn from the softmax of the logits.

    Args:
        model: a classifier with logits (b, classes), or (b, n, classes) for a label per token.
        reward: a function (y_true, y) -> rewards (b) or (b, n) of drawn labels y of that shape,
            written in keras.ops; it needs no gradient.
        samples: number of labels drawn for each example.
        weight: w.
        baseline: b: "leave_one_out" (the mean reward of the other samples), "mean", or None.
        seed: an integer, for the samples.

    Returns: the model.

    Source: kexue.fm/archives/7737.
    """
    check_positive(weight=weight)
    check_integer("samples", samples, least=1)
    if not callable(reward):
        raise invalid("`reward` must be a function (y_true, y).", reward=reward)
    draws = Draws(seed)

    def trick(objective, trainable, state, batch):
        loss, (outputs, state) = objective(trainable, state, batch)
        log_p = ops.log_softmax(backend.widened(outputs), -1)
        # replicas have different rows, which must not draw the same numbers
        draw = batch.iteration * backend.replica_count() + backend.replica_index()
        answers = _answers(draws, log_p, samples, draw)
        chosen = ops.take_along_axis(log_p, answers, -1)
        rewards = [reward(batch.y, answers[..., k]) for k in range(samples)]
        rewards = ops.stack([ops.cast(r, "float32") for r in rewards], -1)
        surrogate = policy_gradient_loss(chosen, rewards, baseline)
        return loss + weight * backend.mean_of_all(surrogate), (outputs, state)

    return attach(model, trick)


def _answers(draws, log_p, samples, step):
    """Draw labels (..., samples) from log-probabilities (..., classes)."""
    flat = ops.reshape(ops.stop_gradient(log_p), (-1, log_p.shape[-1]))
    with draws.at(step) as seed:
        drawn = keras.random.categorical(flat, samples, seed=seed)
    return ops.reshape(drawn, (*ops.shape(log_p)[:-1], samples))
