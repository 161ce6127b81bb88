"""kerasx: bert4keras's lineage on Keras 3, the same on TensorFlow, JAX and PyTorch.

A room (`kerasx.models`, `kerasx.tokenizers`, ...) is loaded when it is first used, so that
`import kerasx` costs nothing. These load neither Keras nor a backend: files, text, tokenizers,
spans, checkpoints, data, datasets, metrics, similarity and port.
"""

import importlib

__version__ = "0.1.0"

_ROOMS = (
    "backend",
    "callbacks",
    "checkpoints",
    "checks",
    "data",
    "datasets",
    "diffusion",
    "distribution",
    "figures",
    "files",
    "generation",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "port",
    "probing",
    "regularizers",
    "serve",
    "similarity",
    "snippets",
    "spans",
    "text",
    "tokenizers",
    "training",
)
__all__ = ["__version__", *_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"kerasx.{name}")
    raise AttributeError(f"module 'kerasx' has no attribute '{name}'")


def __dir__():
    return list(__all__)
