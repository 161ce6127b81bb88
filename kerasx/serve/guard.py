"""Guard the application: sizes, hosts, origins, headers, and errors that nobody handles."""

import asyncio
import json
import logging
import re
import uuid

from kerasx.serve.error_form import error_body

logger = logging.getLogger("kerasx.serve")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_HOST = re.compile(r"(\[(?P<v6>[0-9a-f.]*:[0-9a-f:.]*)\]|(?P<name>[^\[\]:]*))(:[0-9]*)?")


class Guard:
    """ASGI middleware that refuses bad requests before the application sees them.

    A foreign Host or Origin is answered 403. So pages of other sites cannot call a server on the
    reader's own machine, not even through a host name that resolves to it. A body that is too large
    is answered 413, without being read if its length is announced; a body that does not arrive
    within `timeout` seconds 408; a content type other than JSON 415. Any other error is answered
    500 with an id, under which the log has the details.

    Args:
        app: the application.
        hosts: host names that requests may be addressed to, or None for any.
        max_body: number of bytes of a body at most.
        timeout: seconds in which a body must arrive.
    """

    def __init__(self, app, hosts, max_body, timeout):
        self.app, self.max_body, self.timeout = app, max_body, timeout
        self.hosts = None if hosts is None else {_bare(host) for host in hosts}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        sender, path = _Sender(send), scope["path"]
        try:
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            self._check(scope["method"], headers)
            body = await self._body(receive, headers)
            await self.app(scope, _replay(body, receive), sender)
        except _Refused as refused:
            await send_error(sender, path, *refused.args)
        except Exception:
            identity = uuid.uuid4().hex
            logger.exception("request %s failed: %s %s", identity, scope["method"], path)
            if not sender.started:
                await send_error(sender, path, 500, "internal error", id=identity)

    def _check(self, method, headers):
        host = headers.get(b"host", "")
        if self.hosts is not None and _bare(host) not in self.hosts:
            raise _Refused(403, "this server does not go by that name; see --allow-host")
        if b"origin" in headers and headers[b"origin"].partition("://")[2] != host:
            raise _Refused(403, "only pages of this server may call it")
        length = headers.get(b"content-length", "")[:18]  # enough digits to be too large
        self._check_size(int(length) if length.isascii() and length.isdigit() else 0)
        kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind != "application/json":
            raise _Refused(415, "the content type must be application/json")

    def _check_size(self, size):
        if size > self.max_body:
            raise _Refused(413, f"the body must have at most {self.max_body} bytes")

    async def _body(self, receive, headers):
        """Return the whole body; b"" without waiting if no body is announced."""
        body, more = b"", b"content-length" in headers or b"transfer-encoding" in headers
        try:
            async with asyncio.timeout(self.timeout):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400, "the body ended early")
                    body, more = body + message.get("body", b""), message.get("more_body", False)
                    self._check_size(len(body))
        except TimeoutError:
            raise _Refused(408, f"the body must come within {self.timeout} seconds") from None
        return body


class _Refused(Exception):
    """A refused request: (status, message) of its answer."""


class _Sender:
    """A `send` that adds the headers of every answer and notes whether an answer has begun."""

    def __init__(self, send):
        self._send, self.started = send, False

    async def __call__(self, message):
        if message["type"] == "http.response.start":
            self.started = True
            given = {name for name, _ in message.get("headers", ())}
            missing = [header for header in _HEADERS if header[0] not in given]
            message = {**message, "headers": [*message.get("headers", ()), *missing]}
        await self._send(message)


async def send_error(send, path, status, message, headers=None, **details):
    """Answer with an error, in the form of the path."""
    body = json.dumps(error_body(path, status, message, **details)).encode()
    given = {"content-type": "application/json", "content-length": str(len(body))}
    if status in (408, 413):
        given["connection"] = "close"  # the rest of the body is not read
    start = [(k.encode(), v.encode()) for k, v in {**given, **(headers or {})}.items()]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def _replay(body, receive):
    """Return a `receive` that begins with the body, which was read already."""
    given = False

    async def replayed():
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _bare(host):
    """Return a host name without port and brackets, in lower case; what is none stays as it is.

    >>> _bare("LocalHost:8000"), _bare("[::1]:8000"), _bare("::1"), _bare("[::1]evil.com")
    ('localhost', '::1', '::1', '[::1]evil.com')
    """
    host = host.strip().lower()
    found = _HOST.fullmatch(host)
    return found["v6"] or found["name"] if found else host
