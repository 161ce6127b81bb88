"""Open the devices that a data-parallel script uses, on TensorFlow and PyTorch."""

import atexit
import contextlib
import contextvars
import os
import random

import keras
import numpy as np

from kerasx.backend.processes import broadcast_object, hide_processes
from kerasx.backend.random_state import get_random_state, set_random_state
from kerasx.backend.replicas import in_process_group, process_group
from kerasx.checks import invalid

# PyTorch: whether the dataset gives each process its own rows alone
SHARDED = contextvars.ContextVar("sharded", default=False)


class ProcessData:
    """Tell whether the data at hand has the rows of its process only, on PyTorch."""

    @property
    def sharded_data(self):
        return SHARDED.get()

    @sharded_data.setter
    def sharded_data(self, value):
        SHARDED.set(value)


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
    token = SHARDED.set(bool(sharded_data))
    try:
        with open_scope(devices):
            yield
    finally:
        SHARDED.reset(token)


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
    _join_group()
    hide_processes(False)
    try:
        count = devices_in_scope()
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
        hide_processes(_is_ours)


_is_ours = False  # whether the process group was opened here


def _join_group():
    """Open the process group that torchrun describes, if there is one and it is not open.

    It stays open to the end of the process, hidden between contexts: torchrun keeps what was said
    in a group, so that another one after it would read messages of the first.
    """
    global _is_ours
    import torch

    group = process_group()
    if "RANK" not in os.environ or not group.is_available() or group.is_initialized():
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    group.init_process_group("nccl" if gpu else "gloo")
    _is_ours = True
    atexit.register(group.destroy_process_group)


def _share_random_state():
    """Give all processes the random states of the first: of Python, NumPy, torch and Keras."""
    here = random.getstate(), np.random.get_state(), get_random_state()
    (version, words, gauss), numpy, others = broadcast_object(here, "random states")
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(numpy))
    set_random_state({k: v for k, v in others.items() if not k.startswith("cuda")})


def devices_in_scope():
    """Return the number of replicas of the `replica_scope` around this call, outside of a step."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.get_strategy().num_replicas_in_sync
    return process_group().get_world_size() if in_process_group() else 1


def made_outside(variables):
    """Return the variables that were not made in the strategy of TensorFlow in use."""
    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    strategy = tf.distribute.get_strategy().extended
    return [v for v in variables if not strategy.variable_created_in_scope(v.value)]
