"""Weights that are cut: read, decoded with and written on four devices, run by test_jax.py."""

import contextlib

import keras
import numpy as np
import pytest

from kerasx.callbacks import load_weights, save_weights
from kerasx.distribution import check_layouts
from kerasx.generation import BeamSearch, Generator, Greedy, Sampling
from kerasx.models import (
    build_transformer_model,
    load_keras_weights,
    load_model,
    save_model,
    save_pretrained,
)
from tests.distribution.tiny import CONFIG, CONTEXTS

each_context = pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
cuts = pytest.mark.parametrize(
    "context", [CONTEXTS["model_parallel"], CONTEXTS["fully_sharded"]], ids=["rules", "all"]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of transformers with a model whose token table is a megabyte."""
    path = tmp_path_factory.mktemp("folder")
    save_pretrained(build_transformer_model({**CONFIG, "vocab_size": 16384}), path)
    return path


def arrays(model):
    return {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value)


@pytest.fixture
def parts(monkeypatch):
    """Note the largest share of a large weight that a device gets whenever one is assigned."""
    shares, assign = [], type(keras.Variable(0.0))._direct_assign

    def noting(variable, value):
        if value.size >= 16384 and variable._layout is not None:
            largest = max(part.data.nbytes for part in value.addressable_shards)
            shares.append(largest / value.nbytes)
        assign(variable, value)

    monkeypatch.setattr(type(keras.Variable(0.0)), "_direct_assign", noting)
    return shares


@cuts
def test_no_device_holds_a_whole_large_weight_while_a_checkpoint_is_read(folder, context, parts):
    expected = arrays(build_transformer_model(folder))
    with context():
        model = build_transformer_model(folder)
        assert_same(arrays(model), expected)
        table = {row.path: row for row in check_layouts(model)}["Embedding-Token/embeddings"]
    whole = 4 * 16384 * 16
    assert parts and max(parts) <= 0.5
    assert table.bytes == max(parts) * whole


@cuts
def test_models_and_weights_come_back_from_files(tmp_path, context):
    with context():
        model = build_transformer_model(CONFIG, with_mlm="linear")
        expected = arrays(model)
        save_pretrained(model, tmp_path / "pretrained")
        save_model(tmp_path / "own", model)
        model.save_weights(tmp_path / "model.weights.h5")
        save_weights(model, tmp_path / "model.safetensors")
        model.builder.save_weights_as_checkpoint(tmp_path / "model.ckpt")
    for use in (context, contextlib.nullcontext):
        with use():
            cut = keras.distribution.distribution() is not None
            for read in READERS:
                model = read(tmp_path)
                assert_same(arrays(model), expected)
                assert any(w.value.sharding.is_fully_replicated for w in model.weights)
                assert cut != all(w.value.sharding.is_fully_replicated for w in model.weights)


def filled(read):
    """Return a function of a folder that fills a new model from a file in it."""

    def fill(folder):
        builder = build_transformer_model(CONFIG, with_mlm="linear", return_keras_model=False)
        read(builder, folder)
        return builder.model

    return fill


READERS = [
    lambda folder: build_transformer_model(folder / "pretrained"),
    lambda folder: load_model(folder / "own").model,
    filled(lambda builder, folder: builder.model.load_weights(folder / "model.weights.h5")),
    filled(lambda builder, folder: load_keras_weights(builder.model, folder / "model.weights.h5")),
    filled(lambda builder, folder: load_weights(builder.model, folder / "model.safetensors")),
    filled(lambda builder, folder: builder.load_weights_from_checkpoint(folder / "model.ckpt")),
]


STRATEGIES = {
    "greedy": lambda: Greedy(),
    "beams": lambda: BeamSearch(3),
    "sampling": lambda: Sampling(top_k=5, seed=1),
}


@each_context
def test_the_same_sequences_are_generated(context):
    prompts = [[3, 5, 7], [4, 9], [8, 1, 2, 6]]

    def generated():
        keras.utils.set_random_seed(3)
        model = build_transformer_model({**CONFIG, "initializer_range": 1.0}, application="lm")
        return [
            Generator(model, make(), end_id=0, max_new_tokens=6)(prompts).sequences
            for make in STRATEGIES.values()
        ]

    expected = generated()
    assert len({tuple(row) for one in expected for rows in one for row in rows}) > 5
    with context():
        assert generated() == expected
