"""Read the arguments of a builder, and make another builder from them."""

import inspect

from kerasx.checks import invalid

# arguments that no longer matter once the layers have their weights
_APPLIED = ("keep_tokens", "compound_tokens", "layers")
# arguments that change neither outputs nor, but for an identity, weights
FREE = frozenset(
    """name prefix recompute sequence_length ignore_invalid_weights autoresize_weights version
    embedding_mapping""".split()
)
# starts of the names of arguments that ask for a head
HEADS = ("with_", "final_activation")
# the heads among them that score tokens
SCORES = ("with_mlm", "with_lm", "final_activation")
# arguments that no Hugging Face model has, unless a family's `huggingface.keys` names one
OWN = frozenset(
    """attention_head_size attention_key_size embedding_size residual_attention_scores
    hierarchical_position custom_position_ids shared_segment_embeddings norm_position
    talking_heads half_causal_heads cross_position_bias rotary_base rotary_scaling
    attention_normalization pad_id""".split()
)


def parameters(function):
    """Return {name: inspect.Parameter} of a function, or of a class with all its bases."""
    functions = [function]
    if inspect.isclass(function):
        functions = [vars(c)["__init__"] for c in function.__mro__[:-1] if "__init__" in vars(c)]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = [p for f in reversed(functions) for p in inspect.signature(f).parameters.values()]
    return {p.name: p for p in found if p.kind in kinds and p.name != "self"}


def own_arguments(cls):
    """Return the names of a class's arguments that mean nothing in Hugging Face's configurations.

    >>> from kerasx.models import BERT
    >>> "prefix" in own_arguments(BERT), "dropout_rate" in own_arguments(BERT)
    (True, True)
    >>> "vocab_size" in own_arguments(BERT)
    False
    """
    keys = cls.huggingface.keys
    own = {*OWN, *FREE, *_APPLIED, *keys.values(), *cls.huggingface.absent}
    names = (name for name in parameters(cls) if name in own or name.startswith(HEADS))
    return {name for name in names if name not in keys}


def builder_of(model):
    """Return the builder of a keras.Model that `build_transformer_model` made, or a given builder.

    Raises:
        ValueError: the model has no builder, or has conditional layer normalizations.
    """
    builder = model if hasattr(model, "apply_main_layers") else getattr(model, "builder", None)
    if builder is None:
        raise invalid(
            "`model` must be a builder or the very model it built. For a model with further layers "
            "on top, pass build_transformer_model(..., return_keras_model=False).",
            model=model,
        )
    if any(getattr(layer, "conditional", False) for layer in builder.layers.values()):
        raise ValueError(
            "`model` must have no conditional layer normalizations: their condition is a part of "
            "a graph outside of the builder. Save the keras.Model itself."
        )
    return builder


def arguments_of(builder):
    """Return all arguments of the builder's class, with `keep_tokens`, `compound_tokens` applied.

    >>> from kerasx.models import BERT
    >>> bert = BERT(30, 8, 1, 2, 16, keep_tokens=[0, 5, 7])
    >>> arguments_of(bert)["vocab_size"], arguments_of(bert)["attention_head_size"]
    (3, 4)
    """
    names = parameters(type(builder)).keys() - set(_APPLIED)
    return {name: getattr(builder, name) for name in sorted(names)}


def rebuilt(builder, **changes):
    """Build a model of the same class with changed arguments and new weights.

    Args:
        builder: a built Transformer.
        changes: arguments of its class.
    """
    new = type(builder)(**{**arguments_of(builder), **changes})
    new.build()
    return new
