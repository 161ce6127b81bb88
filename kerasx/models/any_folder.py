"""Open any folder that holds a model and its tokenizer."""

import os

from kerasx.checkpoints import read_config
from kerasx.checks import invalid
from kerasx.models.build import build_transformer_model
from kerasx.models.families import MODELS
from kerasx.models.families.encoder_decoder import Half
from kerasx.models.saving import Artefact, load_model
from kerasx.tokenizers import load_tokenizer

_SAVED = "artefact.json"  # of `save_model`
_GENERATES = ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration")
_CLASSIFIES = "ForSequenceClassification"


def open_folder(folder, generates=False):
    """Open a folder that `save_model` wrote, or one of Hugging Face or TensorFlow.

    A model of a foreign folder has the head of the configuration's `architectures` if that scores
    the next token or the classes of a text. A head for training, as of BertForMaskedLM, is left
    out.

    Args:
        folder: path of the folder.
        generates: whether the model must be a language model, whatever its `architectures`.

    Returns:
        An `Artefact`; labels are the names of the classes in the configuration.

    Raises:
        ValueError: the folder holds no model or no tokenizer, or of a kind that is not known; or
            the model generates, and the checkpoint has no scores of tokens.
    """
    if folder is not None and is_saved(folder):
        return load_model(folder)
    if folder is None or not os.path.isdir(folder):
        raise invalid(
            "`folder` must be one that `save_model` wrote, or one of Hugging Face or TensorFlow.",
            folder=folder,
        )
    config = read_config(folder)
    head = (config.get("architectures") or [""])[0]
    options = {} if head.endswith(_GENERATES) else _options(config, head, generates)
    builder = build_transformer_model(folder, return_keras_model=False, **options)
    if generates and builder.unfilled:
        raise invalid(
            "`folder` must hold a language model: its checkpoint lacks tensors that score tokens.",
            folder=folder,
            missing=builder.unfilled,
        )
    labels = _labels(config) if head.endswith(_CLASSIFIES) else None
    return Artefact(builder.model, load_tokenizer(folder), labels, builder)


def is_saved(folder):
    """Return whether `save_model` wrote a folder."""
    return os.path.isfile(os.path.join(folder, _SAVED))


def _options(config, head, generates):
    """Return the arguments that give a model the head of its use."""
    if generates:
        family = MODELS.get(config.get("model_type"))
        both = family is not None and issubclass(family, Half)
        return {"with_lm": "linear"} if both else {"application": "lm"}
    usual = not head or head.endswith(("Model", _CLASSIFIES))
    return {} if usual else {"application": "encoder"}


def _labels(config):
    """Return the names of the classes, in order."""
    names = config.get("id2label") or {str(i): f"LABEL_{i}" for i in range(2)}
    return [names[i] for i in sorted(names, key=int)]
