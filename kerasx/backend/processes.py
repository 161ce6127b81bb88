"""Let the processes of one training run agree: which is the first, and what its values are.

The processes exchange small messages through the key-value store that torch.distributed or
jax.distributed keeps for the run, not through the devices. So a message cannot be mixed up with the
sums of a training step, needs no compilation, and waiting for it has an end and can be interrupted.

With one process, and on TensorFlow, all functions are the identity.
"""

import atexit
import contextlib
import logging
import os
import sys
import time
import weakref
from collections import Counter

import keras
import numpy as np

from kerasx.backend.messages import decode, encode
from kerasx.files.temporaries import is_known_dead, this_process

PATIENCE = 1800  # seconds to wait for another process
_LONGEST_PAUSE = 0.02  # seconds between two looks
_PART = 2**22  # bytes: torch's store takes at most 8 MiB under a key
_calls, _calls_of = Counter(), None  # how often each name was used, and in which run
_is_hidden = False  # whether a process group is open, and no context uses it
_posted = []  # keys of this process that the others may not have read yet


def process_index():
    """Return the number of this process among those of the run, from 0."""
    return _place()[0]


def process_count():
    """Return the number of processes: of torch.distributed, or of jax.distributed, once started."""
    return _place()[1]


def is_first_process():
    """Return whether this is the process that writes the files and prints.

    >>> is_first_process(), process_count()
    (True, 1)
    """
    return process_index() == 0


def hide_processes(hidden):
    """Let this process count as the only one, though a process group of PyTorch is open."""
    global _is_hidden
    _is_hidden = hidden


def broadcast_object(value, name="value"):
    """Return the value of the first process in all processes.

    The first process does not wait. All must make the calls of one name in the same order.

    Args:
        value: made of None, numbers, strings, bytes, NumPy arrays, lists, tuples and dicts;
            those of the other processes are not used.
        name: str that tells apart the calls of different places.

    Raises:
        TimeoutError: the first process gave no value within half an hour.
    """
    if process_count() == 1:
        return value
    key = _next_key(name)
    if is_first_process():
        _post(key, value)
        return value
    return _wait_for(key, 0)


def gather_objects(value, name="value"):
    """Return a list of the values of all processes, in their order.

    Args:
        value, name: as in `broadcast_object`.

    Raises:
        TimeoutError: another process gave no value within half an hour.

    >>> gather_objects("a")
    ['a']
    """
    count = process_count()
    if count == 1:
        return [value]
    key, before = _next_key(name), list(_posted)
    me = process_index()
    _post(f"{key}/{me}", value)
    values = [value if i == me else _wait_for(f"{key}/{i}", i) for i in range(count)]
    for old in before:  # the others have read them: they are as far as here
        _posted.remove(old)
        _store().remove(old)
    return values


def barrier(name="barrier"):
    """Wait until all processes have come here."""
    gather_objects(None, name)


def in_first_process(function, name="call"):
    """Call a function in the first process only, and return its value in all.

    An error that it raises is raised in all. The others wait as long as the first one works.

    Args:
        function: without arguments; its value as in `broadcast_object`.
        name: as in `broadcast_object`.

    Raises:
        TimeoutError: the first process did not begin within half an hour.

    >>> in_first_process(lambda: 3)
    3
    """
    if process_count() == 1:
        return function()
    key = _next_key(name)
    if not is_first_process():
        _wait_for(f"{key}/begun", 0)
        return _opened([_wait_for(key, 0, works=True)])
    _post(f"{key}/begun", None)
    with _undistributed():
        outcome = _outcome(function)
    _post(key, outcome)
    return _opened([outcome])


def in_all_processes(function, name="call"):
    """Call a function in all processes and return its value, in each its own.

    If the function raises an error in some of them, it is raised in all, instead of leaving the
    others to wait.

    Args:
        function: without arguments; its value need not be sent.
        name: as in `broadcast_object`.
    """
    if process_count() == 1:
        return function()
    value, error = _outcome(function)
    _opened(gather_objects((None, error), name))
    return value


def in_any_process(value, name="any"):
    """Return whether a condition holds in one of the processes."""
    return any(gather_objects(bool(value), name))


def write_in_first_process(path, write, variables=()):
    """Let the first process write a file or folder; the others return when it is there.

    All must call it with the same path. If only the first does, it does not wait for the others,
    unless parts of the variables lie in them.

    Args:
        path: of the file or folder.
        write: function without arguments that writes it.
        variables: Keras variables that it reads.
    """
    with whole_variables(variables):
        in_first_process(write, f"write {os.fspath(path)}")


def whole_array(x):
    """Return an array or variable as NumPy array, gathered if its parts lie in several processes.

    Then, which is only on JAX, all processes must call it.
    """
    if _is_spread(x):
        from jax.experimental import multihost_utils

        return multihost_utils.process_allgather(keras.ops.convert_to_tensor(x), tiled=True)
    return np.asarray(keras.ops.convert_to_numpy(x))


