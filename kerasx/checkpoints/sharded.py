"""Checkpoints in several files with a JSON index, as Hugging Face stores them."""

import os

from kerasx.checkpoints.checkpoint import Checkpoint, Spec
from kerasx.checkpoints.folder import read_config
from kerasx.checks import invalid


class ShardedCheckpoint(Checkpoint):
    """Several checkpoints read as one.

    Args:
        path: path of the index file.
        shards: open checkpoints without a name in common.
    """

    def __init__(self, path, shards):
        self._shards = shards
        self.format = shards[0].format
        specs = {
            name: Spec(shard.shape(name), shard.dtype(name), shard)
            for shard in shards
            for name in shard
        }
        skipped = {name: why for shard in shards for name, why in shard.skipped.items()}
        super().__init__(path, specs, skipped)

    def verify(self, names):
        for name in names:
            self._spec(name).where.verify([name])

    def _read(self, name, spec):
        return spec.where[name]

    def release(self):
        for shard in self._shards:
            shard.release()

    def close(self):
        for shard in self._shards:
            shard.close()
        super().close()


def open_shards(path, open_shard):
    """Open all files of an index as one checkpoint.

    Args:
        path: path of the index file, such as model.safetensors.index.json.
        open_shard: function of a path that returns a Checkpoint.

    Raises:
        ValueError: the tensors in the files are not those in the index.
    """
    weight_map = read_weight_map(path)
    folder = os.path.dirname(path)
    shards = {file: open_shard(os.path.join(folder, file)) for file in set(weight_map.values())}
    found = {(name, file) for file, shard in shards.items() for name in (*shard, *shard.skipped)}
    wrong = sorted(name for name, _ in found ^ set(weight_map.items()))
    if wrong:
        for shard in shards.values():
            shard.close()
        raise invalid(
            "`path` must be the index of the files beside it; they are of another version and "
            f"differ in {len(wrong)} tensors.",
            path=os.fspath(path),
            tensors=wrong,
        )
    return ShardedCheckpoint(path, list(shards.values()))


def read_weight_map(path):
    """Return {tensor name: file name} of an index file.

    Raises:
        ValueError: the file is no index, or it names files in another folder.
    """
    weight_map = read_config(path).get("weight_map")
    files = weight_map.values() if isinstance(weight_map, dict) else [None]
    if not weight_map or not all(isinstance(f, str) and _is_plain(f) for f in files):
        raise invalid(
            "`path` must be an index whose 'weight_map' maps tensor names to names of files in "
            "the same folder.",
            path=os.fspath(path),
        )
    return weight_map


def _is_plain(name):
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")
