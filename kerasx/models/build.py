"""Build a model from a configuration and a checkpoint."""

import difflib
import inspect
import os
from contextlib import nullcontext

from kerasx import checkpoints
from kerasx.checks import invalid
from kerasx.files.switching import in_one_version
from kerasx.models.builder_arguments import parameters
from kerasx.models.families import MODELS
from kerasx.models.recognise import recognise
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask

# configuration keys of Hugging Face, Google and others that do not change the graph
_IGNORED = frozenset(
    """_name_or_path architectures attention_type bos_token_id chunk_size_feed_forward
    classifier_dropout cross_attention_hidden_size directionality dtype eos_token_id
    finetuning_task gradient_checkpointing id2label is_decoder add_cross_attention label2id
    language layer_norm_eps_type model_type num_labels output_attentions output_hidden_states
    output_past pad_token_id pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
    pooler_size_per_head pooler_type position_embedding_type problem_type pruned_heads return_dict
    sep_token_id tie_word_embeddings tokenizer_class torch_dtype transformers_version use_cache
    is_encoder_decoder adapters gradient_checkpointing_kwargs task_specific_params""".split()
)
# starts of the names of arguments that ask for a head
HEADS = ("with_", "final_activation")


def extend_with_language_model(model):
    """Return a subclass with a causal mask and token outputs (kexue.fm/archives/6933)."""
    return _extended(model, LM_Mask, "LanguageModel", "lm")


def extend_with_unified_language_model(model):
    """Return a subclass with the UniLM mask and token outputs (kexue.fm/archives/6933)."""
    return _extended(model, UniLM_Mask, "UnifiedLanguageModel", "unilm")


def _extended(model, mask, suffix, application):
    def __init__(self, *args, **kwargs):
        super(extended, self).__init__(*args, **kwargs)
        self.with_mlm = getattr(self, "with_mlm", False) or True

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
            `model_type`, else "bert".
        application: "encoder", "lm" or "unilm", as far as the family has them; by default that of
            the configuration's `architectures`, else the family's first.
        return_keras_model: return the keras.Model; False returns the builder.
        ignore, allow_missing: patterns of tensors that may be unused, or absent, see
            `load_weights_from_checkpoint`.
        kwargs: arguments of the model class or of its `build`; they override the configuration.

    Returns:
        A keras.Model, or the builder, whose attribute `model` is the keras.Model.

    Raises:
        ValueError: configuration keys are unknown or missing, or weights do not fit.

    >>> config = dict(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...               intermediate_size=16)
    >>> model = build_transformer_model(config, application="unilm")
    >>> [x.name for x in model.inputs]
    ['Input-Token', 'Input-Segment']
    """
    config, opened = _read_and_open(config_path, checkpoint_path)
    with opened as source:
        builder, build_options = make_builder(config, model, application, source, **kwargs)
        builder.build(**build_options)
        if source is not None:
            _load(builder, source, ignore, allow_missing)
    return builder.model if return_keras_model else builder


def _read_and_open(config_path, checkpoint_path):
    """Return (config, open checkpoint), both of one version if a folder is written meanwhile."""

    def read():
        config, checkpoint = _read(config_path, checkpoint_path)
        return config, _opened(checkpoint)

    if isinstance(config_path, dict) or not os.path.isdir(config_path or ""):
        return read()
    found = checkpoints.describe_folder(config_path, require=())
    return in_one_version(found.config_path or config_path, read)


def _opened(path):
    """Return the checkpoint as a context, of None where there is none."""
    return nullcontext() if path is None else checkpoints.open_checkpoint(path, mapped=True)


def make_builder(config, model=None, application=None, source=None, **kwargs):
    """Return (builder, arguments of its `build`) for a configuration's dict; nothing is built.

    Args:
        config, model, application, kwargs: as in `build_transformer_model`.
        source: the open checkpoint that will be loaded, or None.
    """
    cls = _family(model, config)
    defaults = _architecture(cls, config, kwargs, application)
    cls = MODELS[defaults.pop("model")] if "model" in defaults else cls
    application = application or defaults.pop("application", cls.applications[0])
    cls = _with_application(cls, application)
    told = {} if source is None else cls.arguments_in(source)
    options = {**_arguments(config, cls), **told, **defaults, **kwargs}
    build_options = {k: options.pop(k) for k in parameters(cls.build) if k in options}
    _check_arguments(cls, options)
    return cls(**options), build_options


def _load(builder, checkpoint, ignore, allow_missing):
    """Fill the builder; an error names the family that the checkpoint's names are of."""
    try:
        builder.load_weights_from_checkpoint(checkpoint, ignore=ignore, allow_missing=allow_missing)
    except ValueError as error:
        found = [name for name in recognise(checkpoint) if name in MODELS]
        own = next(c for c in type(builder).__mro__ if c in MODELS.values() or c is Transformer)
        if not found or (own.family or own) in [MODELS[k].family or MODELS[k] for k in found]:
            raise
        options = " or ".join(f"model={name!r}" for name in found)
        raise ValueError(
            f"This looks like a {' or '.join(found)} checkpoint: pass {options}. {error}"
        ) from error


