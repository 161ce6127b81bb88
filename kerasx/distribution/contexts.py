"""The contexts in which a model is built, compiled and trained on several devices."""

import contextlib
import json
import os

import keras

from kerasx import backend
from kerasx.checks import check_integer, invalid
from kerasx.distribution.cutting import BATCH, MODEL, Cut, FullyCut, ModelAxis


def data_parallel(devices=None, sharded_data=False):
    """Train on several devices that each hold the whole model and take some rows of each batch.

    All that builds, compiles and fits stands inside. A batch whose rows do not divide by the
    devices is computed whole on each of them, which is exact, too.

    JAX runs one process for the devices of a host, and several processes after
    `keras.distribution.initialize(...)` or with its environment variables. TensorFlow has the
    devices of one host (tf.distribute.MirroredStrategy). PyTorch has one process for each device,
    started by `torchrun script.py`.

    Args:
        devices: number of devices, or a list of their names such as "gpu:0"; all by default.
        sharded_data: with several processes, whether the dataset of each has its own rows of a
            batch only, as `BucketDataset(shard=(rank, ranks))`. By default every process reads
            whole batches, the same ones.

    Raises:
        ValueError: there are fewer devices; TensorFlow was started with several workers.

    Example:

        with data_parallel():
            model = build_transformer_model(folder)
            model.compile(optimizer, loss)
            model = prepare(model)
            model.fit(dataset)
    """
    if keras.backend.backend() == "jax":
        return _context(Cut(_mesh(devices), sharded_data))
    _refuse_workers()
    return backend.replica_scope(devices, sharded_data)


def fully_sharded(devices=None, sharded_data=False):
    """Train on several devices, each of which holds a part of each matrix and of its slots.

    As in `data_parallel` each device takes some rows of a batch. Matrices are cut along their
    largest axis that divides by the devices, and are put together where they are used (ZeRO-3,
    arXiv 1910.02054); vectors stay whole. On JAX.

    Args:
        devices, sharded_data: as in `data_parallel`.

    Raises:
        ValueError: another backend than JAX.
    """
    _only_jax("fully_sharded")
    return _context(FullyCut(_mesh(devices), sharded_data))


def model_parallel(model=2, data=None, rules=None, devices=None, sharded_data=False):
    """Train on a grid of devices: each group of `model` devices holds one copy of the weights.

    The rules of the builder (`layout_rules`) cut the token table by the vocabulary, queries, keys
    and values by heads, and the feed-forward network by its hidden width (Megatron-LM, arXiv
    1909.08053). The `data` groups share the rows of a batch as in `data_parallel`. On JAX.

    Args:
        model: number of devices that share a copy of the weights.
        data: number of groups; all devices by default.
        rules: {pattern: axis}, which comes before those of the builder: weights whose whole path
            matches the regular expression are cut along this axis, or left whole (None).
        devices, sharded_data: as in `data_parallel`.

    Raises:
        ValueError: another backend than JAX; there are fewer devices; an axis does not divide.
    """
    _only_jax("model_parallel")
    model = check_integer("model", model, least=1)
    if data is not None:
        count = check_integer("data", data, least=1) * model
        given = len(devices) if isinstance(devices, (list, tuple)) else devices
        if given not in (None, count):
            raise invalid(
                f"`devices` must be None or data * model = {count} devices.",
                model=model,
                data=data,
                devices=devices,
            )
        devices = count if devices is None else devices
    return _context(ModelAxis(_mesh(devices, model), rules, sharded_data=sharded_data))


def _context(distribution):
    """Return the scope of a distribution; nothing is to be done for one device."""
    alone = distribution.device_mesh.devices.size == 1
    return contextlib.nullcontext() if alone else distribution.scope()


def _mesh(devices, model=None):
    """Return a grid of devices, (batch,) or (batch, model)."""
    backend.join_processes()
    there = keras.distribution.list_devices()
    names = there if devices is None else devices
    if not isinstance(names, (list, tuple)):
        names = there[: check_integer("devices", devices, least=1)]
    count = devices if isinstance(devices, int) else len(names)
    if len(names) < count or set(names) - set(there) or len(names) % (model or 1):
        raise invalid(
            f"`devices` must be among those of JAX, in groups of {model or 1}. A host without "
            "accelerators has as many as XLA_FLAGS=--xla_force_host_platform_device_count=... says "
            "when JAX is imported.",
            devices=devices,
            there=there,
        )
    shape, axes = (len(names),), [BATCH]
    if model is not None:
        shape, axes = (len(names) // model, model), [BATCH, MODEL]
    return keras.distribution.DeviceMesh(shape, axes, list(names))


def _only_jax(name):
    if keras.backend.backend() != "jax":
        raise invalid(
            f"`{name}` needs KERAS_BACKEND=jax: Keras {keras.__version__} cuts weights there only. "
            "data_parallel works on every backend.",
            backend=keras.backend.backend(),
        )


def _refuse_workers():
    """Raise where several workers of TensorFlow are asked for."""
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    workers = [address for job in ("chief", "worker") for address in cluster.get(job, ())]
    if keras.backend.backend() == "tensorflow" and len(workers) > 1:
        raise invalid(
            f"`TF_CONFIG` must name one worker: Keras {keras.__version__} fails to fit on several "
            "workers of TensorFlow. Use KERAS_BACKEND=jax, or torch with torchrun, for several "
            "hosts.",
            workers=workers,
        )
