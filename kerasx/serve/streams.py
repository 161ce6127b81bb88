"""Send server-sent events, and give up answers whose reader is slow or gone."""

import asyncio
import json

from starlette.responses import Response

from kerasx.serve.guard import send_error

PATIENCE = 10.0
LAST = "[DONE]"  # the last event in OpenAI's protocol


class TooLate(Exception):
    """The time is over; the argument says whether the worker had begun."""


class Gone(Exception):
    """The client has gone."""


class Reader:
    """A bounded buffer between a worker's stream and the event loop.

    Made in the event loop; `put` is called in the worker's thread.

    Args:
        size: number of unread items at most; one more ends the stream.

    Attributes:
        overrun: whether the reader was too slow.
    """

    def __init__(self, size):
        self.size, self.overrun = size, False
        self._given = self._taken = 0  # each written by one thread only
        self._loop, self._items = asyncio.get_running_loop(), asyncio.Queue()

    def put(self, item):
        """Take an item; return whether the stream is to go on."""
        self.overrun = self._given - self._taken >= self.size
        self._given += 1
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        return not self.overrun

    async def get(self):
        """Return the next item; None at the end."""
        item = await self._items.get()
        self._taken += 1
        if isinstance(item, Exception):
            raise item
        return item


class EventStream(Response):
    """An HTTP answer that sends what comes of each item of a stream as `data: ...` at once.

    The stream is cancelled as soon as the client is gone, has not read for `PATIENCE` seconds, has
    left `reader.size` items unread, or takes longer than `timeout` seconds in all. A connection
    whose answer has begun is then closed before its end.

    Args:
        stream: the worker's `Stream`.
        reader: its `Reader`.
        events: a function from an item to a list of events: dicts, or str to be sent as they are.
            The answer ends after the event `LAST`.
        timeout: seconds.
    """

    def __init__(self, stream, reader, events, timeout):
        self.status_code, self.media_type, self.background = 200, "text/event-stream", None
        self.init_headers()
        self.stream, self.reader, self.events = stream, reader, events
        self.timeout, self._begun = timeout, False

    async def __call__(self, scope, receive, send):
        try:
            await unless_gone(receive, self._send(send), self.timeout)
        except TimeoutError:
            if not self._begun:
                await send_error(send, scope["path"], *too_late(self.stream.started))
        finally:
            self.stream.cancel()

    async def _send(self, send):
        last = None
        while last != LAST and (item := await self.reader.get()) is not None:
            if self.reader.overrun:
                return
            for last in self.events(item):
                await self._send_event(send, last)
        if not self._begun:
            raise TimeoutError  # the server shuts down
        await _send_soon(send, {"type": "http.response.body", "body": b""})

    async def _send_event(self, send, event):
        if not self._begun:
            self._begun = True
            start = {"status": self.status_code, "headers": self.raw_headers}
            await _send_soon(send, {"type": "http.response.start", **start})
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        data = b"data: " + text.encode("utf-8", "replace") + b"\n\n"
        body = {"body": data, "more_body": True}
        await _send_soon(send, {"type": "http.response.body", **body})


async def _send_soon(send, message):
    async with asyncio.timeout(PATIENCE):
        await send(message)


def too_late(started):
    """Return (status, message, headers) for a request that was not answered in time."""
    if started:
        return 504, "the answer took too long"
    return 503, "the server is too busy", {"retry-after": "1"}


async def results_of(worker, task, settings, rows, request, timeout):
    """Return the task's results for the rows if the client waits for them.

    Raises:
        QueueFull, TooLate, Gone: there are none.
    """
    future = worker.submit(task, settings, rows)
    answer = asyncio.wrap_future(future)
    try:
        results = await unless_gone(request.receive, answer, timeout)
    except TimeoutError:
        raise TooLate(not future.cancel()) from None
    if results is None:
        raise Gone
    return results


async def unless_gone(receive, answer, timeout):
    """Return the result of `answer`, or None if the client goes first; then cancel the answer.

    Args:
        receive: of ASGI, after the body is read.
        answer: an awaitable.
        timeout: seconds to wait.

    Raises:
        TimeoutError: after that time.
    """
    tasks = answer, gone = asyncio.ensure_future(answer), asyncio.ensure_future(_gone(receive))
    try:
        done, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise TimeoutError
        return answer.result() if answer in done else None
    finally:
        for task in tasks:
            task.cancel()


async def _gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass
