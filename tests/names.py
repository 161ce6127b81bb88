"""Names that the modules of a package define, exported by its `__init__` or not."""

import importlib
import pkgutil


def defined_names(package):
    """Return {name: object} of all names in the `__all__` of the modules of a package."""
    modules = [f"{package.__name__}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]
    found = map(importlib.import_module, modules)
    return {name: getattr(m, name) for m in found for name in getattr(m, "__all__", ())}