def _read(config_path, checkpoint_path):
    """Return (config, checkpoint) for a folder, a file, a dict or None."""
    if config_path is None or isinstance(config_path, dict):
        return dict(config_path or {}), checkpoint_path or None
    if os.path.isdir(config_path):
        wants_weights = checkpoint_path is None
        folder = checkpoints.describe_folder(
            config_path, require=("config", "checkpoint") if wants_weights else ("config",)
        )
        config = checkpoints.read_config(folder.config_path)
        _check_vocabulary(folder.vocab_path, config)
        return config, folder.checkpoint_path if wants_weights else checkpoint_path or None
    return checkpoints.read_config(config_path), checkpoint_path or None


def _check_vocabulary(path, config):
    """Refuse a vocabulary with more tokens than the embedding table has rows."""
    if path is None or not path.endswith(".txt") or "vocab_size" not in config:
        return
    from kerasx.tokenizers import load_vocab
    from kerasx.tokenizers.vocabulary import check_token_dict

    tokens = len(check_token_dict(load_vocab(path)))  # also those on several lines
    if tokens > config["vocab_size"]:
        raise ValueError(
            f"{path} has {tokens} tokens, but the configuration says vocab_size="
            f"{config['vocab_size']}: the two belong to different models."
        )


def _family(model, config):
    """Return the class for a name, a class, or None and the configuration's `model_type`."""
    model_type = config.get("model_type")
    if model is None:
        model = model_type or "bert"
    elif model_type in MODELS and model in MODELS and not _same_family(model, model_type):
        raise invalid(
            f"`model` must be left out or {model_type!r}, the model of the configuration.",
            model=model,
        )
    if isinstance(model, str):
        model = _named(model)
    if not (inspect.isclass(model) and issubclass(model, Transformer)):
        raise invalid("`model` must be a subclass of Transformer.", model=model)
    return model


def _named(name):
    """Return the class of this name; an error suggests the nearest name."""
    if name in MODELS:
        return MODELS[name]
    near = difflib.get_close_matches(name, MODELS, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise invalid(f"`model` must be one of {sorted(MODELS)} or a class.{hint}", model=name)


def _same_family(*names):
    """Return whether the names are of one class, or of parts and versions of one `family`."""
    return len({MODELS[name].family or MODELS[name] for name in names}) == 1


def _architecture(cls, config, kwargs, application):
    """Return the arguments for the configuration's Hugging Face head; none if any are given."""
    asked = any(k.startswith(HEADS) for k in kwargs)
    names = config.get("architectures") or []
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
        asks["with_classes"] = config.get("num_labels") or len(config.get("id2label") or "01")
    return asks


def _with_application(cls, application):
    """Return the class for an application, extended with its mask if need be."""
    if application not in cls.applications:
        raise invalid(
            f"`application` of a `{cls.__name__}` must be one of {list(cls.applications)}.",
            application=application,
        )
    extend = {"lm": extend_with_language_model, "unilm": extend_with_unified_language_model}
    own = application in (cls.applications[0], "encoder")
    return cls if own else extend[application](cls)


def _arguments(config, cls):
    """Return the configuration under the names of the builder's arguments."""
    known, source = parameters(cls), cls.huggingface
    for key, value in source.required.items():
        if config.get(key, value) != value:
            raise invalid(
                f"`{key}` must be {value!r} in the configuration of a `{cls.__name__}`.",
                **{key: config[key]},
            )
    config = cls.translate_config(dict(config))
    ignored = {*_IGNORED, *source.ignored, *source.required} - {*known, *source.keys}
    arguments = {source.keys.get(k, k): v for k, v in config.items() if k not in ignored}
    unknown = [k for k in arguments if k not in known]
    if unknown:
        names = [*known, *source.keys]
        listed = ", ".join(_with_hint(k, names) for k in unknown)
        raise ValueError(
            f"The configuration has unknown keys: {listed}. Known keys: {', '.join(sorted(names))}"
        )
    return arguments


def _with_hint(key, names):
    """Return an unknown key as text, with the nearest known name as a hint."""
    near = difflib.get_close_matches(key, names, 1)
    return f"{key} (did you mean {near[0]}?)" if near else key


def _check_arguments(cls, options):
    """Refuse unknown and missing arguments."""
    known = parameters(cls)
    unknown = [k for k in options if k not in known]
    required = [k for k, p in known.items() if p.default is inspect.Parameter.empty]
    missing = [k for k in required if k not in options]
    if unknown or missing:
        raise ValueError(
            f"`{cls.__name__}` cannot be built: unknown arguments {unknown}, missing {missing}. "
            f"It takes {', '.join(sorted({*known, *parameters(cls.build)}))}"
        )
