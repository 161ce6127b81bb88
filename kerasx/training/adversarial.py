"""Train at perturbed weights: adversarial, virtual adversarial, random noise."""

from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_positive
from kerasx.losses import kl_divergence
from kerasx.training.draws import Draws
from kerasx.training.objective import attach, find_variables, gradients_at, logits_of, moved
from kerasx.training.vectors import norm, scaled_to


def adversarial_training(model, layer="Embedding-Token", epsilon=0.5, steps=1, step_size=None):
    """Train at weights, usually embeddings, moved to where the loss is larger (FGM or PGD).

    FGM minimises L(θ + r), r = ε g/‖g‖, g = ∂L/∂θ for the weights θ of the layer. More than one
    step is PGD: r ← Π_{‖r‖≤ε}(r + α g(θ + r)/‖g‖), from r = 0. The gradients of all weights are
    taken at θ + r with r constant; the weights themselves do not move by r.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer whose weights are perturbed, or a list of names.
        epsilon: ε, the norm of the perturbation.
        steps: number of gradients that find r; each costs a pass forward and back in every
            training step. 1 is FGM.
        step_size: α; by default `epsilon` with one step, else 1.5 epsilon / steps.

    Returns:
        The model, whose `fit` now trains this way.

    Raises:
        ValueError: no layer of that name, a layer without weights, steps < 1, epsilon <= 0.

    Source: arXiv 1605.07725 (FGM), 1706.06083 (PGD); kexue.fm/archives/7234.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="in")])
    >>> model = adversarial_training(model, "in", epsilon=0.1)
    """
    check_positive(epsilon=epsilon, step_size=step_size)
    check_integer("steps", steps, least=1)
    if step_size is None:
        step_size = epsilon if steps == 1 else 1.5 * epsilon / steps
    variables = find_variables(model, layer)

    def trick(objective, trainable, state, batch):
        deltas = None
        for _ in range(steps):
            g = gradients_at(model, variables, objective, trainable, state, batch, deltas)
            ascent = scaled_to(step_size, g)
            deltas = ascent if deltas is None else [d + a for d, a in zip(deltas, ascent)]
            deltas = _within(epsilon, deltas)
        return objective(*moved(model, variables, deltas, trainable, state), batch)

    return attach(model, trick)


def _within(epsilon, tensors):
    """Project onto the ball of radius epsilon."""
    factor = ops.minimum(epsilon / norm(tensors), 1.0)
    return [t * ops.cast(factor, t.dtype) for t in tensors]


def virtual_adversarial_training(
    model,
    layer="Embedding-Token",
    epsilon=1.0,
    xi=10.0,
    iters=1,
    weight=1.0,
    from_logits=True,
    output=0,
    seed=0,
):
    """Add the largest change of the prediction under a small perturbation of weights (VAT).

    Minimises L + w KL(f(θ) ‖ f(θ + ε u)) with f(θ) constant. u starts as a random direction and
    is replaced `iters` times by the gradient of the divergence at θ + ξ u: power iteration
    towards the direction of largest curvature. The divergence needs no labels: give unlabelled
    examples the sample weight 0.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer whose weights are perturbed, or a list of names.
        epsilon: ε, the norm of the perturbation.
        xi: ξ, the norm of the step at which the divergence is differentiated.
        iters: power iterations; 0 takes the random direction.
        weight: w.
        from_logits: whether the outputs are logits instead of probabilities.
        output: index of the output that is compared, if the model has several.
        seed: an integer, for the random directions.

    Returns: the model.

    Source: arXiv 1704.03976; kexue.fm/archives/7466.
    """
    check_positive(epsilon=epsilon, xi=xi, weight=weight)
    check_integer("iters", iters, least=0)
    variables = find_variables(model, layer)
    draws = Draws(seed)

    def trick(objective, trainable, state, batch):
        loss, (outputs, after) = objective(trainable, state, batch)
        here = ops.stop_gradient(logits_of(outputs, output, from_logits))

        def divergence(trainable, state, batch):
            _, (outputs, _) = objective(trainable, state, batch)
            there = logits_of(outputs, output, from_logits)
            return backend.mean_of_all(kl_divergence(here, there)), (outputs, state)

        u = scaled_to(xi, draws.normal_like(variables, batch.iteration))
        for _ in range(iters):
            g = gradients_at(model, variables, divergence, trainable, state, batch, u)
            u = scaled_to(xi, g)
        there = moved(model, variables, scaled_to(epsilon, u), trainable, state)
        return loss + weight * divergence(*there, batch)[0], (outputs, after)

    return attach(model, trick)


def random_noise(model, layer="Embedding-Token", stddev=0.01, seed=1):
    """Train at weights with normal noise n, which minimises L + σ²/2 · tr ∂²L/∂θ² approximately.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer whose weights get the noise, a list of names, or None for all
            trainable weights.
        stddev: σ, the standard deviation of the noise.
        seed: an integer; the noise depends on it and on the number of the step alone.

    Returns: the model.

    Source: Bishop 1995, Neural Computation 7(1); kexue.fm/archives/7466.
    """
    check_positive(stddev=stddev)
    variables, draws = find_variables(model, layer), Draws(seed)

    def trick(objective, trainable, state, batch):
        noise = draws.normal_like(variables, batch.iteration)
        deltas = [stddev * n for n in noise]
        return objective(*moved(model, variables, deltas, trainable, state), batch)

    return attach(model, trick)
