"""Read how a sentence-transformers folder makes one vector of the vectors of a text's tokens."""

import json
from pathlib import Path

import numpy as np

from kerasx.checks import invalid
from kerasx.files.json_object import read_json_object


def mean(x):
    """Return the mean (d,) of vectors (n, d)."""
    return x.mean(axis=0)


def first(x):
    """Return the first of vectors (n, d)."""
    return x[0]


def _weighted_mean(x):
    weights = np.arange(1, len(x) + 1, dtype=x.dtype)
    return weights @ x / weights.sum()


# in the order in which sentence-transformers concatenates them
_POOLS = {
    "pooling_mode_cls_token": first,
    "pooling_mode_max_tokens": lambda x: x.max(axis=0),
    "pooling_mode_mean_tokens": mean,
    "pooling_mode_mean_sqrt_len_tokens": lambda x: x.sum(axis=0) / len(x) ** 0.5,
    "pooling_mode_weightedmean_tokens": _weighted_mean,
    "pooling_mode_lasttoken": lambda x: x[-1],
}


def _normalize(x):
    return x / max(np.linalg.norm(x), 1e-12)


def _concatenated(pools):
    return lambda x: np.concatenate([pool(x) for pool in pools])


def _pooling(folder):
    config = read_json_object(folder / "config.json")
    pools = [pool for name, pool in _POOLS.items() if config.get(name)]
    known = {*_POOLS, "word_embedding_dimension", "include_prompt"}
    unknown = [name for name, value in config.items() if name not in known and value]
    if unknown or not pools:
        expected = f"{folder / 'config.json'} must ask for a pooling among {list(_POOLS)}."
        raise invalid(expected, unknown=unknown)
    return _concatenated(pools)


def _modules(path):
    """Return (the name of its class, its folder) of each step of modules.json."""
    try:
        modules = json.loads(path.read_text("utf-8"))
        return [(m["type"].rsplit(".", 1)[-1], m["path"]) for m in modules]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise invalid(f"{path} must be a list of steps with `type` and `path`.") from error


def sentence_vector(folder):
    """Return the function from the vectors (n, d) of a text's tokens to the vector of the text.

    modules.json lists its steps: one of pooling, then perhaps one that normalizes. A folder
    without modules.json says nothing: the function is the mean.

    Args:
        folder: the folder.

    Raises:
        ValueError: the file is no list of steps, or a step is of another kind, such as a dense
            layer.
    """
    path = Path(folder) / "modules.json"
    if not path.exists():
        return mean
    pool, steps = mean, []
    for kind, place in _modules(path)[1:]:
        if kind == "Pooling":
            pool = _pooling(Path(folder) / place)
        elif kind == "Normalize":
            steps.append(_normalize)
        else:
            raise invalid(f"{path} must list steps of pooling and normalizing only.", type=kind)
    return lambda x: _chain(steps, pool(x))


def _chain(steps, x):
    for step in steps:
        x = step(x)
    return x
