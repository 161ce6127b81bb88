"""Decorators that change which keyword arguments a method takes, mostly `__init__`."""

from functools import wraps


def insert_arguments(**arguments):
    """Give a method further keyword arguments, which it keeps as attributes of `self`.

    Args:
        **arguments: names and defaults.

    >>> class Model:
    ...     @insert_arguments(version="t5")
    ...     def __init__(self, size):
    ...         self.size = size
    >>> Model(3).version, Model(3, version="mt5").version
    ('t5', 'mt5')
    """

    def decorate(method):
        @wraps(method)
        def wrapped(self, *args, **kwargs):
            for name, default in arguments.items():
                setattr(self, name, kwargs.pop(name, default))
            return method(self, *args, **kwargs)

        return wrapped

    return decorate


def delete_arguments(*arguments):
    """Make a method refuse keyword arguments that it would pass on to its parent.

    Args:
        *arguments: their names.

    >>> class Model:
    ...     @delete_arguments("with_pool")
    ...     def __init__(self, **kwargs):
    ...         pass
    >>> Model(with_pool=True)
    Traceback (most recent call last):
    ...
    TypeError: Model got an unexpected keyword argument 'with_pool'
    """

    def decorate(method):
        @wraps(method)
        def wrapped(self, *args, **kwargs):
            for name in arguments:
                if name in kwargs:
                    raise TypeError(
                        f"{type(self).__name__} got an unexpected keyword argument '{name}'"
                    )
            return method(self, *args, **kwargs)

        return wrapped

    return decorate
