"""Save a model with its tokenizer and labels in one folder, and load it without arguments."""

import json
import logging
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from kerasx import __version__, backend, checkpoints
from kerasx.backend.keras_internals import graph_calls
from kerasx.checks import invalid
from kerasx.files.atomic import replaced_together, sha256
from kerasx.files.names import is_plain
from kerasx.files.switching import in_one_version, settle
from kerasx.layers.inputs import embedding_of
from kerasx.models.build import make_builder
from kerasx.models.builder_arguments import arguments_of, builder_of
from kerasx.models.families import MODELS
from kerasx.models.keras_files import saved_variables
from kerasx.models.transformer import Transformer
from kerasx.tokenizers.saving import (
    read_tokenizer,
    tokenizer_config,
    vocabulary_name,
    write_vocabulary,
)

_INDEX, _GRAPH = "artefact.json", "model.keras"


@dataclass
class Artefact:
    """A model with the objects saved beside it, as `load_model` returns them.

    Attributes:
        model: the keras.Model.
        tokenizer: the tokenizer, or None.
        labels: the names of the classes, or None.
        builder: the builder of the model, which has the same layers; None for a model with further
            layers on top.
    """

    model: Any
    tokenizer: Any = None
    labels: list | None = None
    builder: Any = None


def save_model(folder, model, tokenizer=None, labels=None):
    """Write a model with its tokenizer and labels, so that `load_model` needs no arguments.

    The folder gets Keras's `model.keras` with the graph, the weights and the optimizer of a
    compiled model; the vocabulary; and `artefact.json` with the tokenizer's options, the labels,
    the builder's arguments (`keep_tokens` and `compound_tokens` applied: their vocabulary is now
    the model's) and the SHA-256 of the other files. The files are replaced together: if the process
    is killed at any moment, `load_model` loads the old version or the new one. With several
    processes all call it, and the first one writes.

    Args:
        folder: path of the folder; made if it does not exist.
        model: a keras.Model with any layers, or a builder.
        tokenizer: a `Tokenizer` or `SpTokenizer`.
        labels: names of the classes, in order.

    Raises:
        ValueError: the vocabulary has more tokens than the model has embeddings, or labels or
            arguments cannot be written as JSON.

    >>> import tempfile
    >>> from kerasx.models import build_transformer_model
    >>> options = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    ...            "intermediate_size": 16, "vocab_size": 30, "keep_tokens": [0, 5, 7]}
    >>> folder = tempfile.mkdtemp()
    >>> save_model(folder, build_transformer_model(None, **options), labels=["bad", "good"])
    >>> saved = load_model(folder)
    >>> saved.builder.vocab_size, saved.labels
    (3, ['bad', 'good'])
    """
    builder = model if isinstance(model, Transformer) else getattr(model, "builder", None)
    model = builder.model if isinstance(model, Transformer) else model
    writers = {_GRAPH: model.save}
    index = {"kerasx": __version__, "labels": None if labels is None else list(labels)}
    index["builder"] = None if builder is None else _builder_config(builder)
    if tokenizer is not None:
        writers[vocabulary_name(tokenizer)] = lambda path: write_vocabulary(tokenizer, path)
        index["tokenizer"] = tokenizer_config(tokenizer)
        _check_vocabulary(tokenizer, model)
    text = _json(index)  # raises before anything is written
    backend.write_in_first_process(
        folder, lambda: _write(folder, writers, json.loads(text)), saved_variables(model)
    )


def _write(folder, writers, index):
    digests = {}
    with replaced_together(folder) as temporary:
        for name, write in writers.items():
            path = temporary(name)
            write(path)
            digests[name] = sha256(path)
        with open(temporary(_INDEX), "w", encoding="utf-8") as f:
            f.write(_json({**index, "sha256": digests}))


def load_model(folder, compile=True, custom_objects=None):
    """Load a model that `save_model` wrote.

    Args:
        folder: path of the folder.
        compile: whether the model is compiled as it was, with its optimizer. A model whose loss,
            metric or optimizer cannot be loaded is returned uncompiled, and a line is logged.
        custom_objects: {name: class or function} of the user's own objects that are not registered
            with `keras.saving.register_keras_serializable`.

    Returns:
        An `Artefact`.

    Raises:
        ValueError: the folder has no artefact, or its files are damaged or have changed since.
    """
    if os.path.isdir(folder):
        settle(folder)
    path = os.path.join(folder, _INDEX)
    if not os.path.isfile(path):
        raise invalid(
            f"`folder` must be one that `save_model` wrote: it has no {_INDEX}. For a folder of "
            "Hugging Face or TensorFlow see build_transformer_model.",
            folder=folder,
        )
    return in_one_version(path, lambda: _load(folder, compile, custom_objects))


