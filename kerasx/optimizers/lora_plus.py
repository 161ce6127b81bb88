"""LoRA+: a higher learning rate for one of the two factors of a low-rank update."""

import keras

from kerasx.checks import check_number, invalid
from kerasx.optimizers.extension import recipe
from kerasx.optimizers.rate_factors import ParameterWiseLr, extend_with_parameter_wise_lr

OUTPUT_FACTORS = "lora_(kernel|embeddings)_b$"


def lora_plus(optimizer, ratio=16, pattern=OUTPUT_FACTORS, **kwargs):
    """Make an optimizer that trains B of W + s A B at the rate `ratio` · η, all else at η.

    In a wide model A B learns features efficiently only if η_B / η_A grows with the width. The
    class is made by `extend_with_parameter_wise_lr`, so it composes with gradient accumulation,
    clipping over all variables, and schedules.

    Args:
        optimizer: a class of optimizers, or an optimizer that is not built.
        ratio: η_B / η_A; 16 is a good start, with η lowered about twofold for hard tasks.
        pattern: part of the paths of all B, or a regular expression; by default the names that
            Keras's `enable_lora` gives.
        **kwargs: arguments for the class, such as `learning_rate`.

    Returns:
        A new optimizer.

    Raises:
        ValueError: `optimizer` is no optimizer, is built, or has `kwargs` though it is no class;
            `ratio` is not positive; when built, if no variable is a B.

    Source: arXiv 2402.12354; kexue.fm/archives/10001.

    >>> dense = keras.layers.Dense(3)
    >>> dense.build((None, 2)) or dense.enable_lora(1)
    >>> optimizer = lora_plus(keras.optimizers.SGD(1.0), ratio=4)
    >>> optimizer.apply([keras.ops.ones(v.shape) for v in dense.trainable_variables],
    ...                 dense.trainable_variables)
    >>> keras.ops.convert_to_numpy(dense.lora_kernel_b).tolist()
    [[-4.0, -4.0, -4.0]]
    """
    check_number("ratio", ratio, above=0)
    cls, config = _class_and_config(optimizer, kwargs)
    schedule = {**(config.pop("paramwise_lr_schedule", None) or {}), pattern: float(ratio)}
    if not issubclass(cls, ParameterWiseLr):
        cls = extend_with_parameter_wise_lr(cls, f"LoraPlus{cls.__name__}")
    return cls.from_config({**config, "paramwise_lr_schedule": schedule})


def _class_and_config(optimizer, kwargs):
    if isinstance(optimizer, type):
        return optimizer, dict(kwargs)
    if not isinstance(optimizer, keras.optimizers.Optimizer) or optimizer.built or kwargs:
        raise invalid(
            "`optimizer` must be a class of optimizers, with its arguments as `kwargs`, or an "
            "optimizer that is not built.",
            optimizer=optimizer,
            kwargs=kwargs,
        )
    config = optimizer.get_config()
    config.pop("recipe", None)
    return _public(type(optimizer)), config


def _public(cls):
    """Return the exported class for the subclass that Keras makes on PyTorch; `extend` needs it."""
    named = getattr(keras.optimizers, cls.__name__, None)
    return named if named in cls.__mro__ and len(recipe(cls)) == 1 else cls
