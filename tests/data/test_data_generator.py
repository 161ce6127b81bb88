import numpy as np
import pytest

from kerasx.data import DataGenerator, data_generator

pytestmark = pytest.mark.backend_free


class Lengths(DataGenerator):
    """Batches of shape (1, d) for each d of the data."""

    def __iter__(self, random=False):
        for _, d in self.sample(random):
            yield [np.zeros((1, d))], [d]


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples in"):
        DataGenerator([])


def test_an_empty_iterable_is_refused_when_sampled():
    with pytest.raises(ValueError, match="no examples in"):
        list(DataGenerator(iter(())).sample())


def test_only_the_last_sample_is_marked_as_the_end():
    assert list(DataGenerator([5, 6, 7]).sample()) == [(False, 5), (False, 6), (True, 7)]
    assert list(DataGenerator([5]).sample()) == [(True, 5)]


@pytest.mark.parametrize("data", [list(range(50)), "iterable"])
def test_random_samples_are_a_permutation_by_numpys_generator(data):
    def sampled():
        np.random.seed(3)
        examples = iter(range(50)) if data == "iterable" else data
        return [d for _, d in DataGenerator(examples, buffer_size=7).sample(random=True)]

    assert sorted(sampled()) == list(range(50))
    assert sampled() != list(range(50))
    assert sampled() == sampled()


def test_length_counts_the_last_incomplete_batch():
    assert [len(DataGenerator(range(n), batch_size=4)) for n in (1, 4, 5)] == [1, 1, 2]


def test_an_iterable_has_no_length():
    with pytest.raises(TypeError, match="unknown length"):
        len(DataGenerator(iter([1])))


def test_batches_for_fit_go_on_for_ever_as_tuples_of_arrays():
    batches = Lengths([1, 2]).forfit(random=False)
    seen = [next(batches) for _ in range(5)]
    assert [y.tolist() for _, y in seen] == [[1], [2], [1], [2], [1]]
    assert all(isinstance(x, tuple) for x, _ in seen)


def test_batches_for_fit_have_the_float_type_of_keras():
    class Floats(DataGenerator):
        def __iter__(self, random=False):
            yield [np.ones((1, 2)), np.ones((1, 2), "int64")], [0.5]

    (x, ids), y = next(Floats([1]).forfit())
    assert (x.dtype, ids.dtype, y.dtype) == ("float32", "int64", "float32")


def test_the_second_batch_for_fit_has_another_shape_than_the_first_on_tensorflow(monkeypatch):
    monkeypatch.setattr(data_generator, "_keras_fixes_axes", lambda: True)
    batches = Lengths([8] * 20 + [3, 8]).forfit(random=False)
    seen = [int(next(batches)[1][0]) for _ in range(22)]
    assert seen[:3] == [8, 3, 8]
    assert sorted(seen) == [3] + [8] * 21


def test_batches_of_equal_shapes_all_come(monkeypatch):
    monkeypatch.setattr(data_generator, "_keras_fixes_axes", lambda: True)
    batches = Lengths([8] * 300).forfit()
    assert len([next(batches) for _ in range(301)]) == 301


def test_batches_stay_in_order_elsewhere(monkeypatch):
    monkeypatch.setattr(data_generator, "_keras_fixes_axes", lambda: False)
    batches = Lengths([8, 8, 3]).forfit(random=False)
    assert [int(next(batches)[1][0]) for _ in range(4)] == [8, 8, 3, 8]


def test_batches_for_test_are_the_inputs_alone():
    (inputs,) = next(Lengths([4]).fortest())
    assert inputs[0].shape == (1, 4)


def test_a_generator_must_say_how_batches_are_made():
    with pytest.raises(ValueError, match="must override __iter__"):
        next(DataGenerator([1]).forfit())
