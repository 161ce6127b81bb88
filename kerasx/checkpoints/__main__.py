"""List and convert checkpoints: `python -m kerasx.checkpoints show|convert ...`"""

import argparse
import os
import shutil
import sys

from kerasx.checkpoints.checkpoint import Checkpoint, Spec
from kerasx.checkpoints.folder import describe_folder
from kerasx.checkpoints.hdf5 import save_hdf5
from kerasx.checkpoints.opening import open_checkpoint
from kerasx.checkpoints.safetensors_file import save_safetensors
from kerasx.checkpoints.tensor_bundle import save_tensor_bundle
from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path

_BIG = 256 << 20  # size in bytes from which progress is shown
_SUFFIXES = (".safetensors", ".ckpt", ".weights.h5")
_UNITS = ("B", "KB", "MB", "GB", "TB")


def main(arguments=None):
    """Run the command line and return the exit code: 0, or 2 after an error of one line."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "show":
            show(options.path)
        else:
            convert(options.source, options.target, options.force, options.max_shard_size)
    except ValueError as error:  # says what to do
        return _fail(error)
    except OSError as error:
        return _fail(f"{error}; check that the folder is writable and that the disk is not full")
    return 0


def _fail(error):
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    return 2


def show(path):
    """Print the name, shape, dtype and size of every tensor, and the total size."""
    with open_checkpoint(path) as checkpoint:
        rows = [
            (
                name,
                str(checkpoint.shape(name)),
                str(checkpoint.dtype(name)),
                checkpoint.nbytes(name),
            )
            for name in checkpoint
        ]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        for *texts, size in rows:
            columns = "  ".join(text.ljust(width) for text, width in zip(texts, widths))
            print(f"{columns}  {_readable_size(size):>9}")
        for name, reason in checkpoint.skipped.items():
            print(f"{name}  (not read: {reason})")
        print(f"{_summary(checkpoint)}, {checkpoint.format} format: {checkpoint.path}")


def convert(source, target, force=False, max_shard_size=None):
    """Copy all tensors of a checkpoint into another format, bit for bit.

    Metadata of safetensors is kept. Entries that are not tensors are listed on stderr.

    Args:
        source: an argument for `open_checkpoint`.
        target: path ending in `.safetensors`, `.ckpt` or `.weights.h5`; or a folder, in which
            model.safetensors is written, and the config and vocabulary if `source` is a folder.
        force: bool, whether to replace files that exist.
        max_shard_size: for safetensors, bytes of tensors per file.

    Raises:
        ValueError: the target exists, has another suffix, or cannot hold a tensor.
    """
    source, target = os.fspath(source), os.fspath(target)
    weights, copies = _plan(source, target)
    existing = [
        path
        for path in (weights, f"{weights}.index", f"{weights}.index.json", *copies.values())
        if os.path.exists(path)
    ]
    if existing and not force:
        raise invalid("The target must not exist; --force replaces it.", existing=existing)
    with open_checkpoint(source, mapped=True) as checkpoint:
        if weights != target:
            os.makedirs(target, exist_ok=True)
        _save(weights, _Reported(checkpoint), max_shard_size)
        for name, reason in checkpoint.skipped.items():
            print(f"not copied: {name} ({reason})", file=sys.stderr)
        print(f"wrote {weights}: {_summary(checkpoint)}")
    for path, copy in copies.items():
        if os.path.realpath(path) != os.path.realpath(copy):
            with atomic_path(copy) as temporary:
                shutil.copyfile(path, temporary)


def _summary(checkpoint):
    return f"{len(checkpoint)} tensors, {_readable_size(sum(map(checkpoint.nbytes, checkpoint)))}"


def _parser():
    parser = argparse.ArgumentParser(prog="python -m kerasx.checkpoints", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("show", help="list the tensors of a checkpoint")
    command.add_argument("path", help="file, TensorFlow prefix or folder")
    command = commands.add_parser("convert", help="copy a checkpoint into another format")
    command.add_argument("source", help="file, TensorFlow prefix or folder")
    command.add_argument("target", help="*.safetensors, *.ckpt, *.weights.h5 or a folder")
    command.add_argument("--force", action="store_true", help="replace files that exist")
    command.add_argument(
        "--max-shard-size", type=_parse_size, help="split safetensors: bytes, or 500MB, 5GB"
    )
    return parser


def _plan(source, target):
    """Return the path of the weights to write, and {file to copy: path of the copy}."""
    if target.endswith(_SUFFIXES):
        return target, {}
    if os.path.splitext(target)[1] and not os.path.isdir(target):
        raise invalid(f"`target` must end in {', '.join(_SUFFIXES)} or be a folder.", target=target)
    copies = {}
    if os.path.isdir(source):
        found = describe_folder(source, require=("checkpoint",))
        for path in filter(None, (found.config_path, found.vocab_path)):
            copies[path] = os.path.join(target, os.path.basename(path))
    return os.path.join(target, "model.safetensors"), copies


def _save(path, tensors, max_shard_size):
    if path.endswith(".safetensors"):
        save_safetensors(path, tensors, tensors.metadata, max_shard_size)
    elif max_shard_size is not None:
        raise invalid("--max-shard-size must be used with .safetensors.", target=path)
    elif path.endswith(".ckpt"):
        save_tensor_bundle(path, tensors)
    else:
        save_hdf5(path, tensors)


class _Reported(Checkpoint):
    """A checkpoint that prints on stderr how much of it has been read, if it is large."""

    def __init__(self, checkpoint):
        self._checkpoint, self._done = checkpoint, 0
        self.format, self.metadata = checkpoint.format, getattr(checkpoint, "metadata", None)
        specs = {name: Spec(checkpoint.shape(name), checkpoint.dtype(name)) for name in checkpoint}
        super().__init__(checkpoint.path, specs)
        self._total = sum(spec.nbytes for spec in specs.values())

    def _read(self, name, spec):
        self._done += spec.nbytes
        if self._total >= _BIG:
            done, total = _readable_size(self._done), _readable_size(self._total)
            end = "\n" if self._done == self._total else ""
            print(f"\rread {done} of {total}   ", end=end, file=sys.stderr, flush=True)
        self._checkpoint.release()
        return self._checkpoint[name]


def _readable_size(size):
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.4g} {unit}"
        size /= 1000


def _parse_size(text):
    unit = next((unit for unit in reversed(_UNITS) if text.upper().endswith(unit)), "")
    number = text[: len(text) - len(unit)]
    try:
        return int(float(number) * 1000 ** _UNITS.index(unit or "B"))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"must be a size such as 500MB, not {text!r}") from error


if __name__ == "__main__":
    sys.exit(main())
