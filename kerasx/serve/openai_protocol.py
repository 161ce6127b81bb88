"""OpenAI's protocol: chat completions, completions, embeddings and models, for its clients."""

import asyncio
import base64
import secrets
import time

import numpy as np
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kerasx.serve.requests import ChatRequest, CompletionRequest, EmbeddingRequest
from kerasx.serve.server_limits import Invalid
from kerasx.serve.settings import sampled
from kerasx.serve.stop_text import StopText
from kerasx.serve.streams import LAST, EventStream, Reader, results_of


def add_openai(app, worker, tasks, limits, name):
    """Add the routes that the model can answer.

    Args:
        app: a FastAPI application.
        worker: `Worker`.
        tasks: dict, of `tasks_of`.
        limits: `Limits`.
        name: the name of the model.
    """
    card = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "kerasx"}

    @app.get("/v1/models")
    async def models():
        return JSONResponse({"object": "list", "data": [card]})

    @app.get("/v1/models/{model:path}")
    async def model_card(model: str):
        _check_model(model, name)
        return JSONResponse(card)

    if "generate" in tasks:
        completing = worker, tasks["generate"], limits, name
        _add_completions(app, *completing)
    else:
        _refuse(app, ("/v1/chat/completions", "/v1/completions"), "the model generates no text")
    if "embed" in tasks:
        _add_embeddings(app, worker, tasks["embed"], limits, name)
    else:
        _refuse(app, ("/v1/embeddings",), "the model gives no embeddings")


def _refuse(app, paths, reason):
    """Answer requests for what the model cannot do with the reason."""

    async def refuse():
        raise HTTPException(404, reason)

    for path in paths:
        app.add_api_route(path, refuse, methods=["POST"])


def _check_model(asked, name):
    if asked != name:
        raise HTTPException(404, f"the model is not {asked!r} but {name!r}")


