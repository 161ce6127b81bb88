"""Where the weights and the rows of a batch lie under `keras.distribution`.

A distribution of `kerasx.distribution` takes rules from the builders and divides batches; here is
what the rooms below it call. Without one, all of it does nothing.
"""

import contextlib
import os

import keras
import numpy as np

from kerasx.backend.keras_internals import layout
from kerasx.checks import invalid


def declare_layouts(rules):
    """Tell the distribution in use how the weights of a model that is about to be built are cut.

    Args:
        rules: {pattern of whole paths: (the axis to cut, name of what lies along it, its size)}.
    """
    declare = getattr(keras.distribution.distribution(), "declare", None)
    if declare is not None:
        declare(rules)


def check_made_inside(model):
    """Raise if a model, its optimizer or its metrics are not of the distribution in use."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    mesh, optimizer = distribution.device_mesh.backend_mesh, getattr(model, "optimizer", None)
    slots = [] if optimizer is None else optimizer.variables
    of = {"model": model.variables, "optimizer": slots, "metrics": model.metrics_variables}
    for name, variables in of.items():
        outside = [
            v.path
            for v in variables
            if layout(v) is None or layout(v).device_mesh.backend_mesh != mesh
        ]
        if outside:
            raise invalid(
                f"The {name} must be made inside the context of kerasx.distribution in which it is "
                "used: build and compile the model after `with`.",
                outside=outside,
            )


def own_rows(batch):
    """Return a batch whose rows are divided among the devices, where a distribution does that."""
    divide = getattr(keras.distribution.distribution(), "divide", None)
    return batch if divide is None else divide(batch)


def all_rows(outputs):
    """Return outputs that each process can read all rows of, where several divide them."""
    distribution = keras.distribution.distribution()
    join = getattr(distribution, "join", None)
    return outputs if join is None or distribution.num_processes == 1 else join(outputs)


def cut_array(value, dtype, sharding):
    """Give each device its part of a NumPy array; none gets the whole of an array that is cut.

    Args:
        value: array, maybe of a mapped file.
        dtype: dtype of the result.
        sharding: jax.sharding.Sharding, with an abstract mesh also that of the distribution in use.
    """
    import jax

    mesh = getattr(sharding, "mesh", None)
    if isinstance(mesh, jax.sharding.AbstractMesh):  # what Keras hands to an initializer
        mesh = keras.distribution.distribution().device_mesh.backend_mesh
        sharding = jax.sharding.NamedSharding(mesh, sharding.spec)
    return jax.make_array_from_callback(
        value.shape, sharding, lambda place: np.array(value[place], dtype)
    )


def on_host():
    """Return a context in which what Keras reads is cut in the memory of the host.

    Keras makes a tensor of the whole of a weight first, which would be on the first accelerator.
    """
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is None:
        return contextlib.nullcontext()
    import jax

    return jax.default_device(jax.local_devices(backend="cpu")[0])


def layout_of_slot(variable, shape):
    """Return the layout of a slot with this shape: cut where its variable is, and one axis is left.

    AdaFactor's rows and columns have length one along the other axis of the variable.
    """
    found = layout(variable)
    if found is None or tuple(shape) == tuple(variable.shape):
        return found
    axes = [axis if n == m else None for axis, n, m in zip(found.axes, shape, variable.shape)]
    return keras.distribution.TensorLayout(axes, found.device_mesh)


def join_processes():
    """Start `jax.distributed` if the environment variables of `keras.distribution` ask for it.

    They are KERAS_DISTRIBUTION_JOB_ADDRESSES, ..._NUM_PROCESSES and ..._PROCESS_ID.

    Raises:
        RuntimeError: JAX has computed something before.
    """
    import jax

    asked = "KERAS_DISTRIBUTION_NUM_PROCESSES" in os.environ
    if not asked or jax.distributed.is_initialized():
        return
    try:
        keras.distribution.initialize()
    except RuntimeError as error:
        raise RuntimeError(
            "The processes that KERAS_DISTRIBUTION_... describe could not be joined. This must "
            "come before any computation of JAX: call keras.distribution.initialize() at the top "
            f"of the script, after the imports. {error}"
        ) from error
