"""The thread that owns the model, with functions in the place of a model."""

import threading
import time
from concurrent.futures import CancelledError

import pytest

from kerasx.serve.worker import QueueFull, Worker

pytestmark = pytest.mark.once


@pytest.fixture
def worker():
    worker = Worker(max_batch=4, max_wait=0.05, queue=8)
    yield worker
    worker.close()


class Recorded:
    """A function of rows that notes its batches, and waits until it may go on."""

    def __init__(self):
        self.batches, self.may_go = [], threading.Event()

    def __call__(self, settings, rows):
        self.may_go.wait(5)
        self.batches.append((settings, list(rows)))
        return [(settings, row) for row in rows]


def busy(worker):
    """Return a function that keeps the worker until it may go on."""
    blocker = Recorded()
    future = worker.submit(blocker, None, [0])
    while not future.running():
        time.sleep(0.001)
    return blocker


def test_equal_settings_are_computed_together_and_each_gets_its_own_rows(worker):
    function, blocker = Recorded(), busy(worker)
    function.may_go.set()
    jobs = [("a", [1]), ("b", [2, 3]), ("a", [4, 5]), ("a", [6, 7]), ("b", [8])]
    futures = [worker.submit(function, settings, rows) for settings, rows in jobs]
    blocker.may_go.set()
    for (settings, rows), future in zip(jobs, futures):
        assert future.result(5) == [(settings, row) for row in rows]
    assert function.batches == [("a", [1, 4, 5]), ("b", [2, 3, 8]), ("a", [6, 7])]


def test_an_incomplete_batch_waits_for_more_but_not_for_long(worker):
    function = Recorded()
    function.may_go.set()
    futures = [worker.submit(function, None, [i]) for i in range(2)]
    assert [future.result(5) for future in futures] == [[(None, 0)], [(None, 1)]]
    assert function.batches == [(None, [0, 1])]


def test_a_request_larger_than_a_batch_is_computed_alone(worker):
    function = Recorded()
    function.may_go.set()
    assert len(worker.submit(function, None, range(9)).result(5)) == 9


def test_a_full_queue_refuses_and_cancelled_requests_leave_it(worker):
    function, blocker = Recorded(), busy(worker)
    futures = [worker.submit(function, None, [i]) for i in range(8)]
    with pytest.raises(QueueFull):
        worker.submit(function, None, [8])
    assert futures[3].cancel()
    last = worker.submit(function, None, [9])
    function.may_go.set(), blocker.may_go.set()
    assert last.result(5) == [(None, 9)]
    assert 3 not in [row for _, rows in function.batches for row in rows]


def test_what_fails_together_is_tried_alone(worker):
    def inverse(settings, rows):
        return [1 / row for row in rows]

    blocker = busy(worker)
    futures = [worker.submit(inverse, None, [row]) for row in (1, 0, 2)]
    blocker.may_go.set()
    assert futures[0].result(5) == [1] and futures[2].result(5) == [0.5]
    with pytest.raises(ZeroDivisionError):
        futures[1].result(5)


def test_streams_take_turns_with_each_other_and_with_batches(worker):
    got, ends = [], [threading.Event() for _ in range(2)]

    def put(name):
        def taken(item):
            got.append((name, item))
            return item is not None or ends[name].set()

        return taken

    blocker = busy(worker)
    for name in range(2):
        worker.stream(lambda: iter(range(3)), put(name))
    job = worker.submit(lambda settings, rows: [len(got)], None, [0])
    blocker.may_go.set()
    assert all(end.wait(5) for end in ends)
    assert got == [(name, i) for i in (0, 1, 2, None) for name in range(2)]
    assert job.result(5) == [0]
    assert worker.load == (0, 0)


def test_a_cancelled_stream_stops_at_the_next_step_and_closes_its_iterator(worker):
    closed, steps = threading.Event(), []

    def endless():
        try:
            while True:
                yield len(steps)
        finally:
            closed.set()

    def put(item):
        steps.append(item)
        if len(steps) == 3:
            stream.cancel()
        return True

    blocker = busy(worker)
    stream = worker.stream(endless, put)
    blocker.may_go.set()
    assert closed.wait(5) and steps == [0, 1, 2, None]


def test_a_stream_whose_reader_takes_no_more_ends(worker):
    steps, ended = [], threading.Event()

    def endless():
        try:
            yield from iter(int, 1)
        finally:
            ended.set()

    worker.stream(endless, lambda item: steps.append(item) or len(steps) < 2)
    assert ended.wait(5) and steps == [0, 0]


def test_the_exception_of_a_stream_is_handed_to_its_reader(worker):
    got, ended = [], threading.Event()

    def failing():
        yield 1
        raise KeyError("x")

    worker.stream(failing, lambda item: got.append(item) or not ended.set())
    assert worker.submit(lambda settings, rows: rows, None, [5]).result(5) == [5]
    while len(got) < 2:
        time.sleep(0.001)
    assert got[0] == 1 and isinstance(got[1], KeyError)


def test_closing_cancels_what_waits_and_ends_streams():
    worker = Worker(max_batch=1, max_wait=0.001, queue=8)
    blocker, got = busy(worker), []
    waiting = worker.submit(blocker, None, [1])
    worker.stream(lambda: iter(range(9)), lambda item: got.append(item) or True)
    threading.Timer(0.05, blocker.may_go.set).start()
    worker.close()
    with pytest.raises(CancelledError):
        waiting.result(5)
    assert got[-1] is None and not worker.alive
    with pytest.raises(QueueFull):
        worker.submit(blocker, None, [2])
