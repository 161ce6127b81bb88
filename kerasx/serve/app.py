"""The HTTP application: routes of the server's own protocol."""

import asyncio
import base64
import hashlib
import re
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from kerasx.serve.errors import answer_errors
from kerasx.serve.guard import Guard
from kerasx.serve.openai_protocol import add_openai
from kerasx.serve.requests import ClassifyRequest, EmbedRequest, GenerateRequest
from kerasx.serve.server_limits import Invalid
from kerasx.serve.settings import settings_of
from kerasx.serve.streams import EventStream, Reader, results_of
from kerasx.serve.tasks import load, tasks_of
from kerasx.serve.worker import Worker

_PAGE = Path(__file__).parent / "chat.html"


def application(model, limits, hosts, start_id=None, name=None):
    """Make the application of a model; see `kerasx.serve.create_app`.

    Args:
        model: a folder or an `Artefact`; loaded in the thread that will own it.
        limits: `Limits`.
        hosts: host names that requests may be addressed to, or None for any.
        start_id: see `Generation`.
        name: the name of the model in OpenAI's protocol.
    """
    worker = Worker(limits.max_batch, limits.max_wait_ms / 1000, limits.queue)
    try:
        ((artefact, tasks),) = worker.submit(_load, (limits, start_id), [model]).result()
    except Exception:
        worker.close()
        raise

    @asynccontextmanager
    async def lifespan(app):
        yield
        worker.close()

    app = FastAPI(title="kerasx", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard, hosts=hosts, max_body=limits.max_body, timeout=limits.timeout)
    answer_errors(app)
    _add_pages(app, worker, _description(artefact, tasks, limits))
    for endpoint, task in tasks.items():
        _ADD[endpoint](app, worker, task, limits)
    add_openai(app, worker, tasks, limits, name)
    return app


def _load(settings, models):
    loaded = [load(model) for model in models]
    return [(artefact, tasks_of(artefact, *rest, *settings)) for artefact, *rest in loaded]


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
        prompt = await asyncio.to_thread(task.read, body, settings.max_new_tokens)

        def answer(hypotheses):
            return {"outputs": task.outputs(hypotheses), "settings": settings.public(prompt.seed)}

        if not body.stream:
            asked = worker, task, settings, [prompt], request, limits.timeout
            (hypotheses,) = await results_of(*asked)
            return JSONResponse(answer(hypotheses))
        reader = Reader(size=max(64, settings.max_new_tokens // 4))
        stream = worker.stream(lambda: task.stream(settings, [prompt]), reader.put)
        return EventStream(stream, reader, task.events(answer), limits.timeout)


def _add_classify(app, worker, task, limits):
    @app.post("/classify")
    async def classify(body: ClassifyRequest, request: Request):
        rows = await _rows(task, body.texts, limits)
        results = await results_of(worker, task, None, rows, request, limits.timeout)
        return JSONResponse({"results": results})


def _add_embed(app, worker, task, limits):
    @app.post("/embed")
    async def embed(body: EmbedRequest, request: Request):
        rows = await _rows(task, body.texts, limits)
        vectors = await results_of(worker, task, body.pooling, rows, request, limits.timeout)
        return JSONResponse({"vectors": vectors})


_ADD = {"generate": _add_generate, "classify": _add_classify, "embed": _add_embed}


async def _rows(task, texts, limits):
    """Return the token ids of texts, which a thread encodes: long ones hold nobody up."""
    if len(texts) > limits.max_batch:
        raise Invalid("texts", f"must be at most {limits.max_batch} texts")
    fields = [f"texts.{i}" for i in range(len(texts))]
    return await asyncio.to_thread(lambda: list(map(task.read, fields, texts)))
