"""Build a model from a configuration and a checkpoint."""

import difflib
import inspect
import os
from collections.abc import Mapping
from contextlib import nullcontext

from kerasx import checkpoints
from kerasx.checks import invalid
from kerasx.files.switching import in_one_version
from kerasx.models.builder_arguments import HEADS, SCORES, parameters
from kerasx.models.choice import architectures, choose_family
from kerasx.models.configuration import arguments_of_config, check_synonyms
from kerasx.models.depth import further_blocks
from kerasx.models.families import MODELS
from kerasx.models.own_loading import reads_itself
from kerasx.models.recognise import recognise, recognise_keys
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask
from kerasx.models.values import check_against, check_total, checked_flag, checked_values


def extend_with_language_model(model):
    """Return a subclass with a causal mask and token outputs (kexue.fm/archives/6933)."""
    return _extended(model, LM_Mask, "LanguageModel", "lm")


def extend_with_unified_language_model(model):
    """Return a subclass with the UniLM mask and token outputs (kexue.fm/archives/6933)."""
    return _extended(model, UniLM_Mask, "UnifiedLanguageModel", "unilm")


def _extended(model, mask, suffix, application):
    def __init__(self, *args, **kwargs):
        super(extended, self).__init__(*args, **kwargs)
        scores = getattr(self, "with_mlm", False)
        self.with_mlm = False if scores is None else scores or True

    members = {"__init__": __init__, "application": application}
    extended = type(f"{model.__name__}{suffix}", (mask, model), members)
    return extended


def build_transformer_model(
    config_path=None,
    checkpoint_path=None,
    model=None,
    application=None,
    return_keras_model=True,
    ignore=(),
    allow_missing=(),
    **kwargs,
):
    """Build a model, and fill it from a checkpoint.

    Args:
        config_path: a JSON file, a dict, or a folder with configuration and weights (TensorFlow,
            safetensors, torch .bin); None if all is in `kwargs`.
        checkpoint_path: a checkpoint, or {name: array}; None for the folder's checkpoint, or for
            random weights if `config_path` is no folder; False for random weights in any case.
        model: a name such as "bert", or a subclass of Transformer; by default the configuration's
            `model_type`, else what its keys and the checkpoint's tensors are of, else "bert".
        application: "encoder", "lm" or "unilm", as far as the family has them; by default that of
            the configuration's `is_decoder` or `architectures`, else the family's first.
        return_keras_model: return the keras.Model; False returns the builder.
        ignore, allow_missing: patterns of tensors that may be unused, or absent, see
            `load_weights_from_checkpoint`.
        kwargs: arguments of the model class or of its `build`, or keys of the family's
            configuration such as `hidden_dropout_prob`; they override the configuration. With a
            smaller `num_hidden_layers` the checkpoint's first blocks are loaded.

    Returns:
        A keras.Model, or the builder, whose attribute `model` is the keras.Model.

    Raises:
        ValueError: keys are misspelt, missing or contradict each other, a value cannot be built,
            or weights do not fit. Foreign keys of a configuration are logged and passed over.

    >>> config = dict(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...               intermediate_size=16)
    >>> model = build_transformer_model(config, application="unilm")
    >>> [x.name for x in model.inputs]
    ['Input-Token', 'Input-Segment']
    """
    config, opened, vocabulary = _read_and_open(config_path, checkpoint_path)
    from_file = config_path is not None and not isinstance(config_path, Mapping)
    with opened as source:
        builder, options = make_builder(config, model, application, source, from_file, **kwargs)
        _check_vocabulary(vocabulary, builder.original_vocab_size)
        builder.build(**options)
        if source is not None:
            further = further_blocks(builder, config, kwargs)
            _load(builder, source, (*ignore, *further), allow_missing)
    return builder.model if return_keras_model else builder


