"""Make a model ready for `fit` on several devices, after checks of all that would fail later."""

import keras

from kerasx import backend
from kerasx.distribution.cutting import Cut
from kerasx.distribution.layout_table import check_layouts
from kerasx.distribution.process_data import checks_data
from kerasx.training.objective import step_of


def prepare(model):
    """Give a model the training step that is exact on several devices, and return it.

    Called inside `data_parallel`, `fully_sharded` or `model_parallel`, after `compile`. Calling it
    twice changes nothing; outside of a context it only attaches the step.

    Args:
        model: a keras.Model that was built in the same context.

    Returns: the model.

    Raises:
        ValueError: the model, its optimizer or its metrics were made outside of the context; a
            rule matches no weight.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model = prepare(model)
    """
    step_of(model)
    check_layouts(model)
    distribution = keras.distribution.distribution()
    if isinstance(distribution, Cut):
        distribution.prepared = True
    if not isinstance(model.predict_step, DividedPrediction) and keras.backend.backend() == "jax":
        model.predict_step = DividedPrediction(model.predict_step)
        model.predict_function = None  # it may be compiled already, with the old step
        if backend.process_count() > 1 and isinstance(distribution, Cut):
            for name in ("fit", "evaluate", "predict"):
                setattr(model, name, checks_data(getattr(model, name), distribution))
    return model


class DividedPrediction:
    """The predict_step of a model on JAX, which takes the rows of each device from a batch."""

    def __init__(self, predict_step):
        self.predict_step = predict_step

    def __call__(self, state, data):
        outputs, state = self.predict_step(state, backend.own_rows(data))
        return backend.all_rows(outputs), state
