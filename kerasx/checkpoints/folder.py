"""Find the config, the checkpoint and the vocabulary in the folder of a downloaded model."""

import os
import re
from dataclasses import dataclass

from kerasx.checks import invalid
from kerasx.files.json_object import read_json_object
from kerasx.files.switching import settle

# in order of preference: (format, pattern of the file name, suffix that is not part of the path)
_CHECKPOINTS = (
    ("safetensors", r"(?!.*-\d{5}-of-\d{5}\.).*\.safetensors(\.index\.json)?", ""),
    ("tensorflow", r".*\.index", ".index"),
    ("hdf5", r"(.*\.)?weights\.h5", ""),
    ("torch", r"pytorch_model\.bin(\.index\.json)?", ""),  # last, since it is a pickle
)
_CONFIGS = (
    r"config\.json",
    r"bert_config\.json",
    r"(?!(tokenizer|generation|preprocessor|processor|adapter|sentence_bert)_).*_config\.json",
)
_VOCABULARIES = (
    r"vocab\.txt",
    r"spiece\.model",
    r"sentencepiece\.model",
    r"tokenizer\.model",
    r"tokenizer\.json",
    r".*vocab\.txt",
    r".*\.model",
)
_EXPECTED = {
    "config": "config.json, bert_config.json or *_config.json",
    "checkpoint": "model.safetensors, model.safetensors.index.json, *.ckpt.index, *.weights.h5 or "
    "pytorch_model.bin",
    "vocab": "vocab.txt, spiece.model, sentencepiece.model, tokenizer.model or tokenizer.json",
}
# weights of other programs: (pattern of the file name, how to get weights that are read)
_FOREIGN = (
    (
        r"tf_model(\.weights)?\.h5|flax_model\.msgpack",
        "is of transformers 4 on TensorFlow or Flax, whose from_pretrained(..., from_tf=True or "
        "from_flax=True) and save_pretrained write model.safetensors",
    ),
    (r".*\.gguf", "is of llama.cpp: take the model's folder with model.safetensors"),
)


@dataclass(frozen=True)
class FolderDescription:
    """Paths of the files of a model, None for a missing file, and the format of the checkpoint."""

    config_path: str | None
    checkpoint_path: str | None
    vocab_path: str | None
    format: str | None


def describe_folder(path, require=("config", "checkpoint")):
    """Find the config, the checkpoint and the vocabulary in a folder.

    If there are several kinds of a file, the first in these lists is taken. Checkpoint:
    safetensors, TensorFlow (`*.ckpt.index`), Keras (`*.weights.h5`), `pytorch_model.bin`. Config:
    config.json, bert_config.json, another *_config.json. Vocabulary: vocab.txt, SentencePiece
    models, tokenizer.json. Hidden files are ignored.

    Args:
        path: path of the folder.
        require: which of "config", "checkpoint" and "vocab" must exist.

    Returns:
        FolderDescription; its `checkpoint_path` is an argument for `open_checkpoint`.

    Raises:
        ValueError: a required file is missing, or there are two files of one kind.

    >>> import os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> for name in ("config.json", "model.safetensors", "vocab.txt", "bert_model.ckpt.index"):
    ...     open(os.path.join(folder, name), "w").close()
    >>> description = describe_folder(folder)
    >>> description.format, os.path.basename(description.checkpoint_path)
    ('safetensors', 'model.safetensors')
    """
    folder = os.fspath(path)
    if not os.path.isdir(folder):
        raise invalid("`path` must be an existing folder.", path=folder)
    names = _names(folder)
    format, checkpoint = None, None
    for kind, pattern, suffix in _CHECKPOINTS:
        name = _pick(folder, names, pattern)
        if name:
            format, checkpoint = kind, name.removesuffix(suffix)
            break
    found = {
        "config": _first(folder, names, _CONFIGS),
        "checkpoint": checkpoint,
        "vocab": _first(folder, names, _VOCABULARIES),
    }
    for what in require:
        if not found[what]:
            raise invalid(
                f"`path` must be a folder with a {what}: {_EXPECTED[what]}. "
                f"The folder holds {_shorten(names)}.{foreign_hint(names)}",
                path=folder,
            )
    paths = [name and os.path.join(folder, name) for name in found.values()]
    return FolderDescription(*paths, format)


def foreign_hint(names):
    """Return a sentence on the first of the files whose weights only other programs read, or "".

    >>> foreign_hint(["config.json", "model.gguf"])
    " model.gguf is of llama.cpp: take the model's folder with model.safetensors."
    """
    found = ((n, advice) for pattern, advice in _FOREIGN for n in names if re.fullmatch(pattern, n))
    return next((f" {name} {advice}." for name, advice in found), "")


def read_config(path, distinct=True):
    """Read a JSON config as a dict.

    Args:
        path: path of the file, or of a folder with a config (see `describe_folder`).
        distinct: whether a key must appear once; else the values of a repeated key are a tuple.

    Raises:
        ValueError: the file is not a JSON object with distinct keys; the error names file, line
            and column.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "config.json")
    >>> with open(path, "w") as f:
    ...     _ = f.write('{"hidden_size": 8}')
    >>> read_config(path)
    {'hidden_size': 8}
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        path = describe_folder(path, require=("config",)).config_path
    return read_json_object(path, distinct=distinct)


def _names(folder):
    """Return the names of a folder's files, sorted; of a file and an index of shards the file.

    transformers reads the file, too. There are both if saving was killed before the end.
    """
    settle(folder)
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file() and entry.name[0] != ".")
    doubles = {f"{name}.index.json" for name in names}
    return [name for name in names if name not in doubles]


def _first(folder, names, patterns):
    return next(filter(None, (_pick(folder, names, pattern) for pattern in patterns)), None)


def _pick(folder, names, pattern):
    """Return the name that matches, or None; raise if several names match."""
    matches = [name for name in names if re.fullmatch(pattern, name)]
    if len(matches) > 1:
        raise invalid(
            "`path` must hold at most one file of a kind; give the path of a file instead. "
            f"The folder holds {_shorten(matches)}.",
            path=folder,
        )
    return matches[0] if matches else None


def _shorten(names, limit=20):
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "nothing") + more