def _load(folder, compile, custom_objects):
    index = _read_index(os.path.join(folder, _INDEX))
    for name, digest in index["sha256"].items():
        _check_file(os.path.join(folder, name), digest)
    if index["builder"] is not None:
        with _understood(os.path.join(folder, _INDEX)):
            _builder(index["builder"]).declare_layouts()
    model, tokenizer = _load_graph(os.path.join(folder, _GRAPH), compile, custom_objects), None
    if "tokenizer" in index:
        with _understood(os.path.join(folder, _INDEX)):
            name = next(name for name in index["sha256"] if name != _GRAPH)
            tokenizer = read_tokenizer(os.path.join(folder, name), index["tokenizer"])
            _check_vocabulary(tokenizer, model)
    with _understood(os.path.join(folder, _INDEX)):
        builder = None if index["builder"] is None else _rebuild(index["builder"], model)
    return Artefact(model, tokenizer, index["labels"], builder)


def _read_index(path):
    """Read artefact.json, and check the types of its entries."""
    index = {"labels": None, "builder": None, **checkpoints.read_config(path)}
    builder, parts = index["builder"], {"model", "application", "arguments"}
    fits = {
        "sha256": _are_digests(index.get("sha256")),
        "labels": index["labels"] is None or isinstance(index["labels"], list),
        "builder": builder is None or (isinstance(builder, dict) and set(builder) == parts),
        "tokenizer": isinstance(index.get("tokenizer", {}), dict),
    }
    wrong = [name for name, good in fits.items() if not good]
    if wrong:
        raise invalid(f"`path` must be as `save_model` writes it, but {wrong} are not.", path=path)
    return index


def _are_digests(files):
    """Return whether a value is {name of a file beside it: SHA-256}, with that of the graph."""
    good = isinstance(files, dict) and _GRAPH in files and all(map(is_plain, files))
    return good and all(re.fullmatch("[0-9a-f]{64}", str(x)) for x in files.values())


def _load_graph(path, compile, custom_objects):
    """Load the model, without its optimizer and losses if they cannot be loaded."""

    def load(compile):
        with _understood(path), backend.on_host():
            return keras.saving.load_model(path, custom_objects, compile)

    try:
        return load(compile)
    except ValueError as error:
        if not compile:
            raise
        model = load(False)
        logging.getLogger("kerasx").warning(
            "%s is loaded uncompiled: %s Pass custom_objects={name: object}, or compile the model.",
            path,
            _reason(error.__cause__),
        )
        return model


@contextmanager
def _understood(path):
    """Turn any error about the content of a file into a ValueError that names it."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"`folder` must be one that `save_model` wrote: {path!r} is damaged or needs "
            f"custom_objects={{name: object}}. {_reason(error)}"
        ) from error


def _reason(error):
    """Return the start of an error of Keras, which wraps the first one in its configuration."""
    text = str(error).rpartition("Exception encountered: ")[2].strip()
    return f"{type(error).__name__}: {text.partition(chr(10))[0]:.200}"


def _check_file(path, digest):
    """Refuse a file that is missing or has another digest."""
    found = os.path.isfile(path)
    if not found or sha256(path) != digest:
        state = "another one or damaged" if found else "missing"
        raise ValueError(
            f"`folder` must hold the files it was saved with; {path!r} is {state}. Save the model "
            "again, or restore the file."
        )


def _check_vocabulary(tokenizer, model):
    table = embedding_of(model, "token") or embedding_of(model, "source")
    if table is not None and tokenizer.vocab_size > table.input_dim:
        raise invalid(
            "`tokenizer` must have no more tokens than the model has embeddings: the vocabulary "
            "after keep_tokens, where that was given.",
            tokens=tokenizer.vocab_size,
            embeddings=table.input_dim,
        )


def _builder_config(builder):
    """Return the builder's model name, application and arguments; None for a user's class."""
    builder_of(builder)  # raises for conditional normalizations
    own = type(builder).__mro__[2 if type(builder).application else 0]
    names = [name for name, cls in MODELS.items() if cls is own]
    if not names:
        return None
    application = builder.application or builder.applications[0]
    return {"model": names[0], "application": application, "arguments": arguments_of(builder)}


def _rebuild(config, model):
    """Return a builder that reuses the model's layers."""
    arguments = config["arguments"]
    most = max((v for k, v in arguments.items() if k.endswith("layers")), default=0)
    if most > len(graph_calls(model)):
        raise invalid("`arguments` must be of the model beside them.", layers=most)
    layers = _Layers({layer.name: layer for layer in model.layers})
    builder = _builder(config, layers=layers)
    builder.build()
    used = set(map(id, builder.model.layers))
    left = [layer.name for layer in model.layers if layer.weights and id(layer) not in used]
    if left:
        raise invalid("`arguments` must be of the model beside them.", left_out=left)
    table = embedding_of(model, "token") or embedding_of(model, "source")
    if table is not None and table.input_dim != builder.vocab_size:
        raise invalid("`vocab_size` must be the model's.", vocab_size=builder.vocab_size)
    model.builder = builder
    return builder


def _builder(config, **options):
    """Return a builder that has not built its graph."""
    options |= config["arguments"]
    return make_builder({}, config["model"], config["application"], **options)[0]


class _Layers(dict):
    """The layers of a model, which a builder may use but not add to."""

    def __setitem__(self, name, layer):
        raise invalid("`arguments` must be of the model beside them.", layer=name)


def _json(value):
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except TypeError as error:
        raise ValueError(
            "Labels and arguments of a model must be strings, numbers or lists, which JSON has. "
            f"{error}. Received: {value}"
        ) from error
