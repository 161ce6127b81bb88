"""Datasets out of bert4keras's data generators, whose `__iter__` yields single examples."""

import keras
import numpy as np
import pytest

from kerasx.data import DataGenerator
from kerasx.data.example_stream import ExampleStream, under_names


class Examples(DataGenerator):
    """Examples (inputs, target) of the lengths in the data; counts how often it is started."""

    started = 0

    def __iter__(self, random=False):
        self.started += 1
        for _, n in self.sample(random):
            yield [np.arange(n) + 1, np.zeros(n)], [[n % 2]]


NESTED = {
    "types": [("int32", "int32"), ("float32",)],
    "shapes": [([None], [None]), ([1],)],
    "names": [("A", "B"), ("Probas",)],
    "padded_batch": True,
}


def model():
    keras.utils.set_random_seed(0)
    a, b = keras.Input((None,), name="A"), keras.Input((None,), name="B")
    x = keras.layers.Embedding(9, 4)(a) + keras.layers.Embedding(9, 4)(b)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model([a, b], keras.layers.Dense(1, name="Probas")(x))
    model.compile("sgd", "mse")
    return model


def test_batches_are_padded_and_named():
    x, y = next(iter(Examples([3, 3, 3], 3).to_dataset(**NESTED)))
    assert sorted(x) == ["A", "B"] and np.shape(y) == (3, 1)
    assert np.array(x["A"]).tolist() == [[1, 2, 3]] * 3
    found = [np.shape(x["A"]) for x, _ in take(Examples([2, 5], 2).to_dataset(**NESTED), 2)]
    assert found == [(2, 5), (2, 5)]


def take(dataset, n):
    return [batch for _, batch in zip(range(n), dataset)]


def test_equal_shapes_need_no_padding():
    options = {"types": (("int32", "int32"), ("float32",)), "shapes": (([4], [4]), ([1],))}
    (a, b), (y,) = next(iter(Examples([4, 4], 2).to_dataset(**options)))
    assert np.shape(a) == np.shape(b) == (2, 4) and np.shape(y) == (2, 1)


def test_each_example_comes_once_an_epoch_and_fit_takes_them():
    data, seen = Examples([1, 2, 3, 4, 5, 6], 2), []
    np.random.seed(0)
    dataset = data.to_dataset(**NESTED)
    for x, _ in take(dataset, 3):
        seen += [np.count_nonzero(row) for row in np.array(x["A"])]
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]
    data = Examples([1, 2, 3, 4, 5, 6], 2)
    history = model().fit(data.to_dataset(**NESTED), steps_per_epoch=3, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert data.started <= 2  # TensorFlow reads ahead


def test_a_start_that_was_given_up_is_repeated():
    started = []

    def start():
        started.append(0)
        return iter(np.random.permutation(10).tolist())

    stream = ExampleStream(start, kept=10)
    first = [x for _, x in zip(range(3), stream)]
    whole = list(stream)
    assert whole[:3] == first and sorted(whole) == list(range(10)) and len(started) == 1
    assert sorted(stream) == list(range(10)) and len(started) == 2


@pytest.mark.parametrize(
    "names, values, found",
    [
        ("x", [1], {"x": [1]}),
        (("x", "y"), (1, 2), {"x": 1, "y": 2}),
        ([("x",), ("y", "z")], [(1,), (2, 3)], ({"x": 1}, {"y": 2, "z": 3})),
        (None, (1, 2), (1, 2)),
    ],
)
def test_names_make_dicts(names, values, found):
    assert under_names(names, values) == found
