"""Save a model with its tokenizer and labels in one folder, and load it without arguments."""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import keras

from kerasx import __version__, checkpoints
from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path, sha256
from kerasx.layers.inputs import embedding_of
from kerasx.models.build import make_builder
from kerasx.models.builder_arguments import arguments_of, builder_of
from kerasx.models.families import MODELS
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
    the model's) and the SHA-256 of the other files. All files are written before the first one is
    moved into place.

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
    os.makedirs(folder, exist_ok=True)
    with ExitStack() as stack:
        paths = {
            name: stack.enter_context(atomic_path(os.path.join(folder, name)))
            for name in (_INDEX, *writers)
        }
        for name, write in writers.items():
            write(paths[name])
        digests = {name: sha256(paths[name]) for name in writers}
        with open(paths[_INDEX], "w", encoding="utf-8") as f:
            f.write(_json({**json.loads(text), "sha256": digests}))


def load_model(folder):
    """Load a model that `save_model` wrote.

    Args:
        folder: path of the folder.

    Returns:
        An `Artefact`.

    Raises:
        ValueError: the folder has no artefact, or its files have changed since.
    """
    path = os.path.join(folder, _INDEX)
    if not os.path.isfile(path):
        raise invalid(
            f"`folder` must be one that `save_model` wrote: it has no {_INDEX}. For a folder of "
            "Hugging Face or TensorFlow see build_transformer_model.",
            folder=folder,
        )
    index = checkpoints.read_config(path)
    for name, digest in index["sha256"].items():
        _check_file(os.path.join(folder, name), digest)
    model = keras.saving.load_model(os.path.join(folder, _GRAPH))
    tokenizer = None
    if "tokenizer" in index:
        name = next(name for name in index["sha256"] if name != _GRAPH)
        tokenizer = read_tokenizer(os.path.join(folder, name), index["tokenizer"])
    builder = None if index["builder"] is None else _rebuild(index["builder"], model)
    return Artefact(model, tokenizer, index["labels"], builder)


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
    builder, _ = make_builder(
        {},
        config["model"],
        config["application"],
        layers={layer.name: layer for layer in model.layers},
        **config["arguments"],
    )
    builder.build()
    model.builder = builder
    return builder


def _json(value):
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except TypeError as error:
        raise ValueError(
            "Labels and arguments of a model must be strings, numbers or lists, which JSON has. "
            f"{error}. Received: {value}"
        ) from error