def _add_completions(app, worker, task, limits, name):
    async def answer(kind, body, request, read):
        """Answer with the continuations of the prompts that `read(steps, seed)` returns."""
        _check_model(body.model, name)
        asked = _Asked(body, task)
        settings, seed = asked.settings, asked.seed
        prompts = await asyncio.to_thread(read, settings.max_new_tokens, seed)
        reply = _Reply(kind, name, task.tokenizer, asked, prompts)
        if not body.stream:
            calls = worker, task, settings, prompts, request, limits.timeout
            return JSONResponse(reply.whole(await results_of(*calls)))
        reader = Reader(size=max(64, settings.max_new_tokens // 4))
        stream = worker.stream(lambda: task.stream(settings, prompts), reader.put)
        return EventStream(stream, reader, reply.events, limits.timeout)

    @app.post("/v1/chat/completions")
    async def chat_completions(body: ChatRequest, request: Request):
        messages = [message.plain() for message in body.messages]
        _check_format(body.response_format)

        def read(steps, seed):
            options = body.chat_template_kwargs
            return [task.read_messages("messages", messages, steps, seed, options)]

        return await answer(_Chat, body, request, read)

    @app.post("/v1/completions")
    async def completions(body: CompletionRequest, request: Request):
        if body.best_of not in (None, body.n or 1):
            raise Invalid("best_of", "is not supported by this server: leave it out")
        inputs = _inputs("prompt", body.prompt, limits.max_batch)

        def read(steps, seed):
            # one seed must not make equal prompts give equal answers
            seeds = [seed if seed is None else (seed + i) % 2**31 for i in range(len(inputs))]
            return [
                (task.read_text if isinstance(given, str) else task.read_ids)(
                    field, given, steps, one
                )
                for (field, given), one in zip(inputs, seeds)
            ]

        return await answer(_Text, body, request, read)


def _add_embeddings(app, worker, task, limits, name):
    @app.post("/v1/embeddings")
    async def embeddings(body: EmbeddingRequest, request: Request):
        _check_model(body.model, name)
        inputs = _inputs("input", body.input, limits.max_batch)

        def read():
            return [
                (task.read if isinstance(given, str) else task.read_ids)(field, given)
                for field, given in inputs
            ]

        rows = await asyncio.to_thread(read)
        vectors = await results_of(worker, task, None, rows, request, limits.timeout)
        code = _base64 if body.encoding_format == "base64" else list
        data = [
            {"object": "embedding", "index": i, "embedding": code(vector)}
            for i, vector in enumerate(vectors)
        ]
        tokens = sum(map(len, rows))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": data, "model": name, "usage": usage})


def _base64(vector):
    return base64.b64encode(np.array(vector, "<f4").tobytes()).decode()


def _check_format(response_format):
    if response_format not in (None, {"type": "text"}):
        raise Invalid("response_format", "must be text: no other form is supported")


def _inputs(field, given, most):
    """Return [(field, text or ids), ...] of a text, texts, ids or lists of ids."""
    if isinstance(given, str) or (given and isinstance(given[0], int)):
        return [(field, given)]
    if not 1 <= len(given) <= most:
        raise Invalid(field, f"must be 1 to {most} inputs")
    return [(f"{field}.{i}", one) for i, one in enumerate(given)]


class _Asked:
    """Settings, seed and stop strings that a request asks for.

    Attributes:
        settings: `Settings` of the decoder.
        seed: int, or None to draw one.
        new: number of tokens of an answer at most.
        n: number of answers to a prompt.
        stops: list of str.
        counts: whether a stream ends with the number of tokens.
    """

    def __init__(self, body, task):
        most = getattr(body, "max_completion_tokens", None) or body.max_tokens
        self.new = most or task.limits.max_new_tokens
        self.n = body.n or 1
        given = {"temperature": body.temperature, "top_p": body.top_p}
        usual = {"temperature": 1.0, "top_p": 1.0, "top_k": None, **task.sampling}
        usual |= {name: value for name, value in given.items() if value is not None}
        self.settings = sampled(self.new, self.n, task.limits, **usual)
        self.seed = None if body.seed is None else body.seed % 2**31
        self.stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
        self.counts = body.stream_options is not None and body.stream_options.include_usage


class _Reply:
    """The answers to prompts, whole or in events.

    Args:
        kind: `_Chat` or `_Text`.
        name: the name of the model.
        tokenizer: of the model.
        asked: `_Asked`.
        prompts: list of `Prompt`.
    """

    def __init__(self, kind, name, tokenizer, asked, prompts):
        self.kind, self.asked, self.prompts = kind, asked, prompts
        self.head = {
            "id": f"{kind.prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": name,
            "system_fingerprint": None,
        }
        count = len(prompts) * asked.n
        self.choices = [StopText(tokenizer, asked.stops, asked.new) for _ in range(count)]
        self._begun = False

    def whole(self, found):
        """Return the body of an answer, of the hypotheses [(ids, score), ...] of each prompt."""
        texts = []
        for choice, ids in zip(self.choices, self._ids(found), strict=True):
            parts = [choice.push(i) for i in (*ids, -1)]
            texts.append("".join(parts))
        choices = [
            {"index": i, **self.kind.whole(text), "logprobs": None, "finish_reason": choice.reason}
            for i, (text, choice) in enumerate(zip(texts, self.choices))
        ]
        body = {**self.head, "object": self.kind.object, "choices": choices}
        return {**body, "usage": self._usage()}

    def _ids(self, found):
        """Yield the ids of each choice; a decoder without heat has one answer for all n."""
        for hypotheses in found:
            rows = [ids for ids, _ in hypotheses]
            yield from (rows * self.asked.n)[: self.asked.n]

    def events(self, item):
        """Return the events of an item of the task's stream."""
        chunks = []
        if not self._begun and self.kind.first:
            chunks = [self._chunk(i, self.kind.first) for i in range(len(self.choices))]
        self._begun = True
        if isinstance(item, list):  # whatever has not ended ends here
            tokens = [-1] * len(self.choices)
        else:
            tokens = np.repeat(item, self.asked.n // item.shape[1], axis=1).ravel().tolist()
        for i, (choice, token) in enumerate(zip(self.choices, tokens, strict=True)):
            chunks += self._advance(i, choice, token)
        if all(choice.reason for choice in self.choices):
            counted = {"choices": [], "usage": self._usage()}
            chunks += [self._event(counted)] if self.asked.counts else []
            chunks.append(LAST)
        return chunks

    def _advance(self, i, choice, token):
        """Return the chunks of one more token of a choice."""
        if choice.reason:
            return []
        text = choice.push(token)
        chunks = [self._chunk(i, self.kind.part(text))] if text else []
        if choice.reason:
            chunks.append(self._chunk(i, self.kind.part(""), choice.reason))
        return chunks

    def _chunk(self, i, part, reason=None):
        choice = {"index": i, **part, "logprobs": None, "finish_reason": reason}
        return self._event({"choices": [choice]})

    def _event(self, body):
        usage = {"usage": None} if self.asked.counts else {}
        return {**self.head, "object": self.kind.chunk, **usage, **body}

    def _usage(self):
        read = sum(len(prompt.token_ids) for prompt in self.prompts)
        written = sum(choice.tokens for choice in self.choices)
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }


class _Chat:
    """The form of chat completions."""

    prefix, object, chunk = "chatcmpl", "chat.completion", "chat.completion.chunk"
    first = {"delta": {"role": "assistant", "content": ""}}

    @staticmethod
    def whole(text):
        return {"message": {"role": "assistant", "content": text, "refusal": None}}

    @staticmethod
    def part(text):
        return {"delta": {"content": text} if text else {}}


class _Text:
    """The form of completions."""

    prefix, object, chunk = "cmpl", "text_completion", "text_completion"
    first = None

    @staticmethod
    def whole(text):
        return {"text": text}

    part = whole
