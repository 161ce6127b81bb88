"""Choose the model family for a name, a configuration and a checkpoint."""

import difflib
import inspect

from kerasx.checks import invalid
from kerasx.models.families import MODELS
from kerasx.models.recognise import recognise, recognise_keys
from kerasx.models.transformer import Transformer


def choose_family(model, config, source=None):
    """Return the class of a builder, and the configuration with its `model_type`.

    Args:
        model: a name, a class, or None for the family of the configuration: that of `model_type`,
            else of `architectures`, else that which the keys and the tensors' names are of.
        config: dict.
        source: names of the checkpoint's tensors, or None.

    >>> choose_family("RoBERTa", {})[0].__name__, choose_family(None, {"n_embd": 8})[0].__name__
    ('RoBERTa', 'GPT2')
    """
    if inspect.isclass(model) and issubclass(model, Transformer):
        return model, config
    if model is None:
        name = _stated(config) or _by_architecture(config) or _by_signs(config, source)
        return MODELS[name], config if name == "bert" else {**config, "model_type": name}
    name = named(model, "model")
    _check_type(name, config)
    if not config.get("model_type") and any(_same_family(name, k) for k in recognise_keys(config)):
        config = {**config, "model_type": name}
    return MODELS[name], config


def named(model, argument):
    """Return the name in `MODELS`, whose letters may be large and hyphens underscores."""
    names = {_plain(name): name for name in MODELS}
    if isinstance(model, str) and _plain(model) in names:
        return names[_plain(model)]
    near = difflib.get_close_matches(_plain(model), names, 1) if isinstance(model, str) else []
    hint = f" Did you mean {names[near[0]]!r}?" if near else ""
    raise invalid(
        f"`{argument}` must be one of {sorted(MODELS)} or a subclass of Transformer.{hint}",
        **{argument: model},
    )


def architectures(config):
    """Return the model classes of transformers that a configuration names, as a list of str."""
    names = config.get("architectures") or []
    names = [names] if isinstance(names, str) else names
    if not (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)):
        raise invalid("`architectures` must be a list of str.", architectures=names)
    return list(names)


def _stated(config):
    """Return the name of the configuration's `model_type`, or None."""
    model_type = config.get("model_type")
    return None if model_type is None else named(model_type, "model_type")


def _check_type(name, config):
    """Refuse a model of another family than `model_type` says; an unknown type says nothing."""
    model_type = config.get("model_type")
    stated = [x for x in MODELS if _plain(x) == _plain(str(model_type))]
    if stated and not _same_family(name, stated[0]):
        raise invalid(
            f"`model` must be left out or {model_type!r}, the model of the configuration.",
            model=name,
        )


def _by_architecture(config):
    """Return the name of the family with the configuration's head that is most like its name."""
    for head in architectures(config)[:1]:
        names = [name for name, cls in MODELS.items() if head in cls.huggingface.heads]
        starts = [x for x in names if head.lower().startswith(_plain(x).replace("-", ""))]
        return max(starts, key=len, default=next(iter(names), None))
    return None


def _by_signs(config, source):
    """Return the name of the family of the keys and tensors; "bert" where they leave it open."""
    keys = recognise_keys(config)
    tensors = [name for name in recognise(source or ()) if name in MODELS]
    if not keys:
        return tensors[0] if len(tensors) == 1 else "bert"
    both = [name for name in tensors if any(_same_family(name, key) for key in keys)]
    if tensors and not both:
        raise ValueError(
            f"The configuration has keys of {' or '.join(keys)}, but the checkpoint has tensors of "
            f"{' or '.join(tensors)}: the two belong to different models."
        )
    return [*both, *keys][0]


def _same_family(*names):
    """Return whether the names are of one class, or of parts and versions of one `family`."""
    return len({MODELS[name].family or MODELS[name] for name in names}) == 1


def _plain(name):
    return name.lower().replace("_", "-")
