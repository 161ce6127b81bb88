"""Checkpoints in several files with a JSON index, as Hugging Face stores them."""

import os
from itertools import chain

from kerasx.checkpoints.checkpoint import Checkpoint, Spec
from kerasx.checkpoints.folder import read_config
from kerasx.checks import invalid
from kerasx.files.names import is_plain


class ShardedCheckpoint(Checkpoint):
    """Several checkpoints read as one.

    Args:
        path: path of the index file.
        shards: open checkpoints.
        places: {name: the shard to read it from}.
    """

    def __init__(self, path, shards, places):
        self._shards = shards
        self.format = shards[0].format
        specs = {
            name: Spec(shard.shape(name), shard.dtype(name), shard)
            for name, shard in places.items()
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

    A tensor that the index does not name, or names in another file, is read from the only file
    that has it.

    Args:
        path: path of the index file, such as model.safetensors.index.json.
        open_shard: function of a path that returns a Checkpoint.

    Raises:
        ValueError: no file has a tensor of the index, or several files have one that the index
            does not place.
    """
    weight_map = _files_of_weights(path)
    folder, files = os.path.dirname(path), {*chain.from_iterable(weight_map.values())}
    shards = {file: open_shard(os.path.join(folder, file)) for file in files}
    places = {}
    for file, shard in shards.items():
        for name in (*shard, *shard.skipped):
            places.setdefault(name, set()).add(file)
    likely = {k: v if len(v) == 1 else v & {*weight_map.get(k, ())} for k, v in places.items()}
    doubtful = {k for k, v in likely.items() if len(v) != 1}
    wrong = sorted(doubtful | (weight_map.keys() - places.keys()))
    if wrong:
        for shard in shards.values():
            shard.close()
        raise invalid(
            "`path` must be the index of the files beside it; they are of another version and "
            f"differ in {len(wrong)} tensors.",
            path=os.fspath(path),
            tensors=wrong,
        )
    chosen = {name: shards[file] for name, (file,) in likely.items()}
    readable = {name: shard for name, shard in chosen.items() if name in shard}
    return ShardedCheckpoint(path, list(shards.values()), readable)


def read_weight_map(path):
    """Return {tensor name: file name} of an index file, which may name a tensor twice.

    Raises:
        ValueError: the file is no index, or it names files in another folder.
    """
    return {name: files[-1] for name, files in _files_of_weights(path).items()}


def _files_of_weights(path):
    """Return {tensor name: tuple of the files that an index names}."""
    weight_map = read_config(path, distinct=False).get("weight_map")
    if isinstance(weight_map, dict):
        weight_map = {k: v if isinstance(v, tuple) else (v,) for k, v in weight_map.items()}
    files = chain.from_iterable(weight_map.values()) if isinstance(weight_map, dict) else [None]
    if not weight_map or not all(map(is_plain, files)):
        raise invalid(
            "`path` must be an index whose 'weight_map' maps tensor names to names of files in "
            "the same folder.",
            path=os.fspath(path),
        )
    return weight_map
