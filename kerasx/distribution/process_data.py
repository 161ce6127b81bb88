"""Check, before training, that the processes of a run read data that fit together."""

import functools
import hashlib
import random

import keras
import numpy as np

from kerasx import backend
from kerasx.checks import invalid

_LIKE = "as BucketDataset(..., shard=(process, processes), tail='drop')"


def checks_data(method, distribution):
    """Return `fit`, `evaluate` or `predict` of a model, with checks of its data first.

    Training data must be as the context says. Data of `evaluate` and `predict` may be whole, too.

    Args:
        method: bound method of a model.
        distribution: the distribution of the context, with its attribute `sharded_data`.
    """

    @functools.wraps(method)
    def run(x=None, *args, **kwargs):
        sharded = distribution.sharded_data
        if method.__name__ == "fit":
            check_shard(x, sharded)
            if not sharded and keras.backend.backend() == "jax":  # PyTorch's step compares batches
                _check_same(x)
            return method(x, *args, **kwargs)
        distribution.sharded_data = is_sharded(x, sharded)
        try:
            return method(x, *args, **kwargs)
        finally:
            distribution.sharded_data = sharded

    return run


def check_shard(data, sharded):
    """Raise for training data that has other rows in each process, or not, unlike `sharded`."""
    found, own = _shard(data), (backend.process_index(), backend.process_count())
    if not sharded and found and found[1] > 1:
        raise invalid(
            "`shard` of the data must be (0, 1), as every process reads whole batches and takes "
            "its rows, unless the context says sharded_data=True.",
            shard=found,
        )
    if sharded and (found or _is_arrays(data)) and found != own:
        raise invalid(
            f"With sharded_data=True the data of a process must be a dataset of its own rows, "
            f"{_LIKE}. Arrays, and whole datasets, are read without sharded_data.",
            shard=found,
            process=own,
        )


def is_sharded(data, sharded):
    """Return whether data has the rows of its process only; `sharded` where it does not tell."""
    found = _shard(data)
    if found is not None:
        return found[1] > 1
    return sharded and not _is_arrays(data)


def _shard(data):
    """Return (process, processes) of a dataset of kerasx, or None."""
    found = getattr(data, "shard", None) or getattr(getattr(data, "batches", None), "shard", None)
    return None if found is None else tuple(found)


def _is_arrays(data):
    return all(hasattr(leaf, "shape") for leaf in keras.tree.flatten(data))


def _check_same(x):
    """Raise unless all processes read the same data in the same order."""
    digests = backend.gather_objects([_digest(_first(x)), _digest(_random_states())], "data")
    for i, what in enumerate(("first batch", "state of Python's and NumPy's random numbers")):
        if len({pair[i] for pair in digests}) > 1:
            raise invalid(
                f"All processes must read the same batches, but their {what} differs. Call "
                "keras.utils.set_random_seed with one seed in all of them, or give each its own "
                f"rows and say sharded_data=True, {_LIKE}.",
                process=backend.process_index(),
            )


def _first(x):
    """Return the first rows of arrays, the first batch of a PyDataset, and nothing of others."""
    if isinstance(x, keras.utils.PyDataset):
        return x[0]
    arrays = [leaf for leaf in keras.tree.flatten(x) if hasattr(leaf, "shape")]
    return [leaf[:8] for leaf in arrays]


def _random_states():
    _, keys, place, *_ = np.random.get_state()
    return [keys, place, np.array(random.getstate()[1])]


def _digest(values):
    digest = hashlib.sha256()
    for leaf in keras.tree.flatten(values):
        digest.update(np.ascontiguousarray(leaf))
    return digest.hexdigest()
