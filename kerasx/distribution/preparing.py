"""Make a model ready for `fit` on several devices, after checks of all that would fail later."""

import keras

from kerasx import backend
from kerasx.checks import invalid
from kerasx.distribution.cutting import Cut
from kerasx.distribution.layout_table import check_layouts
from kerasx.distribution.process_data import checks_data
from kerasx.distribution.quiet import without_progress
from kerasx.training.objective import step_of

# arguments of Keras's optimizers that update within a conditional
_FAIL_ON_REPLICAS = {
    "gradient_accumulation_steps": "use optimizers.extend_with_gradient_accumulation and its "
    "`grad_accum_steps`",
    "ema_overwrite_frequency": "evaluate with the averages by callbacks.EMAEvaluation",
}


def prepare(model):
    """Give a model the training step that is exact on several devices, and return it.

    Called inside `data_parallel`, `fully_sharded` or `model_parallel`, after `compile`. Calling it
    twice changes nothing; outside of a context it only attaches the step.

    Args:
        model: a keras.Model that was built in the same context.

    Returns: the model.

    Raises:
        ValueError: the model, its optimizer or its metrics were made outside of the context; a
            rule matches no weight; the optimizer is one that TensorFlow's replicas cannot run.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model = prepare(model)
    """
    step_of(model)
    check_layouts(model)
    _check_replicas(model)
    distribution = keras.distribution.distribution()
    if isinstance(distribution, Cut):
        distribution.prepared = True
    if not isinstance(model.predict_step, DividedPrediction) and keras.backend.backend() == "jax":
        model.predict_step = DividedPrediction(model.predict_step)
        model.predict_function = None  # it may be compiled already, with the old step
    _check_data_of(model, distribution)
    if not backend.is_first_process():
        for name in ("fit", "evaluate", "predict"):
            setattr(model, name, without_progress(getattr(model, name)))
    return model


def _check_data_of(model, distribution):
    """Let the methods of a model check, in several processes, that their data fits the context."""
    if backend.process_count() == 1 or "fit" in vars(model):  # it does already
        return
    context = distribution if isinstance(distribution, Cut) else backend.ProcessData()
    if keras.backend.backend() == "torch" or context is distribution:
        for name in ("fit", "evaluate", "predict"):
            setattr(model, name, checks_data(getattr(model, name), context))


def _check_replicas(model):
    """Raise where a model cannot train on the replicas of TensorFlow."""
    outside = backend.made_outside(model.variables)
    if outside:
        raise invalid(
            "The model must be built inside `data_parallel`, in which it is used.",
            outside=[v.path for v in outside],
        )
    if keras.backend.backend() != "tensorflow" or backend.devices_in_scope() == 1:
        return
    optimizer = getattr(model, "optimizer", None)  # it may not be compiled
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for name, instead in _FAIL_ON_REPLICAS.items():
        if getattr(inner, name, None):
            raise invalid(
                f"`{name}` must be None on several devices of TensorFlow, where that of Keras "
                f"fails: {instead}.",
                **{name: getattr(inner, name)},
            )


class DividedPrediction:
    """The predict_step of a model on JAX, which takes the rows of each device from a batch."""

    def __init__(self, predict_step):
        self.predict_step = predict_step

    def __call__(self, state, data):
        outputs, state = self.predict_step(state, backend.own_rows(data))
        return backend.all_rows(outputs), state