def _read_and_open(config_path, checkpoint_path):
    """Return (config, open checkpoint, vocabulary file), of one version of a folder."""

    def read():
        config, checkpoint, vocabulary = _read(config_path, checkpoint_path)
        return config, _opened(checkpoint), vocabulary

    if not (isinstance(config_path, (str, os.PathLike)) and os.path.isdir(config_path)):
        return read()
    found = checkpoints.describe_folder(config_path, require=())
    return in_one_version(found.config_path or config_path, read)


def make_builder(config, model=None, application=None, source=None, from_file=False, **kwargs):
    """Return a builder, and the arguments of its `build`; nothing is built.

    Args:
        config: dict, a configuration.
        model, application, kwargs: as in `build_transformer_model`.
        source: the open checkpoint that will be loaded, or None.
        from_file: whether the configuration comes from a file.
    """
    cls, config = choose_family(model, config, source)
    own, named = _split(cls, kwargs)
    application = application.lower() if isinstance(application, str) else application
    config = _overridden(config, named, cls.huggingface.keys)
    heads = _architecture(cls, config, own, application)
    cls = MODELS[heads.pop("model")] if "model" in heads else cls
    cls = _with_application(cls, application or _application(cls, config, heads, own))
    arguments, keys = arguments_of_config(config, cls, from_file, _scores(cls, {**heads, **own}))
    told = {} if source is None else cls.arguments_in(source)
    options = {**arguments, **told, **heads, **own}
    build_options = {k: options.pop(k) for k in parameters(cls.build) if k in options}
    _check_arguments(cls, options, config)
    keys = {name: key for name, key in keys.items() if name not in own}
    builder = cls(**checked_values(cls, options, keys))
    check_total(builder, keys=keys)
    lenient = builder.autoresize_weights or builder.ignore_invalid_weights or reads_itself(builder)
    if source is not None and not lenient:
        check_against(builder, source, keys)
    return builder, build_options


def _split(cls, kwargs):
    """Return the arguments among kwargs, and the keys of the family's configurations."""
    keys, known = cls.huggingface.keys, parameters(cls).keys()
    check_synonyms(kwargs, keys)
    named = {k: kwargs[k] for k in kwargs if k in cls.huggingface.known_keys and k not in known}
    return {k: v for k, v in kwargs.items() if k not in named}, named


def _overridden(config, named, keys):
    """Return the configuration with other values, under whichever name it has them."""
    changed = {keys.get(key, key) for key in named}
    return {k: v for k, v in config.items() if keys.get(k, k) not in changed} | named


def _opened(checkpoint):
    """Return a context manager of the open checkpoint, or of None."""
    if checkpoint is None:
        return nullcontext()
    return checkpoints.open_checkpoint(checkpoint, mapped=True)


def _load(builder, source, ignore, allow_missing):
    """Fill the builder; an error names the family that the checkpoint's names are of."""
    try:
        builder.load_weights_from_checkpoint(source, ignore=ignore, allow_missing=allow_missing)
    except ValueError as error:
        found = [name for name in recognise(source) if name in MODELS]
        own = next(c for c in type(builder).__mro__ if c in MODELS.values() or c is Transformer)
        if not found or (own.family or own) in [MODELS[k].family or MODELS[k] for k in found]:
            raise
        options = " or ".join(f"model={name!r}" for name in found)
        raise ValueError(
            f"This looks like a {' or '.join(found)} checkpoint: pass {options}. {error}"
        ) from error


def _read(config_path, checkpoint_path):
    """Return (config, checkpoint, vocabulary file) for a folder, a file, a dict or None."""
    if config_path is None or isinstance(config_path, Mapping):
        return dict(config_path or {}), checkpoint_path or None, None
    if not isinstance(config_path, (str, os.PathLike)):
        raise invalid(
            "`config_path` must be the path of a JSON file or of a folder, a dict, or None.",
            config_path=config_path,
        )
    if not os.path.isdir(config_path):
        return checkpoints.read_config(config_path), checkpoint_path or None, None
    wants_weights = checkpoint_path is None
    folder = checkpoints.describe_folder(
        config_path, require=("config", "checkpoint") if wants_weights else ("config",)
    )
    checkpoint = folder.checkpoint_path if wants_weights else checkpoint_path or None
    return checkpoints.read_config(folder.config_path), checkpoint, folder.vocab_path


