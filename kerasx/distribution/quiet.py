"""Let only the first process of a run show progress bars."""

import functools
import inspect


def without_progress(method):
    """Return `fit`, `evaluate` or `predict` of a model that shows no progress bar.

    Args:
        method: bound method of a model.
    """
    parameters = inspect.signature(method)

    @functools.wraps(method)
    def run(*args, **kwargs):
        bound = parameters.bind(*args, **kwargs)
        bound.arguments["verbose"] = 0
        return method(*bound.args, **bound.kwargs)

    return run
