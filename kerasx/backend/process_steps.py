"""The training step of a process of PyTorch: its rows of the batch, and what all must agree on."""

import contextlib

import keras
from keras import ops

from kerasx.backend.processes import gather_objects
from kerasx.backend.replica_scope import SHARDED
from kerasx.backend.replicas import (
    SPLIT,
    in_process_group,
    mean_over_replicas,
    process_group,
    torch_sums,
)
from kerasx.checks import invalid


@contextlib.contextmanager
def split_step(split):
    """Let the processes of a group compute one loss within this block, if the batch is split."""
    token = SPLIT.set(split)
    try:
        yield
    finally:
        SPLIT.reset(token)


def has_own_rows():
    """Return whether this process is given other rows than the others, in evaluation too."""
    return SHARDED.get() and in_process_group()


def share_variables(variables):
    """Give the variables of all processes of a process group the values of the first."""
    if in_process_group():
        for variable in variables:
            process_group().broadcast(variable.value.data, 0)


def share_state(model):
    """Give a model and its optimizer the values of the first process, in all of a process group.

    After a step that each computed whole: a GPU does not add numbers up in the same order twice.
    """
    if in_process_group():
        share_variables([*model.variables, *model.optimizer.variables])


def rows_of_process(batch):
    """Return (rows of this process, whether the processes have different rows) on PyTorch.

    Every process is given the whole batch, unless `replica_scope` says that the data is sharded. A
    batch whose rows do not divide by the number of processes is computed whole by each.

    Args:
        batch: structure of tensors (b, ...) or Nones.
    """
    if not in_process_group():
        return batch, False
    rank, n = process_group().get_rank(), process_group().get_world_size()
    rows = next(len(t) for t in keras.tree.flatten(batch) if t is not None)
    if SHARDED.get() or rows % n:
        return batch, SHARDED.get()
    own = slice(rank * rows // n, (rank + 1) * rows // n)
    return keras.tree.map_structure(lambda t: None if t is None else t[own], batch), True


def check_batch(batch):
    """Raise a ValueError if the processes were not given one whole batch, or equal shapes."""
    if not in_process_group():
        return
    leaves = [ops.convert_to_tensor(t) for t in keras.tree.flatten(batch) if t is not None]
    sums = [] if SHARDED.get() else [float(ops.sum(ops.cast(t, "float64"))) for t in leaves]
    here = repr(([tuple(t.shape) for t in leaves], sums))
    everywhere = gather_objects(here, "batch")
    if any(there != here for there in everywhere):
        raise invalid(
            "`fit` must be given the same batches on every process, of which each trains on its "
            "own rows: seed the order of the data alike. If the dataset gives each process its own "
            "rows, of equal shapes, pass data_parallel(sharded_data=True).",
            **{f"process_{i}": there for i, there in enumerate(everywhere)},
        )


def mean_updates(updates):
    """Return updates, pairs (variable, new value), with the means of what the processes compute.

    So are moving averages of each process's rows; seeds, which are integers, advance alike.
    """
    if not SPLIT.get():
        return updates
    # frozen weights are among them, unchanged
    changed = [(v, new) for v, new in updates if new.data_ptr() != v.value.data_ptr()]
    floating = [(v, new) for v, new in changed if "float" in v.dtype]
    others = [(v, new) for v, new in changed if "float" not in v.dtype]
    variables = [v for v, _ in floating]
    return [*others, *zip(variables, mean_over_replicas([new for _, new in floating]))]


def counting_metrics(model, step):
    """Run a step and return its logs, with metrics that count the rows of all processes.

    The states of metrics are sums. What the step adds to them on each process is added up.
    """
    if not SPLIT.get():
        return step()
    counted = {id(v): v.value.clone() for v in model.metrics_variables}
    logs = step()
    variables = model.metrics_variables
    before = [counted.get(id(v), 0 * v.value) for v in variables]  # some are made in the first step
    changes = torch_sums([v.value - b for v, b in zip(variables, before)]) if variables else []
    for variable, b, change in zip(variables, before, changes):
        variable.assign(b + change)
    return {**logs, **model.get_metrics_result()}
