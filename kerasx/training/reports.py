"""What a step can tell about itself."""

from kerasx.training.objective import step_of
from kerasx.training.vectors import norm

__all__ = ["report_gradient_norm"]


def report_gradient_norm(model):
    """Let `fit` log `gradient_norm`, the norm of all gradients before any clipping.

    It goes where the loss goes: the progress bar, callbacks, History (the last batch of each
    epoch), TensorBoard.

    Args:
        model: a keras.Model, compiled or not.

    Returns:
        The model.
    """
    step_of(model).report = lambda gradients: {"gradient_norm": norm(gradients)}
    model.train_function = None
    return model
