"""LoRA+: the two factors of a low-rank update learn at different rates."""

import keras

from kerasx.optimizers.extension import recipe
from kerasx.optimizers.wrappers import ParameterWiseLr, extend_with_parameter_wise_lr

__all__ = ["lora_plus"]

OUTPUT_FACTORS = "lora_(kernel|embeddings)_b$"


def lora_plus(optimizer, ratio=16, pattern=OUTPUT_FACTORS, **kwargs):
    """An optimizer that gives B of W + s A B the learning rate `ratio` · η, and η to all else.

    In a wide model A B learns features efficiently only if η_B / η_A grows with the width, whatever
    of them starts at zero. Built by `extend_with_parameter_wise_lr`, so it composes with gradient
    accumulation, clipping over all variables, and schedules.

    Args:
        optimizer: an optimizer that is not built, or a class.
        ratio: η_B / η_A; 16 is a good start, lower η about twofold for hard tasks.
        pattern: part of the paths of all B, or a regular expression; by default those that
            `enable_lora` of Keras makes.
        **kwargs: arguments of the class, such as `learning_rate`.

    Returns:
        A new optimizer.

    Raises:
        ValueError: `optimizer` is no optimizer, is built, or has `kwargs` though it is no class;
            `ratio` is not positive; when built, if there is no B.

    Source: arXiv 2402.12354; kexue.fm/archives/10001.

    >>> dense = keras.layers.Dense(3)
    >>> dense.build((None, 2)) or dense.enable_lora(1)
    >>> optimizer = lora_plus(keras.optimizers.SGD(1.0), ratio=4)
    >>> optimizer.apply([keras.ops.ones(v.shape) for v in dense.trainable_variables],
    ...                 dense.trainable_variables)
    >>> keras.ops.convert_to_numpy(dense.lora_kernel_b).tolist()
    [[-4.0, -4.0, -4.0]]
    """
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not ratio > 0:
        raise ValueError(f"`ratio` must be a number > 0, 16 for example. Received: ratio={ratio}")
    cls, config = _class_and_config(optimizer, kwargs)
    schedule = {**(config.pop("paramwise_lr_schedule", None) or {}), pattern: float(ratio)}
    if not issubclass(cls, ParameterWiseLr):
        cls = extend_with_parameter_wise_lr(cls, f"LoraPlus{cls.__name__}")
    return cls.from_config({**config, "paramwise_lr_schedule": schedule})


def _class_and_config(optimizer, kwargs):
    if isinstance(optimizer, type):
        return optimizer, dict(kwargs)
    if not isinstance(optimizer, keras.optimizers.Optimizer) or optimizer.built or kwargs:
        raise ValueError(
            "`optimizer` must be a class of optimizers, with its arguments as `kwargs`, or an "
            f"optimizer that is not built. Received: optimizer={optimizer}, kwargs={kwargs}"
        )
    config = optimizer.get_config()
    config.pop("recipe", None)
    return _public(type(optimizer)), config


def _public(cls):
    """PyTorch's keras.optimizers.Adam makes an instance of a subclass that cannot be extended."""
    named = getattr(keras.optimizers, cls.__name__, None)
    return named if named in cls.__mro__ and len(recipe(cls)) == 1 else cls
