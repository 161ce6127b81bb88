"""Configure uvicorn: few connections, each with a time limit for the head of a request."""

from uvicorn.protocols.http.h11_impl import H11Protocol

from kerasx.serve.streams import PATIENCE


def server_options(limits):
    """Return the arguments of `uvicorn.run` under `Limits`, as a dict."""
    return {
        "http": _hasty(min(limits.timeout, PATIENCE)),
        "ws": "none",
        # connections beyond those that may wait or are served are refused, not held
        "limit_concurrency": 2 * (limits.queue + limits.max_batch) + 16,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
    }


def _hasty(seconds):
    """Return a protocol that closes connections without a whole head of a request in that time.

    uvicorn waits for it without end, and counts the connection as one that it serves.
    """

    class Hasty(H11Protocol):
        timer = None

        def connection_made(self, transport):
            super().connection_made(transport)
            self._wait()

        def on_response_complete(self):
            self._wait()
            super().on_response_complete()  # may begin to answer the next request

        def connection_lost(self, exc):
            self.timer.cancel()
            super().connection_lost(exc)

        def _wait(self):
            if self.timer is not None:
                self.timer.cancel()
            self.timer = self.loop.call_later(seconds, self._close_if_idle)

        def _close_if_idle(self):
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return Hasty
