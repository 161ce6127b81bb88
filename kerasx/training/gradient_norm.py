"""Report the norm of the gradient among the logs of `fit`."""

from kerasx.training.objective import step_of
from kerasx.training.vectors import norm

__all__ = ["report_gradient_norm"]


def report_gradient_norm(model):
    """Add `gradient_norm`, the norm of all gradients before clipping, to the logs of `fit`.

    The progress bar, callbacks, History (the last batch of each epoch) and TensorBoard show it
    beside the loss.

    Args:
        model: a keras.Model, compiled or not.

    Returns: the model.
    """
    step_of(model).report = lambda gradients: {"gradient_norm": norm(gradients)}
    model.train_function = None
    return model
