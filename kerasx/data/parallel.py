"""Apply a function to the items of an iterable with several processes or threads."""

import multiprocessing
import sys
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait

import numpy as np

from kerasx.checks import invalid


def parallel_apply_generator(
    func, iterable, workers, max_queue_size, dummy=False, random_seeds=True
):
    """Yield `(i, func(item))` for the items of an iterable, as soon as each is done.

    At most `max_queue_size` items are taken ahead of the results, so the iterable may be endless.
    An exception in `func` is raised in the caller. Processes need a `func` and items that pickle.
    If a backend is loaded, whose threads may make a forked process hang, the processes are spawned
    instead of forked; the script's work must then stand under `if __name__ == "__main__":`.

    Args:
        func: function of one item.
        iterable: the items.
        workers: number of processes or threads.
        max_queue_size: number of items that are processed or wait at a time.
        dummy: use threads instead of processes.
        random_seeds: seeds of NumPy's global generator, one for each process (threads, which
            share it, are not seeded): a list of ints, `True` for seeds from the operating system,
            `None` or `False` for none.

    >>> sorted(parallel_apply_generator(len, ["a", "bc"], workers=2, max_queue_size=4, dummy=True))
    [(0, 1), (1, 2)]
    """
    if workers < 1 or max_queue_size < 1:
        raise invalid(
            "`workers` and `max_queue_size` must be at least 1.",
            workers=workers,
            max_queue_size=max_queue_size,
        )
    pool = ThreadPoolExecutor(workers) if dummy else _processes(workers, random_seeds)
    pending = {}
    try:
        for i, item in enumerate(iterable):
            pending[pool.submit(func, item)] = i
            if len(pending) >= max_queue_size:
                yield from _done(pending)
        while pending:
            yield from _done(pending)
    finally:  # even if func raises or the caller stops early
        pool.shutdown(cancel_futures=True)


def parallel_apply(
    func,
    iterable,
    workers,
    max_queue_size,
    callback=None,
    dummy=False,
    random_seeds=True,
    unordered=True,
):
    """Return `func(item)` for each item, computed by several processes or threads.

    Args:
        func, iterable, workers, max_queue_size, dummy, random_seeds: see
            `parallel_apply_generator`.
        callback: function called in this process with each result as soon as it is done.
        unordered: return results in the order in which they were done; if `False`, in the order
            of the items.

    Returns:
        List of results; `None` if there is a callback.

    >>> parallel_apply(len, ["a", "bc"], 2, 4, dummy=True, unordered=False)
    [1, 2]
    """
    results = parallel_apply_generator(func, iterable, workers, max_queue_size, dummy, random_seeds)
    if callback is not None:
        for _, result in results:
            callback(result)
        return None
    if not unordered:
        results = sorted(results, key=lambda pair: pair[0])
    return [result for _, result in results]


def _done(pending):
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        yield pending.pop(future), future.result()


def apply_in_order(func, iterable, pool, max_queue_size):
    """Yield `func(item)` for the items of an iterable, in their order.

    Args:
        func: function of one item; with a pool of processes it must pickle, as must the items.
        iterable: the items, of which at most `max_queue_size` are taken ahead of the results.
        pool: an executor, see `process_pool`; None computes each result when it is asked for.

    >>> list(apply_in_order(len, ["a", "bc"], None, 4))
    [1, 2]
    """
    if pool is None:
        yield from map(func, iterable)
        return
    pending = deque()
    for item in iterable:
        pending.append(pool.submit(func, item))
        if len(pending) >= max_queue_size:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def process_pool(workers, initializer=None, arguments=()):
    """Return an executor of processes, each of which first calls `initializer(*arguments)`.

    They are spawned if a backend is loaded, whose threads may make a forked process hang.
    """
    return ProcessPoolExecutor(workers, _context(), initializer, arguments)


def _context():
    threaded = {"tensorflow", "jax", "torch"} & sys.modules.keys()
    return multiprocessing.get_context("spawn" if threaded else None)


def _processes(workers, random_seeds):
    seeds = _context().SimpleQueue()
    for seed in [None] * workers if random_seeds is True else random_seeds or []:
        seeds.put(seed)
    return process_pool(workers, _seed, (seeds,))


def _seed(seeds):
    if not seeds.empty():
        np.random.seed(seeds.get())
