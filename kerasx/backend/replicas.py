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

import contextvars
import functools

import keras
from keras import ops

from kerasx.backend.processes import process_count

# of keras.random.SeedGenerator's state, two integers, of which the first is the seed
_SEED_NAME, _SEED_DISTANCE = "seed_generator_state", 1_000_003
# PyTorch: whether the running code is that of a training step, whose batch is split
SPLIT = contextvars.ContextVar("split", default=False)


def replica_count():
    """Return the number of replicas that compute the running step together, 1 for no others."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        context = tensorflow_context()
        return 1 if context is None else context.num_replicas_in_sync
    if backend == "torch" and SPLIT.get():
        return process_group().get_world_size()
    return 1


def replica_index():
    """Return the number of this replica, from 0; a tensor on TensorFlow."""
    if replica_count() == 1:
        return 0
    if keras.backend.backend() == "tensorflow":
        return tensorflow_context().replica_id_in_sync_group
    return process_group().get_rank()


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


def tensorflow_context():
    """Return the replica context of a strategy of several replicas, None outside of one."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return None if context is None or context.num_replicas_in_sync == 1 else context


def _tensorflow_mean(tensors):
    import tensorflow as tf

    @tf.custom_gradient
    def mean(*tensors):
        means = tensorflow_context().all_reduce(tf.distribute.ReduceOp.MEAN, list(tensors))
        return means, lambda *upstream: upstream

    return list(mean(*tensors))


def _tensorflow_gather(x):
    import tensorflow as tf

    context = tensorflow_context()
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


# PyTorch


def process_group():
    import torch.distributed

    return torch.distributed


def in_process_group():
    """Return whether this PyTorch process is one of several in a process group."""
    return keras.backend.backend() == "torch" and process_count() > 1


def _torch_mean(tensors):
    return list(_mean_function().apply(*tensors))


@functools.cache
def _mean_function():
    import torch

    class Mean(torch.autograd.Function):
        @staticmethod
        def forward(context, *tensors):
            return tuple(torch_sums(tensors, process_group().get_world_size()))

        @staticmethod
        def backward(context, *upstream):
            return upstream

    return Mean


def torch_sums(tensors, divisor=1):
    """Return the sums of tensors over the processes divided by a number, with one message.

    Half precision is added up in float32, integers in float64.
    """
    import torch

    flat = torch.cat([t.detach().reshape(-1).to(_wide(t)) for t in tensors])
    process_group().all_reduce(flat)
    parts = (flat / divisor).split([t.numel() for t in tensors])
    return [part.reshape(t.shape).to(t.dtype) for part, t in zip(parts, tensors)]


def _wide(tensor):
    import torch

    short = tensor.dtype.is_floating_point and tensor.dtype.itemsize < 8
    return torch.float32 if short else torch.float64  # integers up to 2^53 are exact


def _torch_gather(x):
    return _gather_function().apply(x)


@functools.cache
def _gather_function():
    import torch

    class Gather(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            blocks = [torch.empty_like(x) for _ in range(process_group().get_world_size())]
            process_group().all_gather(blocks, x.contiguous())
            return torch.cat(blocks)

        @staticmethod
        def backward(context, upstream):
            (total,) = torch_sums([upstream])
            parts = total.chunk(process_group().get_world_size())
            return parts[process_group().get_rank()]

    return Gather