def _check_vocabulary(path, vocab_size):
    """Refuse a vocabulary with more tokens than the embedding table has rows."""
    if path is None or not path.endswith(".txt"):
        return
    from kerasx.tokenizers import load_vocab
    from kerasx.tokenizers.vocabulary import check_token_dict

    tokens = len(check_token_dict(load_vocab(path)))  # also those on several lines
    if tokens > vocab_size:
        raise ValueError(
            f"{path} has {tokens} tokens, but the configuration says vocab_size={vocab_size}: the "
            "two belong to different models."
        )


def _architecture(cls, config, kwargs, application):
    """Return the arguments for the configuration's Hugging Face head; none if any are given."""
    asked = any(k.startswith(HEADS) for k in kwargs)
    names = architectures(config)
    if asked or application is not None or not names:
        return {}
    heads = cls.huggingface.heads
    if names[0] not in heads:
        options = [f"{k}=..." for k in parameters(cls) if k.startswith(HEADS)]
        raise invalid(
            f"`architectures` must name one of {sorted(heads)}, or say what to build: "
            f"application=..., {', '.join(options)}.",
            architectures=names,
        )
    asks = dict(heads[names[0]])
    if asks.get("with_classes"):  # transformers leaves two classes out of the configuration
        asks["with_classes"] = len(config.get("id2label") or ()) or config.get("num_labels") or 2
    return asks


def _application(cls, config, heads, own):
    """Return the application that the configuration asks for, and complete the heads for it.

    In transformers `is_decoder` alone makes attention causal; a head for tokens goes without
    saying only where no other one is asked for.
    """
    default = heads.pop("application", cls.applications[0])
    causal = config.get("is_decoder") if cls.huggingface.causal_key else None
    if causal is None:
        return default
    if not checked_flag("is_decoder", causal):
        return cls.applications[0]
    if "lm" not in cls.applications:
        raise invalid(
            f"`is_decoder` must be false in the configuration of a `{cls.__name__}`.",
            is_decoder=causal,
        )
    if heads or config.get("architectures") or any(k.startswith(HEADS) for k in own):
        heads.setdefault("with_mlm", None)
    return "lm"


def _scores(cls, heads):
    """Return whether the model will score tokens."""
    names = {n: p.default for n, p in parameters(cls).items() if n in SCORES}
    extended = cls.application is not None and heads.get("with_mlm", True) is not None
    return extended or any(heads.get(name, default) for name, default in names.items())


def _with_application(cls, application):
    """Return the class for an application, extended with its mask if need be."""
    if application not in cls.applications:
        near = difflib.get_close_matches(str(application).lower(), cls.applications, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise invalid(
            f"`application` of a `{cls.__name__}` must be one of {list(cls.applications)}.{hint}",
            application=application,
        )
    extend = {"lm": extend_with_language_model, "unilm": extend_with_unified_language_model}
    own = application in (cls.applications[0], "encoder")
    return cls if own else extend[application](cls)


def _check_arguments(cls, options, config):
    """Refuse unknown and missing arguments."""
    known = parameters(cls)
    unknown = [k for k in options if k not in known]
    required = [k for k, p in known.items() if p.default is inspect.Parameter.empty]
    missing = [k for k in required if k not in options]
    if unknown or missing:
        alike = [name for name in recognise_keys(config) if MODELS[name] not in cls.__mro__]
        hint = f"The configuration has keys of {' or '.join(alike)}. " if alike else ""
        raise ValueError(
            f"`{cls.__name__}` cannot be built: unknown arguments {unknown}, missing {missing}. "
            f"{hint}It takes {', '.join(sorted({*known, *parameters(cls.build)}))}"
        )