@contextlib.contextmanager
def whole_variables(variables):
    """Let the first process read variables whose parts lie in several processes, in this block.

    All processes must enter it. The values lie in the memory of the host.
    """
    spread = [v for v in variables if _is_spread(v)]
    if not spread:
        yield
        return
    import jax

    values = []
    for variable in spread:  # one after another: each is whole on every device for a moment
        value = whole_array(variable)
        if is_first_process():
            values.append((variable, value))
    with jax.default_device(jax.local_devices(backend="cpu")[0]), keras.StatelessScope(values):
        yield


def _is_spread(x):
    """Return whether no single process has all of an array or variable."""
    if process_count() == 1 or keras.backend.backend() != "jax":
        return False
    x = keras.ops.convert_to_tensor(x)
    return not (x.is_fully_addressable or x.is_fully_replicated)


def _place():
    """Return (number of this process, number of processes)."""
    backend = keras.backend.backend()
    if backend == "torch":
        from torch import distributed

        if not _is_hidden and distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
    elif backend == "jax":
        import jax

        if jax.distributed.is_initialized():  # otherwise asking would start the devices
            return jax.process_index(), jax.process_count()
    return 0, 1


@contextlib.contextmanager
def _undistributed():
    """Leave the distribution of JAX in this block: a variable made in it waits for all processes.

    Keras makes one where a model is saved, to compare an optimizer with.
    """
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _outcome(function):
    """Return (value, None) of a call, or (None, error)."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001 - `_opened` raises it, in all processes
        return None, error


def _opened(outcomes):
    """Return the value of the first outcome, or raise the first error."""
    for _, error in outcomes:
        if error is not None:
            raise error
    return outcomes[0][0]


def _next_key(name):
    """Return the key of this call: the name, and how often it was used since the run began."""
    global _calls_of
    if _store().run != _calls_of:
        if _calls_of is None:
            atexit.register(_leave)
        _calls.clear()
        _posted.clear()
        _calls_of = _store().run
        _store().write(f"kerasx/process/{process_index()}", this_process().encode())
    _calls[name] += 1
    return f"kerasx/{name}/{_calls[name]}"


def _post(key, value):
    """Write a value under a key; one of several parts under further keys, before the key itself."""
    content = encode(value)
    parts = [content[i : i + _PART] for i in range(0, len(content), _PART)]
    for i, part in reversed([*enumerate(parts)]):
        name = f"{key}:{i}" if i else key
        _store().write(name, len(parts).to_bytes(4) + part)
        _posted.append(name)


def _wait_for(key, process, works=False):
    """Return the value at a key that a process posts, however late if it is known to work on it."""
    store, begin, looked, pause = _store(), time.monotonic(), 0, 0.0002
    while (first := store.read(key)) is None:
        waited = time.monotonic() - begin
        if waited > PATIENCE and not works:
            raise TimeoutError(
                f"process {process_index()} has waited {PATIENCE} seconds for process {process} "
                f"({key}): all processes of a run must make the same calls in the same order."
            )
        if waited > looked + 0.5:
            looked = waited
            if _has_ended(process) and store.read(key) is None:
                raise RuntimeError(
                    f"process {process} has ended, for which process {process_index()} waits "
                    f"({key}): what it printed last says why."
                )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    parts = int.from_bytes(first[:4])
    content = [first, *(store.read(f"{key}:{i}") for i in range(1, parts))]
    return decode(b"".join(part[4:] for part in content))


def _has_ended(process):
    store = _store()
    name = store.read(f"kerasx/process/{process}")
    dead = name is not None and is_known_dead(name.decode())
    return dead or store.read(f"kerasx/ended/{process}") is not None


def _leave():
    """Tell the others, when this process ends, that they need not wait for it.

    After an error jax.distributed would wait for them, up to five minutes, while they wait for the
    next step of this process. So it ends at once, and the connection to it breaks.
    """
    if process_count() == 1:
        return
    with contextlib.suppress(RuntimeError):  # the process that keeps the store has ended
        _store().write(f"kerasx/ended/{process_index()}", b"")
    failed = getattr(sys, "last_value", None) is not None
    if failed and keras.backend.backend() == "jax":
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _store():
    return _TorchStore() if keras.backend.backend() == "torch" else _JaxStore()


class _TorchStore:
    """The store of torch.distributed's group of all processes."""

    def __init__(self):
        from torch import distributed

        self.run = weakref.ref(distributed.group.WORLD)
        self.store = distributed.group.WORLD.get_group_store()

    def write(self, key, content):
        self.store.set(key, content)

    def read(self, key):
        return self.store.get(key) if self.store.check([key]) else None

    def remove(self, key):
        self.store.delete_key(key)


class _JaxStore:
    """The store of jax.distributed: its public way, multihost_utils, is through the devices."""

    def __init__(self):
        from jax._src import distributed

        self.client = distributed.global_state.client
        self.run = id(self.client)

    def write(self, key, content):
        self.client.key_value_set_bytes(key, content)

    def read(self, key):
        from jax.errors import JaxRuntimeError

        try:
            return self.client.key_value_try_get_bytes(key)
        except JaxRuntimeError as error:
            if "NOT_FOUND" not in str(error):
                raise
            return None

    def remove(self, key):
        self.client.key_value_delete(key)
