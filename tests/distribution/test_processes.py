"""Processes of one run agree on values, errors and files."""

import time

import keras
import numpy as np
import pytest

from kerasx.backend import processes
from kerasx.backend.messages import decode, encode
from tests.distribution.processes import run

BACKEND = keras.backend.backend()
several = pytest.mark.skipif(BACKEND == "tensorflow", reason="one process on TensorFlow")


def assert_all_ended_well(results):
    for code, text in results:
        assert code == 0, text


def test_one_process_does_what_it_would_without_the_others():
    assert (processes.process_index(), processes.process_count()) == (0, 1)
    assert processes.is_first_process()
    thing = object()
    assert processes.broadcast_object(thing) is thing
    assert processes.gather_objects(thing) == [thing]
    assert processes.in_first_process(lambda: thing) is thing
    assert processes.in_all_processes(lambda: thing) is thing
    processes.barrier()
    assert processes.whole_array(keras.ops.ones((2,))).tolist() == [1, 1]


class Odd(Exception):
    """An exception that only its own process knows."""

    def __init__(self, a, b):
        super().__init__(a + b)


def exchange():
    """Run in each of two processes."""
    me = processes.process_index()
    assert processes.process_count() == 2 and processes.is_first_process() == (me == 0)
    for size in (0, 1, 2**23 + 5):  # the last in several parts
        value = {"bytes": bytes([me]) * size, 0: (me, None)}
        assert processes.broadcast_object(value) == {"bytes": bytes(size), 0: (0, None)}
    assert processes.gather_objects((me, "值")) == [(0, "值"), (1, "值")]
    assert processes.in_first_process(processes.process_index) == 0
    assert processes.in_all_processes(processes.process_index) == me
    if me == 0:
        processes.broadcast_object("by the first alone", name="alone")  # hinders nothing
    for where in (0, 1):
        kind = Odd if me == where else RuntimeError
        with pytest.raises(kind, match="no good"):
            processes.in_all_processes(lambda where=where: fail(where, Odd("no ", "good")))
    for error in (KeyboardInterrupt(), ValueError("bad")):
        with pytest.raises(type(error)):
            processes.in_first_process(lambda error=error: fail(0, error))
    processes.PATIENCE = 0.5
    assert processes.in_first_process(lambda: time.sleep(1.5)) is None  # a long work is waited for
    processes.PATIENCE = 1800
    processes.barrier()
    assert len(processes._posted) == 1, processes._posted  # what all have read is removed


def fail(where, error):
    if processes.process_index() == where:
        raise error


def test_a_message_is_the_value_that_was_sent():
    array = np.arange(6, dtype="float16").reshape(2, 3)
    sent = [array, np.float32(0.5), float("nan"), -(2**70), True, {(1, "a"): [b"\0"]}]
    back = decode(encode(sent))
    assert np.array_equal(back[0], array) and back[0].dtype == array.dtype
    assert back[1] == 0.5 and isinstance(back[1], np.float32)
    assert np.isnan(back[2]) and back[3:] == sent[3:]
    assert isinstance(decode(encode(KeyboardInterrupt())), KeyboardInterrupt)
    error = decode(encode(UnicodeDecodeError("utf-8", b"x", 0, 1, "no")))
    assert type(error) is RuntimeError and "can't decode" in str(error)


def test_what_cannot_be_sent_is_refused():
    for wrong in (object(), {1, 2}, [np.array([None])]):
        with pytest.raises(ValueError, match="to be sent to another process"):
            encode(wrong)


@several
def test_two_processes_exchange_values_and_errors():
    assert_all_ended_well(run(exchange))
