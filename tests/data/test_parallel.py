import itertools

import numpy as np
import pytest

from kerasx.data.parallel import parallel_apply, parallel_apply_generator

pytestmark = pytest.mark.backend_free


def square(x):
    return x * x


def fail_at_three(x):
    if x == 3:
        raise KeyError("three")
    return x


def draw(_):
    return int(np.random.randint(10**6))


@pytest.mark.parametrize("dummy", [True, False])
def test_every_item_is_applied_once(dummy):
    results = parallel_apply(square, range(20), workers=2, max_queue_size=5, dummy=dummy)
    assert sorted(results) == [i * i for i in range(20)]


def test_nothing_gives_nothing():
    assert parallel_apply(square, [], 2, 5, dummy=True) == []


def test_results_can_keep_the_order_of_the_items():
    results = parallel_apply(square, range(20), 4, 5, dummy=True, unordered=False)
    assert results == [i * i for i in range(20)]


def test_results_go_to_the_callback():
    seen = []
    assert parallel_apply(square, range(5), 2, 5, callback=seen.append, dummy=True) is None
    assert sorted(seen) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("dummy", [True, False])
def test_an_exception_reaches_the_caller(dummy):
    with pytest.raises(KeyError, match="three"):
        parallel_apply(fail_at_three, range(6), workers=2, max_queue_size=2, dummy=dummy)


def test_an_endless_iterable_is_taken_as_needed():
    taken = itertools.count()
    generator = parallel_apply_generator(square, taken, 2, 4, dummy=True)
    for _ in range(6):
        next(generator)
    generator.close()
    assert next(taken) <= 6 + 4


def test_processes_are_seeded():
    draws = [
        parallel_apply(draw, range(1), workers=1, max_queue_size=1, random_seeds=[7])
        for _ in range(2)
    ]
    assert draws[0] == draws[1] == [int(np.random.RandomState(7).randint(10**6))]


def test_threads_leave_the_global_generator_alone():
    before = np.random.get_state()[1].tolist()
    parallel_apply(square, range(4), 2, 2, dummy=True, random_seeds=[1, 2])
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("workers, max_queue_size", [(0, 1), (1, 0)])
def test_counts_below_one_are_refused(workers, max_queue_size):
    with pytest.raises(ValueError, match="at least 1"):
        parallel_apply(square, [1], workers, max_queue_size)
