"""Refuse a `fit` in several processes each of which would train a model of its own."""

import keras

from kerasx.backend.keras_internals import model_in_fit
from kerasx.backend.processes import process_count
from kerasx.checks import invalid


def check_synchronised(model=None):
    """Raise if several processes train a model by `fit` and nothing keeps their weights equal.

    Loops of one's own, such as with torch's DistributedDataParallel, and models whose class has a
    train_step of its own are left alone.

    Args:
        model: the model of a `fit` that begins; None for the one whose running call is in `fit`,
            if there is any. (On JAX there is none: the compiled step does not call the model.)
    """
    if process_count() == 1:
        return
    model = model_in_fit() if model is None else model
    if model is not None and not _is_synchronised(model):
        raise invalid(
            "`fit` must be synchronised between the processes of a run; each would train a model "
            "of its own. Build, compile and fit inside `with "
            "kerasx.distribution.data_parallel():`, and call kerasx.distribution.prepare(model) "
            "after `compile`.",
            model=model.name,
            processes=process_count(),
        )


def _is_synchronised(model):
    if keras.distribution.distribution() is not None:
        return True
    own_step = getattr(model.train_step, "__func__", None) is not keras.Model.train_step
    return own_step and keras.backend.backend() != "jax"
