"""Write a folder that transformers reads."""

import json

from kerasx import backend, checkpoints
from kerasx.files.atomic import replaced_together
from kerasx.models.build import make_builder
from kerasx.models.builder_arguments import (
    FREE,
    HEADS,
    arguments_of,
    builder_of,
    own_arguments,
    parameters,
)
from kerasx.models.families import MODELS
from kerasx.models.families.encoder_decoder import EncoderDecoder
from kerasx.tokenizers.saving import (
    check_no_other_vocabulary,
    pretrained_config,
    vocabulary_name,
    write_vocabulary,
)


def save_pretrained(model, folder, tokenizer=None):
    """Write config.json, model.safetensors and the vocabulary as transformers reads them.

    The configuration has the builder's arguments under Hugging Face's names, and the first head of
    the family with which the folder gives the same model again. A head's activation is not
    written: transformers gives logits where the model has a softmax. The files are replaced
    together: if the process is killed at any moment, kerasx reads the old version or the new one.
    (Another program could see new files beside old ones until kerasx reads or writes the folder.)
    With several processes all call it, and the first one writes.

    Args:
        model: a builder, or the keras.Model that it built.
        folder: path of the folder; made if it does not exist.
        tokenizer: a tokenizer of `kerasx.tokenizers`, which is written too; its special tokens
            become those that the configuration starts and ends generated texts with.

    Raises:
        ValueError: Hugging Face has no equal model; the message names the differing arguments.

    >>> import tempfile
    >>> from kerasx.models import BERT, build_transformer_model
    >>> bert = BERT(30, 8, 1, 2, 16, with_mlm="linear")
    >>> bert.build()
    >>> folder = tempfile.mkdtemp()
    >>> save_pretrained(bert, folder)
    >>> build_transformer_model(folder).output.shape
    (None, None, 30)
    """
    builder = builder_of(model)
    config = huggingface_config(builder)
    files = {
        "model.safetensors": lambda path: _write_weights(builder, path),
        "config.json": lambda path: _write_json(config, path),
    }
    if tokenizer is not None:
        config |= _special_ids(builder, tokenizer)
        files[vocabulary_name(tokenizer)] = lambda path: write_vocabulary(tokenizer, path)
        options = pretrained_config(tokenizer)
        files["tokenizer_config.json"] = lambda path: _write_json(options, path)
        check_no_other_vocabulary(tokenizer, folder)
    weights = [weight for weight, _ in builder.weights_and_variables()]
    backend.write_in_first_process(folder, lambda: _write(folder, files), weights)


def _write(folder, files):
    with replaced_together(folder) as temporary:
        for name, write in files.items():
            write(temporary(name))


def huggingface_config(builder):
    """Return the configuration with the first head that gives the same model, or raise."""
    refused = []
    for head, asks in builder.huggingface.heads.items():
        config = _config_of_head(builder, head, asks)
        different = _differences(builder, config, asks)
        if not different:
            return config
        refused.append(f"{head}: {', '.join(sorted(different))}")
    raise ValueError(
        "`model` must be one that Hugging Face has; use save_model(folder, model) for any other. "
        f"Received: a {type(builder).__name__}, which differs from\n    "
        + ("\n    ".join(refused) or "all of them: the family has no heads there")
    )


def _special_ids(builder, tokenizer):
    """Return the ids by which transformers' `generate` starts and ends a text."""
    ids = {"bos_token_id": tokenizer.start_id, "eos_token_id": tokenizer.end_id}
    if isinstance(builder, EncoderDecoder):
        ends = builder.starts_with_end
        ids["decoder_start_token_id"] = tokenizer.end_id if ends else builder.pad_id
        ids["forced_eos_token_id"] = tokenizer.end_id if ends else None
    return {name: i for name, i in ids.items() if i is not None}


def _config_of_head(builder, head, asks):
    """Return the builder's configuration for a Hugging Face class `head`, built with `asks`."""
    source, names, own = builder.huggingface, {}, own_arguments(type(builder))
    for theirs, ours in source.keys.items():
        names.setdefault(ours, []).append(theirs)
    config = {**source.required, **source.required_of_scores}
    for name, value in arguments_of(builder).items():
        if not (name in FREE or name.startswith(HEADS)):
            keys = names.get(name, [] if name in own else [name])
            config |= dict.fromkeys(keys, _their_activation(value))
    if asks.get("with_classes"):
        config["id2label"] = {str(i): f"LABEL_{i}" for i in range(builder.with_classes or 0)}
    if asks.get("application") == "lm":
        config["is_decoder"] = True
    if getattr(builder, "pad_id", None) is not None:
        config["pad_token_id"] = builder.pad_id
    model_type = source.model_type or _name(builder)
    return builder.create_config({**config, "model_type": model_type, "architectures": [head]})


def _name(builder):
    """Return the first name in `MODELS` of the builder's class or of its nearest named base."""
    names = {cls: name for name, cls in reversed(MODELS.items())}
    return next(names[cls] for cls in type(builder).__mro__ if cls in names)


def _differences(builder, config, asks):
    """Return the names of the arguments in which the configuration's model differs."""
    try:
        other, _ = make_builder(config)
    except ValueError as error:
        return [str(error)]
    if type(other).__name__ != type(builder).__name__:
        return [f"it is a {type(other).__name__}"]
    ours, theirs = arguments_of(builder), arguments_of(other)
    if not asks:
        ours["with_pool"] = theirs["with_pool"] = None  # any backbone there has a pooler
    different = {name for name in ours if not _same(name, ours[name], theirs[name])} - FREE
    segments = parameters(type(builder)).get("segment_vocab_size")
    if segments is not None and segments.default and config.get("type_vocab_size") == 0:
        different.add("segment_vocab_size")  # the model of transformers embeds segments in any case
    return different


def _same(name, a, b):
    """Return whether values a, b of the argument `name` agree; activations of heads may differ."""
    if name.startswith(HEADS) and name != "with_classes":
        return bool(a) == bool(b)
    a, b = (list(x) if isinstance(x, tuple) else x for x in (a, b))
    return _their_activation(a) == _their_activation(b)


def _their_activation(value):
    """Return transformers' name of a GELU that it calls otherwise, and any other value as it is."""
    if isinstance(value, list):
        return [_their_activation(one) for one in value]
    names = {"gelu_tanh": "gelu_new", "gelu_erf": "gelu"}
    return names.get(value, value) if isinstance(value, str) else value


def _write_weights(builder, path):
    tensors = builder.huggingface_tensors(builder.tensors())
    checkpoints.save_safetensors(path, tensors, metadata={"format": "pt"})


def _write_json(value, path):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=2)
