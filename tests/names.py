"""Names that the modules of a package define, exported by its `__init__` or not."""

import importlib
import inspect
import pkgutil


def defined_names(package):
    """Return {name: object} of the public functions and classes of the modules of a package."""
    modules = [f"{package.__name__}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]
    found = {}
    for module in map(importlib.import_module, modules):
        for name, value in vars(module).items():
            callable_here = inspect.isfunction(value) or inspect.isclass(value)
            if callable_here and value.__module__ == module.__name__ and name[0] != "_":
                found[name] = value
    return found
