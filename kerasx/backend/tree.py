"""On PyTorch Keras walks nested structures by optree, as it does on the other backends.

There Keras takes torch's own walk instead, whose Python needs twenty times as long, several times
for each layer called, and whose closures refer to themselves: activations and caches stay until
the garbage collector comes. torch.compile wants that walk, and still has it.
"""

import keras

__all__ = ["walk_by_optree"]


def walk_by_optree():
    """Let Keras walk by optree wherever torch.compile is not at work; once for all of Keras.

    >>> keras.tree.flatten({"b": 1, "a": [2, None]})
    [2, None, 1]
    """
    if keras.backend.backend() != "torch":
        return
    from keras.src.tree import optree_impl, torchtree_impl, tree_api
    from torch.utils import _pytree

    if tree_api.tree_impl is torchtree_impl:
        for cls in _pytree.SUPPORTED_NODES:
            if hasattr(cls, "torchtree_flatten"):  # Keras's lists and whatever else has registered
                _register(cls)
        tree_api.tree_impl = _Walks(optree_impl, torchtree_impl)


def _register(cls):
    import optree

    optree.register_pytree_node(
        cls,
        lambda x: x.torchtree_flatten(),
        lambda metadata, children: cls.torchtree_unflatten(children, metadata),
        namespace="keras",
    )


class _Walks:
    """Two implementations of keras.tree: one to run, one for torch.compile to read."""

    def __init__(self, runs, compiles):
        import torch

        self.runs, self.compiles = runs, compiles
        self.is_compiling = torch.compiler.is_compiling

    def __getattr__(self, name):
        return getattr(self.compiles if self.is_compiling() else self.runs, name)

    def register_tree_node_class(self, cls):
        _register(cls)
        return self.compiles.register_tree_node_class(cls)
