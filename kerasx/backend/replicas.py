"""Means over the copies of a model on several devices, and rows of all of them.

Each replica r of n computes the loss of its own rows of the batch. Training on n devices equals
training on one if every number that belongs to the whole batch is computed of the whole batch:

- the divisor of a mean loss, and its value: `mean_over_replicas`;
- the gradients, wherever `value_and_grad` takes them, so that the direction of an adversarial step
  or the norm in a penalty is that of the whole batch: `mean_over_replicas`;
- a loss that compares the rows of a batch: `gather_replicas`.

The mean passes its gradient on as it is: the gradient of a mean loss by the weights is the mean of
the replicas' gradients, which `value_and_grad` takes once more anyway.

On TensorFlow a replica is a device of a tf.distribute strategy, on PyTorch a process of a process
group. On JAX a program is written for the whole batch, and XLA splits it: there is one replica.
"""

import contextlib
import contextvars
import os
import random

import keras
import numpy as np
from keras import ops

from kerasx.backend.processes import broadcast_object, gather_objects
from kerasx.backend.random_state import get_random_state, set_random_state
from kerasx.checks import invalid

# of keras.random.SeedGenerator's state, two integers, of which the first is the seed
_SEED_NAME, _SEED_DISTANCE = "seed_generator_state", 1_000_003
# PyTorch: whether the running code is that of a training step, whose batch is split
_SPLIT = contextvars.ContextVar("split", default=False)
# PyTorch: whether the dataset gives each process its own rows alone
_SHARDED = contextvars.ContextVar("sharded", default=False)


def replica_count():
    """Return the number of replicas that compute the running step together, 1 for no others."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        context = _tensorflow_context()
        return 1 if context is None else context.num_replicas_in_sync
    if backend == "torch" and _SPLIT.get():
        return _group().get_world_size()
    return 1


def replica_index():
    """Return the number of this replica, from 0; a tensor on TensorFlow."""
    if replica_count() == 1:
        return 0
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_context().replica_id_in_sync_group
    return _group().get_rank()


def mean_over_replicas(tensors):
    """Compute the mean of each tensor over the replicas, whose gradient passes on unchanged.

    Args:
        tensors: list of float tensors, of the same shapes on every replica.

    Returns:
        The list of means; the tensors themselves for one replica.

    >>> mean_over_replicas([1.0])
    [1.0]
    """
    if replica_count() == 1 or not tensors:
        return list(tensors)
    tensors = [ops.convert_to_tensor(t) for t in tensors]
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_mean(tensors)
    return _torch_mean(tensors)


def mean_of_all(values):
    """Compute the mean of all elements of a tensor on all replicas, whatever rows each has.

    >>> float(mean_of_all(ops.array([1.0, 3.0])))
    2.0
    """
    if replica_count() == 1:
        return ops.mean(values)
    (size,) = mean_over_replicas([ops.cast(ops.size(values), values.dtype)])
    return mean_over_replicas([ops.sum(values) / size])[0]


def gather_replicas(x):
    """Return the rows of all replicas in the order of the whole batch.

    The gradient of a row is the sum of what the losses of all replicas have to say of it.

    Args:
        x: tensor (b, ...).

    Returns:
        Tensor (rows of all replicas, ...); x itself for one replica.
    """
    if replica_count() == 1:
        return x
    x = ops.convert_to_tensor(x)
    if keras.backend.standardize_dtype(x.dtype) == "bool":
        return ops.cast(gather_replicas(ops.cast(x, "int32")), "bool")
    gather = _tensorflow_gather if keras.backend.backend() == "tensorflow" else _torch_gather
    return gather(x)


def keras_loss_factor():
    """Return n where Keras has divided the loss of this replica by their number n, else 1.

    On TensorFlow Keras does, since its optimizers add the gradients of the replicas up.
    """
    return replica_count() if keras.backend.backend() == "tensorflow" else 1


def only_first(tensors):
    """Return the tensors on the first replica and zeros on the others, for a sum over replicas.

    Optimizers on TensorFlow add the gradients of all replicas. Gradients that are those of the
    whole batch already go to them from one replica only, so that the optimizer clips their norm
    and not the norm of a part.
    """
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        return list(tensors)
    is_first = ops.equal(replica_index(), 0)
    return [None if t is None else ops.where(is_first, t, ops.zeros_like(t)) for t in tensors]


def sum_over_replicas(tensors):
    """Return what optimizers on TensorFlow make of the gradients of all replicas: their sum."""
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        return list(tensors)
    present = [ops.convert_to_tensor(t) for t in tensors if t is not None]
    import tensorflow as tf

    found = iter(_tensorflow_context().all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if t is None else next(found) for t in tensors]


def devices_in_scope():
    """Return the number of replicas of the `replica_scope` around this call, outside of a step."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.get_strategy().num_replicas_in_sync
    return _group().get_world_size() if in_process_group() else 1


