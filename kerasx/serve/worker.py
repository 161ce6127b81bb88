"""One thread that owns the model: a bounded queue, requests in batches, streams step by step."""

import threading
import time
from concurrent.futures import Future


class QueueFull(RuntimeError):
    """The error of a request that comes when too many wait."""


class _Job:
    """Rows for `function(settings, rows)`, which returns a result for each."""

    def __init__(self, function, settings, rows):
        self.function, self.settings, self.rows = function, settings, rows
        self.future = Future()

    def cancel(self):
        return self.future.cancel()

    @property
    def cancelled(self):
        return self.future.cancelled()

    def joins(self, other):
        return (self.function, self.settings) == (other.function, other.settings)


class Stream:
    """A generation that the worker advances one step at a time.

    Args:
        iterate: called once, in the worker's thread: an iterator of items.
        put: called in the worker's thread with each item, with the exception that ended the
            iteration, or with None at its end. It returns whether to go on.

    Attributes:
        started: whether the worker has begun it.
        ended: whether the worker is done with it.
        cancelled: whether `cancel` was called.
    """

    def __init__(self, iterate, put):
        self._iterate, self._put, self._iterator = iterate, put, None
        self.started = self.ended = self.cancelled = False

    def cancel(self):
        """Stop at the next step."""
        self.cancelled = True

    def advance(self):
        """Take one step; return whether there is another."""
        self.started = True
        self.ended = not self._step()
        if self.ended and hasattr(self._iterator, "close"):
            self._iterator.close()
        return not self.ended

    def _step(self):
        if self.cancelled:
            self._put(None)
            return False
        try:
            if self._iterator is None:
                self._iterator = iter(self._iterate())
            item = next(self._iterator, None)
        except Exception as error:  # noqa: BLE001 - raised where the stream is read
            item = error
        return self._put(item) and item is not None and not isinstance(item, Exception)


class Worker:
    """A thread that runs functions, requests in batches and streams in turns.

    Rows of requests with the same function and settings that come within `max_wait` of each other
    are computed together. Streams take turns with each other and with the batches, so that none
    waits for another's end.

    Args:
        max_batch: number of rows computed at once, and of streams under way.
        max_wait: seconds that an incomplete batch waits for more.
        queue: number of requests that may wait.

    >>> worker = Worker(max_batch=4, max_wait=0.001, queue=8)
    >>> worker.submit(lambda settings, rows: [settings * row for row in rows], 2, [1, 5]).result()
    [2, 10]
    >>> worker.close()
    """

    def __init__(self, max_batch, max_wait, queue):
        self.max_batch, self.max_wait, self.queue = max_batch, max_wait, queue
        self._waiting, self._streams, self._closed = [], [], False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="kerasx-serve", daemon=True)
        self._thread.start()

    @property
    def alive(self):
        """Return whether the thread runs."""
        return self._thread.is_alive()

    @property
    def load(self):
        """Return (number of waiting requests, number of running streams)."""
        return len(self._waiting), len(self._streams)

    def submit(self, function, settings, rows):
        """Return a `Future` of `function(settings, rows)`, a list with a result for each row.

        The function is called with the rows of several requests at once if these have an equal
        function and equal settings. Cancelling the future takes the rows out of the queue.

        Raises:
            QueueFull: too many requests wait.
        """
        job = _Job(function, settings, list(rows))
        self._enqueue(job)
        return job.future

    def stream(self, iterate, put):
        """Return a `Stream` that the worker advances until its end.

        Raises:
            QueueFull: too many requests wait.
        """
        stream = Stream(iterate, put)
        self._enqueue(stream)
        return stream

    def close(self):
        """Finish the present step, cancel everything else and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _enqueue(self, job):
        with self._changed:
            self._waiting = [job for job in self._waiting if not job.cancelled]
            if self._closed or len(self._waiting) >= self.queue:
                raise QueueFull(f"{len(self._waiting)} requests wait already")
            self._waiting.append(job)
            self._changed.notify_all()

    def _run(self):
        while not self._closed:
            batch = self._next_batch()
            if batch:
                _compute(batch)
            self._streams = [stream for stream in self._streams if stream.advance()]
        for job in (*self._waiting, *self._streams):
            job.cancel()
            if isinstance(job, Stream):
                job.advance()

    def _next_batch(self):
        """Return jobs to compute together; [] if there are only streams."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting or self._streams)
            self._start_streams()
            first = next((job for job in self._waiting if isinstance(job, _Job)), None)
            if first is None or self._closed:
                return []
            if not self._streams:
                self._await_companions(first)
            return self._take(first)

    def _start_streams(self):
        for job in [job for job in self._waiting if isinstance(job, Stream)]:
            if len(self._streams) < self.max_batch:
                self._waiting.remove(job)
                self._streams.append(job)

    def _await_companions(self, first):
        until = time.monotonic() + self.max_wait
        while not self._closed and self._rows_like(first) < self.max_batch:
            if not self._changed.wait(until - time.monotonic()):
                break

    def _rows_like(self, first):
        jobs = (job for job in self._waiting if isinstance(job, _Job) and job.joins(first))
        return sum(len(job.rows) for job in jobs)

    def _take(self, first):
        """Return `first` and the jobs that join it, up to a full batch."""
        batch, room = [], self.max_batch
        for job in list(self._waiting):
            if isinstance(job, _Job) and job.joins(first):
                if batch and len(job.rows) > room:
                    break
                self._waiting.remove(job)
                if job.future.set_running_or_notify_cancel():
                    batch.append(job)
                    room -= len(job.rows)
        return batch


def _compute(batch):
    """Compute jobs together and give each its results; if that fails, compute each alone."""
    first = batch[0]
    try:
        results = first.function(first.settings, [row for job in batch for row in job.rows])
        results = iter(results)
        parts = [[next(results) for _ in job.rows] for job in batch]
    except Exception as error:  # noqa: BLE001 - raised where the result is awaited
        if len(batch) == 1:
            first.future.set_exception(error)
        else:
            for job in batch:
                _compute([job])
        return
    for job, part in zip(batch, parts, strict=True):
        job.future.set_result(part)
