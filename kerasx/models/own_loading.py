"""Fill a builder of a user's class that says itself how variables are read from a checkpoint."""

import numpy as np

from kerasx import checkpoints
from kerasx.checks import invalid
from kerasx.models.leniency import log_left_out
from kerasx.models.placement import matches


def reads_itself(builder):
    """Return whether a class outside of the library overrides `load_variable`."""
    return not type(builder).load_variable.__module__.startswith("kerasx.")


def readable_variables(builder, source, pairs, ignore=()):
    """Check what `load_variable` returns, which may have another shape than the file's tensor.

    Tensors that no variable is called after are logged: `load_variable` may have read them.

    Args:
        builder: the builder.
        source: the checkpoint, `Translated`.
        pairs: list of (weight, name of its variable).
        ignore: patterns of tensors that are passed over without a word.

    Returns:
        The names that it returns a value for.

    Raises:
        ValueError: lists the variables that are missing or of another shape than their weights.
    """
    missing, wrong = [], {}
    for weight, name in pairs:
        try:
            shape = np.shape(builder.load_variable(source, name))
        except KeyError:
            missing.append(name)
            continue
        except Exception as error:
            raise ValueError(
                f"`{type(builder).__name__}.load_variable(checkpoint, name)` failed for {name!r}. "
                "It gets an open checkpoint: write checkpoint[name] in the place of "
                f"tf.train.load_variable(checkpoint, name). {type(error).__name__}: {error}"
            ) from error
        if shape != tuple(weight.shape) and not builder.autoresize_weights:
            wrong[name] = f"{shape} instead of {tuple(weight.shape)}"
    if (missing or wrong) and not builder.ignore_invalid_weights:
        raise invalid(
            f"`{type(builder).__name__}.load_variable` must return an array of the weight's shape "
            "for each variable; nothing was loaded.",
            missing=missing,
            of_another_shape=wrong,
        )
    names = {name for _, name in pairs}
    silent = (*checkpoints.DEFAULT_IGNORE, *builder.original.ignored, *ignore)
    spare = [source.name_in_file(x) for x in source if x not in names and not matches(x, silent)]
    log_left_out(source.path, spare, [*missing, *wrong])
    return [name for _, name in pairs if name not in missing and name not in wrong]
