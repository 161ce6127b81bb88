"""Errors as answers, in the form that the client of a path knows."""

import json

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from kerasx.serve.error_form import error_body, status_of
from kerasx.serve.server_limits import Invalid
from kerasx.serve.streams import Gone, TooLate, too_late
from kerasx.serve.worker import QueueFull

_BUSY = (429, "too many requests wait already", {"retry-after": "1"})


def answer_errors(app):
    """Let an application answer the exceptions of its routes."""

    def on(exception):
        def register(function):
            async def handler(request, error):
                return _answer(request.scope["path"], *function(error))

            app.add_exception_handler(exception, handler)

        return register

    on(HTTPException)(_http_error)
    on(Invalid)(lambda e: (422, "invalid request", None, [{"field": e.field, "message": str(e)}]))
    on(RequestValidationError)(lambda e: (422, "invalid request", None, _details(e)))
    on(QueueFull)(lambda e: _BUSY)
    on(TooLate)(lambda e: too_late(*e.args))
    on(Gone)(lambda e: (499, "the client has gone"))


def _http_error(error):
    if error.status_code == 400:  # bytes that are no UTF-8, or brackets without end
        return 422, "the body must be JSON"
    return error.status_code, str(error.detail), error.headers


def _details(error):
    """Return which fields are wrong and why, without the values sent or the server's types."""
    return [
        {"field": ".".join(map(str, e["loc"][1:])) or "body", "message": _plain(e["msg"])}
        for e in error.errors()[:8]
    ]


def _plain(message):
    return message.removeprefix("Value error, ")  # pydantic's, before a message of ours


def _answer(path, status, message, headers=None, details=None):
    body = error_body(path, status, message, **({} if details is None else {"details": details}))
    # ASCII: a name in the request may be no valid text
    text, status = json.dumps(body), status_of(path, status)
    return Response(text, status, dict(headers or {}), "application/json")
