"""Weights files: whole or not there, verified when read."""

import os

import keras
import numpy as np
import pytest

from kerasx.callbacks import load_weights, save_weights
from tests.callbacks.helpers import equal_arrays, make_model

SUFFIXES = [".weights.h5", ".safetensors", ".keras"]
each_suffix = pytest.mark.parametrize("suffix", SUFFIXES)


def named(seed, name="a", units=4):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, name=name)])


@each_suffix
def test_weights_come_back_bit_for_bit(suffix, tmp_path):
    model, other = named(1), named(2)
    save_weights(model, tmp_path / f"best{suffix}")
    load_weights(other, tmp_path / f"best{suffix}")
    assert equal_arrays(model.get_weights(), other.get_weights())


def test_a_functional_model_with_seed_generators_comes_back(tmp_path):
    model, other = make_model(1), make_model(2)
    save_weights(model, tmp_path / "best.weights.h5")
    load_weights(other, tmp_path / "best.weights.h5")
    assert equal_arrays(model.get_weights(), other.get_weights())


@each_suffix
def test_each_flipped_bit_is_detected_and_nothing_is_loaded(suffix, tmp_path):
    model, path = named(1), tmp_path / f"best{suffix}"
    save_weights(model, path)
    content, before = path.read_bytes(), model.get_weights()
    for position in np.linspace(0, len(content) - 1, 20).astype(int):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged or replaced"):
            load_weights(model, path)
    assert equal_arrays(before, model.get_weights())


@each_suffix
@pytest.mark.parametrize("other", [named(2, "b"), named(2, "a", units=5)])
def test_weights_of_another_model_are_refused_and_none_is_loaded(suffix, other, tmp_path):
    save_weights(named(1), tmp_path / f"best{suffix}")
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"    a(/kernel)?: |name=a,"):
        load_weights(other, tmp_path / f"best{suffix}")
    assert equal_arrays(before, other.get_weights())


def test_a_file_without_digest_is_refused(tmp_path):
    model = named(1)
    model.save_weights(tmp_path / "best.weights.h5")
    with pytest.raises(ValueError, match="must be the file"):
        load_weights(model, tmp_path / "best.weights.h5")


def test_two_weights_of_one_path_are_refused_for_safetensors_before_anything_is_written(tmp_path):
    model = _TwoHalves([keras.layers.Dense(3, name="same") for _ in range(2)])
    model(np.ones((1, 3)))
    with pytest.raises(ValueError, match="distinct paths"):
        save_weights(model, tmp_path / "best.safetensors")
    assert os.listdir(tmp_path) == []


class _TwoHalves(keras.Model):
    def __init__(self, halves):
        super().__init__()
        self.first, self.second = halves

    def call(self, x):
        return self.first(x) + self.second(x)
