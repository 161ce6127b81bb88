"""kerasx: bert4keras's lineage on Keras 3, the same on TensorFlow, JAX and PyTorch.

Subpackages load when first used, so `import kerasx` costs nothing and `kerasx.tokenizers`,
`kerasx.data`, `kerasx.checkpoints`, `kerasx.metrics` and `kerasx.similarity` never load a backend.
"""

import importlib

__version__ = "0.1.0"

_SUBPACKAGES = (
    "backend",
    "callbacks",
    "checkpoints",
    "data",
    "generation",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "probing",
    "regularizers",
    "similarity",
    "snippets",
    "tokenizers",
    "training",
)
__all__ = ["__version__", *_SUBPACKAGES]


def __getattr__(name):
    if name in _SUBPACKAGES:
        return importlib.import_module(f"kerasx.{name}")
    raise AttributeError(f"module 'kerasx' has no attribute '{name}'")


def __dir__():
    return list(__all__)