def made_outside(variables):
    """Return the variables that were not made in the strategy of TensorFlow in use."""
    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    strategy = tf.distribute.get_strategy().extended
    return [v for v in variables if not strategy.variable_created_in_scope(v.value)]


def seeds_of_replica(pairs, back=False):
    """Give the random seeds among (variable, value) pairs the value that this replica draws with.

    Otherwise all replicas, which have the same state, would draw the same dropout masks for their
    different rows. The first replica draws as a single one would.

    Args:
        pairs: list of (variable, value).
        back: whether to return from the replica's values to those of the state.
    """
    if replica_count() == 1:
        return pairs
    distance = _SEED_DISTANCE * replica_index() * (-1 if back else 1)

    def moved(value):
        move = ops.stack([ops.cast(distance, value.dtype), ops.cast(0, value.dtype)])
        return value + move

    return [(v, moved(value) if v.name == _SEED_NAME else value) for v, value in pairs]


# TensorFlow


def _tensorflow_context():
    """Return the replica context of a strategy of several replicas, None outside of one."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return None if context is None or context.num_replicas_in_sync == 1 else context


def _tensorflow_mean(tensors):
    import tensorflow as tf

    @tf.custom_gradient
    def mean(*tensors):
        means = _tensorflow_context().all_reduce(tf.distribute.ReduceOp.MEAN, list(tensors))
        return means, lambda *upstream: upstream

    return list(mean(*tensors))


def _tensorflow_gather(x):
    import tensorflow as tf

    context = _tensorflow_context()
    here, n = context.replica_id_in_sync_group, context.num_replicas_in_sync

    def total(x):
        return context.all_reduce(tf.distribute.ReduceOp.SUM, x)

    rows = tf.shape(x)[0]
    counts = total(tf.one_hot(here, n, dtype="int32") * rows)
    start, end = tf.cumsum(counts, exclusive=True)[here], tf.reduce_sum(counts)

    # a sum of blocks at their places, for which strategies need no other communication
    @tf.custom_gradient
    def gather(x):
        edges = [[start, end - start - rows], *[[0, 0]] * (len(x.shape) - 1)]
        return total(tf.pad(x, edges)), lambda dy: total(dy)[start : start + rows]

    return gather(x)


def run_if(condition, action, arguments=()):
    """Run `action(*arguments)` only if `condition`, a boolean scalar, is true.

    TensorFlow's replicas cannot enter a conditional in which they communicate, as optimizers do. So
    they meet outside of it, and the action runs for each of them within it.
    """
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        ops.cond(condition, lambda: action(*arguments), lambda: None)
        return

    def together(strategy, condition, arguments):
        condition = strategy.experimental_local_results(condition)[0]

        def each():
            strategy.extended.call_for_each_replica(action, args=arguments)

        ops.cond(condition, each, lambda: None)

    _tensorflow_context().merge_call(together, args=(condition, arguments))


def run_on_replicas(function):
    """Call a function that uses an optimizer, outside of a step: on TensorFlow on every replica."""
    if keras.backend.backend() != "tensorflow" or devices_in_scope() == 1:
        return function()
    import tensorflow as tf

    return tf.distribute.get_strategy().run(function)


def assign_where_replicas_meet(variable, value, add=False):
    """Assign a value, equal on all replicas, to a slot; return whether it had to be done so.

    TensorFlow's replicas assign slots in `update_step` of an optimizer only, or where they meet.
    """
    if keras.backend.backend() != "tensorflow" or replica_count() == 1:
        return False

    def together(strategy, value):
        def assign(variable, value):
            (variable.assign_add if add else variable.assign)(value)

        strategy.extended.update(variable.value, assign, args=(value,), group=False)

    _tensorflow_context().merge_call(together, args=(value,))
    return True


# PyTorch


def _group():
    import torch.distributed

    return torch.distributed


def in_process_group():
    """Return whether this PyTorch process is one of several in a process group."""
    if keras.backend.backend() != "torch":
        return False
    group = _group()
    return group.is_available() and group.is_initialized() and group.get_world_size() > 1


def _torch_mean(tensors):
    import torch

    class Mean(torch.autograd.Function):
        @staticmethod
        def forward(context, *tensors):
            return tuple(_torch_sums(tensors, _group().get_world_size()))

        @staticmethod
        def backward(context, *upstream):
            return upstream

    return list(Mean.apply(*tensors))


def _torch_sums(tensors, divisor=1):
    """Return the sums of tensors over the processes divided by a number, with one message.

    Half precision is added up in float32.
    """
    import torch

    flat = torch.cat([t.detach().reshape(-1).to(_wide(t)) for t in tensors])
    _group().all_reduce(flat)
    parts = (flat / divisor).split([t.numel() for t in tensors])
    return [part.reshape(t.shape).to(t.dtype) for part, t in zip(parts, tensors)]


def _wide(tensor):
    import torch

    return torch.float64 if tensor.dtype in (torch.float64, torch.int64) else torch.float32


def _torch_gather(x):
    import torch

    rank, n = _group().get_rank(), _group().get_world_size()

    class Gather(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            blocks = [torch.empty_like(x) for _ in range(n)]
            _group().all_gather(blocks, x.contiguous())
            return torch.cat(blocks)

        @staticmethod
        def backward(context, upstream):
            (total,) = _torch_sums([upstream])
            return total.reshape(n, -1, *x.shape[1:])[rank]

    return Gather.apply(x)


@contextlib.contextmanager
def split_step(split):
    """Let the processes of a group compute one loss within this block, if the batch is split."""
    token = _SPLIT.set(split)
    try:
        yield
    finally:
        _SPLIT.reset(token)


def share_variables(variables):
    """Give the variables of all processes of a process group the values of the first."""
    if in_process_group():
        for variable in variables:
            _group().broadcast(variable.value.data, 0)


def rows_of_process(batch):
    """Return (rows of this process, whether the processes have different rows) on PyTorch.

    Every process is given the whole batch, unless `replica_scope` says that the data is sharded. A
    batch whose rows do not divide by the number of processes is computed whole by each.

    Args:
        batch: structure of tensors (b, ...) or Nones.
    """
    if not in_process_group():
        return batch, False
    rank, n = _group().get_rank(), _group().get_world_size()
    rows = next(len(t) for t in keras.tree.flatten(batch) if t is not None)
    if _SHARDED.get() or rows % n:
        return batch, _SHARDED.get()
    own = slice(rank * rows // n, (rank + 1) * rows // n)
    return keras.tree.map_structure(lambda t: None if t is None else t[own], batch), True


def check_batch(batch):
    """Raise a ValueError if the processes were not given one whole batch, or equal shapes."""
    if not in_process_group():
        return
    leaves = [ops.convert_to_tensor(t) for t in keras.tree.flatten(batch) if t is not None]
    sums = [] if _SHARDED.get() else [float(ops.sum(ops.cast(t, "float64"))) for t in leaves]
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
    if not _SPLIT.get():
        return updates
    changed = [(v, new) for v, new in updates if new is not v.value]
    floating = [(v, new) for v, new in changed if "float" in v.dtype]
    others = [(v, new) for v, new in changed if "float" not in v.dtype]
    variables = [v for v, _ in floating]
    return [*others, *zip(variables, mean_over_replicas([new for _, new in floating]))]


def counting_metrics(model, step):
    """Run a step and return its logs, with metrics that count the rows of all processes.

    The states of metrics are sums. What the step adds to them on each process is added up.
    """
    if not _SPLIT.get():
        return step()
    counted = {id(v): v.value.clone() for v in model.metrics_variables}
    logs = step()
    variables = [v for v in model.metrics_variables if "float" in v.dtype]
    before = [counted.get(id(v), 0 * v.value) for v in variables]  # some are made in the first step
    changes = _torch_sums([v.value - b for v, b in zip(variables, before)]) if variables else []
    for variable, b, change in zip(variables, before, changes):
        variable.assign(b + change)
    return {**logs, **model.get_metrics_result()}


# The devices that a script uses


@contextlib.contextmanager
def replica_scope(devices=None, sharded_data=False):
    """Open the devices of a data-parallel run on TensorFlow or PyTorch for this block.

    TensorFlow: a MirroredStrategy over the devices of this machine. PyTorch: the process group
    that `torchrun` describes; a script that was started without it is one process. All processes
    get the random states of the first.

    Args:
        devices: TensorFlow: their number, a list of names, or None for all GPUs, without GPUs all
            CPUs. PyTorch: None, or the number of processes.
        sharded_data: PyTorch: whether the dataset gives each process its own rows alone, instead of
            the whole batch.
    """
    open_scope = {"tensorflow": _mirrored, "torch": _torchrun}[keras.backend.backend()]
    token = _SHARDED.set(bool(sharded_data))
    try:
        with open_scope(devices):
            yield
    finally:
        _SHARDED.reset(token)


@contextlib.contextmanager
def _mirrored(devices):
    import tensorflow as tf

    gpus = [d.name for d in tf.config.list_logical_devices("GPU")]
    there = gpus or [d.name for d in tf.config.list_logical_devices("CPU")]
    names = _chosen(devices, there)
    if len(names) == 1:  # a strategy of one device forbids conditionals, as accumulation has
        with tf.device(names[0]):
            yield
        return
    # the collectives of CPUs remember the shapes of a strategy that the process had before
    reduction = None if gpus else tf.distribute.ReductionToOneDevice()
    strategy = tf.distribute.MirroredStrategy(names, cross_device_ops=reduction)
    with strategy.scope():
        yield


def _chosen(devices, there):
    if devices is None:
        return there
    if not isinstance(devices, int):
        return list(devices)
    if not 1 <= devices <= len(there):
        raise invalid(
            f"`devices` must be a number from 1 to {len(there)}, the devices that there are, a "
            "list of names, or None.",
            devices=devices,
            there=there,
        )
    return there[:devices]


@contextlib.contextmanager
def _torchrun(devices):
    import torch

    group, count = _group(), int(os.environ.get("WORLD_SIZE", 1))
    opened = group.is_available() and not group.is_initialized() and "RANK" in os.environ
    if opened:
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        group.init_process_group("nccl" if gpu else "gloo")
    try:
        count = group.get_world_size() if in_process_group() else 1
        if devices not in (None, count):
            raise invalid(
                "`devices` must be None or the number of processes on PyTorch; start the script by "
                f"`torchrun --nproc_per_node {devices} script.py`.",
                devices=devices,
                processes=count,
            )
        _share_random_state()
        yield
    finally:
        if opened:
            group.destroy_process_group()


def _share_random_state():
    """Give all processes the random states of the first: of Python, NumPy, torch and Keras."""
    here = random.getstate(), np.random.get_state(), get_random_state()
    (version, words, gauss), numpy, others = broadcast_object(here, "random states")
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(numpy))
    set_random_state({k: v for k, v in others.items() if not k.startswith("cuda")})
