"""Training at perturbed weights: adversarial, virtual adversarial, random."""

from keras import ops

from kerasx.losses import kl_divergence
from kerasx.training.objective import attach, find_variables, gradients_at, moved
from kerasx.training.scores import check_positive, scores_of
from kerasx.training.vectors import Draws, norm, scaled_to

__all__ = ["adversarial_training", "random_noise", "virtual_adversarial_training"]


def adversarial_training(model, layer="Embedding-Token", epsilon=0.5, steps=1, step_size=None):
    """Train at the weights, usually embeddings, moved to where the loss is large: FGM, or PGD.

    FGM: L(θ + r), r = ε g/‖g‖, g = ∂L/∂θ of the layer. With more steps it is PGD:
    r ← Π_{‖r‖≤ε}(r + α g(θ + r)/‖g‖), from 0. The gradients of all weights are those at θ + r,
    where r is a constant; the weights themselves never move by r.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer whose weights are perturbed, or several.
        epsilon: norm of the perturbation.
        steps: gradients taken to find it; 1 is FGM.
        step_size: α; by default `epsilon` with one step, else 1.5 epsilon / steps.

    Returns:
        The model, whose `fit` trains so from now on; one more gradient a step for each of `steps`.

    Raises:
        ValueError: no such layer, a layer without weights, steps < 1, epsilon <= 0.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="in")])
    >>> model = adversarial_training(model, "in", epsilon=0.1)

    Source: arXiv 1605.07725 (FGM), 1706.06083 (PGD); kexue.fm/archives/7234.
    """
    check_positive(epsilon=epsilon, steps=steps, step_size=step_size)
    if step_size is None:
        step_size = epsilon if steps == 1 else 1.5 * epsilon / steps
    variables = find_variables(model, layer)

    def trick(objective):
        def at_the_worst(trainable, state, batch):
            deltas = None
            for _ in range(steps):
                g = gradients_at(model, variables, objective, trainable, state, batch, deltas)
                ascent = scaled_to(step_size, g)
                deltas = ascent if deltas is None else [d + a for d, a in zip(deltas, ascent)]
                deltas = _within(epsilon, deltas)
            return objective(*moved(model, variables, deltas, trainable, state), batch)

        return at_the_worst

    return attach(model, trick)


def _within(epsilon, tensors):
    """Projection onto the ball of radius epsilon."""
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
    """Add the divergence that the worst small perturbation causes; it needs no labels (VAT).

    L + w KL(f(θ) ‖ f(θ + ε u)), f(θ) a constant. u is a random direction, `iters` times replaced
    by the gradient of that divergence at θ + ξ u: the power iteration towards its top eigenvector.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer whose weights are perturbed, or several.
        epsilon: norm of the perturbation.
        xi: norm of the step at which the divergence is differentiated.
        iters: power iterations; 0 takes the random direction.
        weight: w.
        from_logits: the outputs are logits; False for probabilities.
        output: which of several outputs.
        seed: of the random directions.

    Returns:
        The model. Raises ValueError as `adversarial_training`.

    Examples without a label join with a sample weight of 0.
    Source: arXiv 1704.03976; kexue.fm/archives/7466.
    """
    check_positive(epsilon=epsilon, xi=xi, weight=weight)
    if iters < 0:
        raise ValueError(f"`iters` must be 0 or more. Received: iters={iters}")
    variables = find_variables(model, layer)
    draws = Draws(seed)

    def trick(objective):
        def smoothed(trainable, state, batch):
            loss, (outputs, after) = objective(trainable, state, batch)
            here = ops.stop_gradient(scores_of(outputs, output, from_logits))

            def divergence(trainable, state, batch):
                _, (outputs, _) = objective(trainable, state, batch)
                there = scores_of(outputs, output, from_logits)
                return ops.mean(kl_divergence(here, there)), (outputs, state)

            u = scaled_to(xi, draws.normal_like(variables, batch.iteration))
            for _ in range(iters):
                g = gradients_at(model, variables, divergence, trainable, state, batch, u)
                u = scaled_to(xi, g)
            there = moved(model, variables, scaled_to(epsilon, u), trainable, state)
            return loss + weight * divergence(*there, batch)[0], (outputs, after)

        return smoothed

    return attach(model, trick)


def random_noise(model, layer="Embedding-Token", stddev=0.01, seed=1):
    """Train at weights with normal noise: E L(θ + σ n) ≈ L + σ²/2 · tr ∂²L/∂θ².

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer whose weights get the noise, several, or None for all.
        stddev: σ.
        seed: of the noise; a step's noise depends on it and on the step's number alone.

    Returns:
        The model. Source: Bishop 1995, Neural Computation 7(1); kexue.fm/archives/7466.
    """
    check_positive(stddev=stddev)
    variables, draws = find_variables(model, layer), Draws(seed)

    def trick(objective):
        def noisy(trainable, state, batch):
            noise = draws.normal_like(variables, batch.iteration)
            deltas = [stddev * n for n in noise]
            return objective(*moved(model, variables, deltas, trainable, state), batch)

        return noisy

    return attach(model, trick)
