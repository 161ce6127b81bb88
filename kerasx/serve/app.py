"""The HTTP application: routes and error answers."""

import asyncio
import base64
import hashlib
import json
import re
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from kerasx.serve.guard import Guard
from kerasx.serve.requests import ClassifyRequest, EmbedRequest, GenerateRequest
from kerasx.serve.server_limits import Invalid
from kerasx.serve.settings import settings_of
from kerasx.serve.streams import EventStream, Reader, too_late, unless_gone
from kerasx.serve.tasks import tasks_of
from kerasx.serve.worker import QueueFull, Worker

_PAGE = Path(__file__).parent / "chat.html"
_BUSY = (429, "too many requests wait already", {"retry-after": "1"})


def application(load, limits, hosts, start_id=None):
    """Make the application of a model; see `kerasx.serve.create_app`.

    Args:
        load: a function that returns the `Artefact`; called in the thread that will own the model.
        limits: `Limits`.
        hosts: host names that requests may be addressed to, or None for any.
        start_id: see `Generation`.
    """
    worker = Worker(limits.max_batch, limits.max_wait_ms / 1000, limits.queue)
    try:
        ((artefact, tasks),) = worker.submit(_load, (limits, start_id), [load]).result()
    except Exception:
        worker.close()
        raise

    @asynccontextmanager
    async def lifespan(app):
        yield
        worker.close()

    app = FastAPI(title="kerasx", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard, hosts=hosts, max_body=limits.max_body, timeout=limits.timeout)
    _answer_errors(app)
    _add_pages(app, worker, _description(artefact, tasks, limits))
    for name, task in tasks.items():
        _ADD[name](app, worker, task, limits)
    return app


def _load(settings, loads):
    artefacts = [load() for load in loads]
    return [(artefact, tasks_of(artefact, *settings)) for artefact in artefacts]


def _description(artefact, tasks, limits):
    generation = tasks.get("generate")
    bounds = limits if generation is None else generation.limits
    return {
        "model": type(artefact.builder).__name__ if artefact.builder else artefact.model.name,
        "endpoints": [f"/{name}" for name in tasks],
        "dialogue": generation is not None and generation.is_dialogue,
        "limits": {
            name: getattr(bounds, name)
            for name in ("max_new_tokens", "max_prompt", "max_alternatives", "max_batch")
        },
    }


def _add_pages(app, worker, description):
    page = _PAGE.read_text("utf-8")
    policy = {"content-security-policy": _policy(page)}

    @app.get("/", response_class=HTMLResponse)
    async def chat_page():
        return HTMLResponse(page, headers=policy)

    @app.get("/health")
    async def health():
        waiting, streams = worker.load
        status = "ok" if worker.alive else "stopped"
        body = {"status": status, **description, "waiting": waiting, "streams": streams}
        return JSONResponse(body, 200 if worker.alive else 503)


def _policy(page):
    """Return a policy that allows only the page's own style and script, and only this server."""

    def source(tag):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{source('style')}'; "
        f"script-src 'sha256-{source('script')}'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _add_generate(app, worker, task, limits):
    @app.post("/generate")
    async def generate(body: GenerateRequest, request: Request):
        settings = settings_of(body, task.limits)
        prompt = task.read(body, settings.max_new_tokens)

        def answer(hypotheses):
            return {"outputs": task.outputs(hypotheses), "settings": settings.public(prompt.seed)}

        if not body.stream:
            (hypotheses,) = await _results(worker, task, settings, [prompt], request, limits)
            return JSONResponse(answer(hypotheses))
        reader = Reader(size=max(64, settings.max_new_tokens // 4))
        stream = worker.stream(lambda: task.stream(settings, prompt), reader.put)
        return EventStream(stream, reader, task.event(answer), limits.timeout)


def _add_classify(app, worker, task, limits):
    @app.post("/classify")
    async def classify(body: ClassifyRequest, request: Request):
        rows = _rows(task, body.texts, limits)
        return JSONResponse({"results": await _results(worker, task, None, rows, request, limits)})


def _add_embed(app, worker, task, limits):
    @app.post("/embed")
    async def embed(body: EmbedRequest, request: Request):
        rows = _rows(task, body.texts, limits)
        vectors = await _results(worker, task, body.pooling, rows, request, limits)
        return JSONResponse({"vectors": vectors})


_ADD = {"generate": _add_generate, "classify": _add_classify, "embed": _add_embed}


def _rows(task, texts, limits):
    if len(texts) > limits.max_batch:
        raise Invalid("texts", f"must be at most {limits.max_batch} texts")
    return [task.read(f"texts.{i}", text) for i, text in enumerate(texts)]


class _TooLate(Exception):
    """The time is over; the argument says whether the worker had begun."""


class _Gone(Exception):
    """The client has gone."""


async def _results(worker, task, settings, rows, request, limits):
    """Return the task's results for the rows if the client waits for them."""
    future = worker.submit(task, settings, rows)
    answer = asyncio.wrap_future(future)
    try:
        results = await unless_gone(request.receive, answer, limits.timeout)
    except TimeoutError:
        raise _TooLate(not future.cancel()) from None
    if results is None:
        raise _Gone
    return results


def _answer_errors(app):
    def on(exception):
        def register(function):
            async def handler(request, error):
                return _error(*function(error))

            app.add_exception_handler(exception, handler)

        return register

    on(HTTPException)(_http_error)
    on(Invalid)(lambda e: (422, "invalid request", None, [{"field": e.field, "message": str(e)}]))
    on(RequestValidationError)(lambda e: (422, "invalid request", None, _details(e)))
    on(QueueFull)(lambda e: _BUSY)
    on(_TooLate)(lambda e: too_late(*e.args))
    on(_Gone)(lambda e: (499, "the client has gone"))


def _http_error(error):
    if error.status_code == 400:  # bytes that are no UTF-8, or brackets without end
        return 422, "the body must be JSON"
    return error.status_code, str(error.detail), error.headers


def _details(error):
    """Return which fields are wrong and why, without the values sent or the server's types."""
    return [
        {"field": ".".join(map(str, e["loc"][1:])) or "body", "message": e["msg"]}
        for e in error.errors()[:8]
    ]


def _error(status, message, headers=None, details=None):
    body = {"error": message} if details is None else {"error": message, "details": details}
    text = json.dumps(body)  # ASCII: a name in the request may be no valid text
    return Response(text, status, dict(headers or {}), "application/json")
