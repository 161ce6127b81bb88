"""Turn a configuration into the arguments of a builder."""

from kerasx.checks import invalid
from kerasx.models.builder_arguments import own_arguments, parameters
from kerasx.models.families import MODELS
from kerasx.models.foreign_keys import HARMLESS, check_refused, check_spelling, pass_over

# keys that only a configuration of transformers has
_MARKS = ("architectures", "transformers_version", "torch_dtype", "_name_or_path", "n_embd")
# arguments that say how to build, which no configuration file is asked for
_INSTANCE = frozenset(("layers", "name", "prefix"))


def arguments_of_config(config, cls, from_file=False, scores=True):
    """Return a configuration's values under the names of a builder's arguments.

    Args:
        config: dict, a configuration.
        cls: class of the builder.
        from_file: whether the configuration comes from a file. A file of transformers is read as
            transformers reads it: names of arguments that it does not know mean nothing there.
        scores: whether the model scores tokens.

    Returns:
        Two dicts: {argument: value}, and {argument: key of the configuration}.

    Raises:
        ValueError: a key is misspelt, two keys contradict each other, or a value asks for a model
            that the class does not build.

    >>> from kerasx.models import BERT
    >>> arguments_of_config({"hidden_dropout_prob": 0.1}, BERT)
    ({'dropout_rate': 0.1}, {'dropout_rate': 'hidden_dropout_prob'})
    """
    source = cls.huggingface
    check_refused(config)
    _check_required(config, cls, scores)
    config, passed = _understood(config, cls, from_file)
    check_synonyms(config, source.keys)
    if is_huggingface(config, cls):
        _check_leaky_relu(config)
        config = _with_defaults(config, source)
    arguments, keys = {}, {}
    for key, value in cls.translate_config(dict(config)).items():
        name = source.keys.get(key, key)
        if value is not None or name not in arguments:
            arguments[name], keys[name] = value, key
    known = parameters(cls)
    foreign = [k for k in arguments if k not in known and k not in source.known_keys]
    everywhere = {*HARMLESS, *(k for c in MODELS.values() for k in c.huggingface.known_keys)}
    check_spelling(
        [k for k in foreign if k not in everywhere], {*known, *source.known_keys} - HARMLESS
    )
    pass_over([*passed, *foreign])
    return {k: v for k, v in arguments.items() if k in known}, keys


def is_huggingface(config, cls):
    """Return whether transformers wrote the configuration."""
    return bool(cls.huggingface.heads) and any(mark in config for mark in _MARKS)


def check_synonyms(config, keys):
    """Raise if two keys give one argument different values; a null is no value."""
    seen = {}
    for key, value in config.items():
        name = keys.get(key, key)
        other, first = seen.setdefault(name, (key, value))
        if other != key and None not in (value, first) and value != first:
            raise invalid(
                f"`{other}` and `{key}` must be equal, or one of them left out: both are the "
                f"model's `{name}`.",
                **{other: first, key: value},
            )


def _check_required(config, cls, scores):
    """Raise for a value that asks for another graph; a null is no value."""
    source = cls.huggingface
    required = {**source.required, **(source.required_of_scores if scores else {})}
    for key, value in required.items():
        if config.get(key) not in (None, value):
            raise invalid(
                f"`{key}` must be {value!r} in the configuration of a `{cls.__name__}`.",
                **{key: config[key]},
            )


def _check_leaky_relu(config):
    """Refuse an activation whose name means another slope to transformers (0.01) than to Keras."""
    for key in [key for key, value in config.items() if value == "leaky_relu"]:
        raise invalid(
            f"`{key}` must be another activation: 'leaky_relu' has the slope 0.01 in transformers "
            "and 0.2 in Keras. Pass a function, as build_transformer_model(..., hidden_act=...).",
            **{key: "leaky_relu"},
        )


def _understood(config, cls, from_file):
    """Return the configuration without names that mean nothing in its file, and these names."""
    source, own = cls.huggingface, _INSTANCE
    if not from_file:
        return config, []
    if is_huggingface(config, cls):
        config = {k: v for k, v in config.items() if k not in source.ignored}
        own = own_arguments(cls)
    foreign = own | parameters(cls.build).keys()
    passed = [k for k in config if k in foreign]
    return {k: v for k, v in config.items() if k not in passed}, passed


def _with_defaults(config, source):
    """Return the configuration with transformers' values for what it leaves out."""
    given = {source.keys.get(key, key) for key in config}
    missing = {k: v for k, v in source.defaults.items() if source.keys.get(k, k) not in given}
    return {**config, **missing}
