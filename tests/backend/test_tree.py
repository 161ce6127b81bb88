"""Structures are walked alike on all backends, and nothing stays behind."""

import collections
import gc

import keras
import numpy as np
import pytest

from kerasx.generation import BeamSearch, Generator, Sampling
from tests.generation.models import tiny_model

on_torch = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="Keras walks by optree there of itself"
)
Pair = collections.namedtuple("Pair", "left right")


class Box:
    """A user's own node, as Keras asks for on PyTorch."""

    def __init__(self, inside):
        self.inside = inside

    def torchtree_flatten(self):
        return [self.inside], "box"

    @classmethod
    def torchtree_unflatten(cls, children, metadata):
        assert metadata == "box"
        return cls(*children)


STRUCTURES = [
    None,
    (),
    {"b": 1, "a": [2, (3,)]},
    Pair(1, {"x": None}),
    collections.OrderedDict(z=1, y=2),
    [[], {}, [1, [2, [3]]]],
]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_what_is_taken_apart_is_put_together_again(structure):
    leaves = keras.tree.flatten(structure)
    assert keras.tree.pack_sequence_as(structure, leaves) == structure
    assert keras.tree.map_structure(lambda x: x, structure) == structure


@on_torch
@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_leaves_are_those_of_keras_own_walk(structure):
    from keras.src.tree import torchtree_impl

    assert keras.tree.flatten(structure) == torchtree_impl.flatten(structure)


@on_torch
def test_lists_of_keras_and_nodes_registered_later_are_walked():
    from keras.src.tree import register_tree_node_class
    from keras.src.utils.tracking import TrackedList

    structure = [TrackedList([1, 2]), register_tree_node_class(Box)(3)]
    assert keras.tree.flatten(structure) == [1, 2, 3]
    doubled = keras.tree.map_structure(lambda x: 2 * x, structure)
    assert doubled[0] == [2, 4] and doubled[1].inside == 6


@on_torch
def test_torch_compile_has_the_walk_it_can_read(monkeypatch):
    from keras.src.tree import torchtree_impl, tree_api

    assert tree_api.tree_impl.flatten is not torchtree_impl.flatten
    monkeypatch.setattr(tree_api.tree_impl, "is_compiling", lambda: True)
    assert tree_api.tree_impl.flatten is torchtree_impl.flatten


@on_torch
@pytest.mark.parametrize("strategy", [BeamSearch(2), Sampling(seed=1)], ids=["beams", "samples"])
def test_what_a_call_held_is_gone_without_the_garbage_collector(strategy):
    import torch

    generate = Generator(tiny_model(), strategy, max_new_tokens=4)
    prompts = np.ones((2, 3), "int32")
    generate(prompts)
    gc.collect()
    gc.disable()
    try:
        generate(prompts)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [x for x in gc.garbage if isinstance(x, torch.Tensor)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
