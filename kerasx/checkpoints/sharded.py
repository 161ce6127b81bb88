"""Checkpoints in several files with a JSON index, the way of Hugging Face."""

import os

from kerasx.checkpoints.checkpoint import ShardedCheckpoint
from kerasx.checkpoints.folder import read_config


def read_weight_map(path):
    """{tensor name: file name} of an index such as model.safetensors.index.json.

    Raises:
        ValueError: if it is not an index, or names files outside its folder.
    """
    weight_map = read_config(path).get("weight_map")
    files = weight_map.values() if isinstance(weight_map, dict) else [None]
    if not weight_map or not all(isinstance(f, str) and _is_plain(f) for f in files):
        raise ValueError(
            "`path` must be an index with a 'weight_map' of tensor names to names of files in the "
            f"same folder. Received: path={os.fspath(path)!r}"
        )
    return weight_map


def open_shards(path, open_shard):
    """Open the files of an index as one checkpoint.

    Args:
        path: the index file.
        open_shard: function of a path that returns a Checkpoint.
    Raises:
        ValueError: if the shards do not hold the very tensors that the index says.
    """
    weight_map = read_weight_map(path)
    folder = os.path.dirname(path)
    shards = {file: open_shard(os.path.join(folder, file)) for file in set(weight_map.values())}
    found = {(name, file) for file, shard in shards.items() for name in (*shard, *shard.skipped)}
    wrong = sorted(name for name, _ in found ^ set(weight_map.items()))
    if wrong:
        for shard in shards.values():
            shard.close()
        raise ValueError(
            "`path` must be an index of the shards beside it; they are of another version. "
            f"Received: path={os.fspath(path)!r}, which differs from them in {len(wrong)} tensors: "
            f"{wrong[:8]}"
        )
    return ShardedCheckpoint(path, list(shards.values()))


def _is_plain(name):
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")
