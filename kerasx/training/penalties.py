"""Change the loss itself: flooding, gradient penalties, R-Drop."""

from keras import ops

from kerasx import backend
from kerasx.checks import check_number, check_positive
from kerasx.losses import symmetric_kl
from kerasx.losses.flooding import flooded
from kerasx.training.objective import attach, find_variables, logits_of, moved


def flooding(model, level=0.1):
    """Keep the loss of the batch from falling below a level b, by |L - b| + b.

    Args:
        model: a keras.Model, compiled or not.
        level: b, 0 or more.

    Returns: the model.

    Source: arXiv 2002.08709; kexue.fm/archives/7643.
    """
    check_number("level", level, least=0)

    def trick(objective, trainable, state, batch):
        loss, aux = objective(trainable, state, batch)
        return flooded(loss, level), aux

    return attach(model, trick)


def gradient_penalty(model, layer="Embedding-Token", epsilon=1.0):
    """Add the squared norm of the gradient by some weights: L + ε/2 ‖∂L/∂θ‖².

    The penalty is differentiated in turn, so a step takes second derivatives.

    Args:
        model: a keras.Model, compiled or not.
        layer: name of the layer with the weights θ, a list of names, or None for all trainable
            weights.
        epsilon: ε.

    Returns: the model.

    Source: kexue.fm/archives/7234, 7466.
    """
    check_positive(epsilon=epsilon)
    variables = find_variables(model, layer)

    def trick(objective, trainable, state, batch):
        def scaled(deltas):
            there = moved(model, variables, deltas, trainable, state)
            loss, aux = objective(*there, batch)
            wide = backend.widened(loss)
            return wide * ops.cast(batch.scale, wide.dtype), (loss, aux)

        zeros = [ops.zeros(v.shape, v.dtype) for v in variables]
        with backend.plain_attention():  # fused kernels are differentiable only once
            (_, (loss, aux)), gradients = backend.value_and_grad(scaled, has_aux=True)(zeros)
        gradients = [g / ops.cast(batch.scale, g.dtype) for g in gradients]
        square = sum(ops.sum(ops.square(g)) for g in gradients)
        return loss + 0.5 * epsilon * ops.cast(square, loss.dtype), aux

    return attach(model, trick)


def implicit_gradient_regularization(model, step_size):
    """Add h/4 ‖∂L/∂θ‖², by which gradient descent with steps of size h changes the loss anyway.

    Args:
        model: a keras.Model, compiled or not.
        step_size: h, the learning rate whose regularization is imitated.

    Returns: the model.

    Source: arXiv 2009.11162; kexue.fm/archives/7787.
    """
    check_positive(step_size=step_size)
    return gradient_penalty(model, None, step_size / 2)


def r_drop(model, alpha=4.0, from_logits=True, output=0):
    """Make two passes with different dropout agree (R-Drop).

    Minimises (L_1 + L_2)/2 + α/4 · mean(KL(p_1 ‖ p_2) + KL(p_2 ‖ p_1)).

    Args:
        model: a keras.Model with dropout, compiled or not.
        alpha: α.
        from_logits: whether the outputs are logits instead of probabilities.
        output: index of the output that is compared, if the model has several.

    Returns: the model.

    Source: arXiv 2106.14448; kexue.fm/archives/8496.
    """
    check_positive(alpha=alpha)

    def trick(objective, trainable, state, batch):
        first, (outputs, state) = objective(trainable, state, batch)
        second, (again, state) = objective(trainable, state, batch)
        p, q = (logits_of(o, output, from_logits) for o in (outputs, again))
        divergence = backend.mean_of_all(symmetric_kl(p, q))
        return (first + second) / 2 + alpha / 2 * divergence, (outputs, state)

    return attach(model, trick)
