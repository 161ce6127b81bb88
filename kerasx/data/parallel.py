"""Apply a function to many things with several processes or threads."""

import multiprocessing
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait

import numpy as np


def parallel_apply_generator(
    func, iterable, workers, max_queue_size, dummy=False, random_seeds=True
):
    """Yield `(i, func(item))` for the items of an iterable, as soon as each is done.

    At most `max_queue_size` items are taken ahead of the results, so the iterable may be endless.
    An exception in `func` is raised here. With processes, `func` and the items must pickle;
    where a backend that runs threads is loaded the processes are started afresh instead of
    forked (a fork may hang), which needs the script's work under `if __name__ == "__main__":`.

    Args:
        func: function of one item.
        iterable: the items.
        workers: number of processes or threads.
        max_queue_size: how many items may be under way.
        dummy: threads instead of processes.
        random_seeds: seeds for NumPy's global generator, one per process (not for threads, which
            share it): a list of ints, `True` for seeds of the system, `None` or `False` for none.

    >>> sorted(parallel_apply_generator(len, ["a", "bc"], workers=2, max_queue_size=4, dummy=True))
    [(0, 1), (1, 2)]
    """
    if workers < 1 or max_queue_size < 1:
        raise ValueError(
            "`workers` and `max_queue_size` must be at least 1. "
            f"Received: workers={workers}, max_queue_size={max_queue_size}"
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
    finally:  # also when func raises, or the caller stops early
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
    """`func` of each item of an iterable, computed by several processes or threads.

    Args:
        func, iterable, workers, max_queue_size, dummy, random_seeds: see
            `parallel_apply_generator`.
        callback: called here with each result, as soon as it is there.
        unordered: results in the order they were done; `False` in the order of the items.

    Returns:
        List of results; `None` with a callback.

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


def _processes(workers, random_seeds):
    threaded = {"tensorflow", "jax", "torch"} & sys.modules.keys()
    context = multiprocessing.get_context("spawn" if threaded else None)
    seeds = context.SimpleQueue()
    for seed in [None] * workers if random_seeds is True else random_seeds or []:
        seeds.put(seed)
    return ProcessPoolExecutor(workers, context, _seed, (seeds,))


def _seed(seeds):
    if not seeds.empty():
        np.random.seed(seeds.get())
