"""A thousand random requests, fifty at a time: none breaks the server or gets another's answer."""

import asyncio
import json

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasx.serve import create_app
from tests.serve.models import TEXT

pytestmark = pytest.mark.once

JSON = {"content-type": "application/json"}
STRATEGIES = (
    {"strategy": "beam", "width": 2, "n": 2},
    {"strategy": "sampling", "n": 2, "temperature": 0.8, "top_k": 8},
)

texts = st.text(TEXT, min_size=1, max_size=10) | st.text(max_size=10)
turns = st.lists(texts, min_size=1, max_size=1)
greedy = st.fixed_dictionaries({"text": texts}) | st.fixed_dictionaries({"turns": turns})
others = st.builds(
    lambda turns, strategy, seed: {"turns": turns, **strategy, "seed": seed},
    turns,
    st.sampled_from(STRATEGIES),
    st.integers(0, 2**31 - 1),
)
good = greedy | others
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
wrong = {
    "text": values.filter(lambda x: x is not None and not isinstance(x, str)),
    "turns": values.filter(lambda x: x is not None and not isinstance(x, list)),
    "strategy": values,
    "n": st.integers(max_value=0) | st.integers(3) | st.floats(),
    "temperature": st.floats(max_value=0) | st.floats(2.1) | st.text(max_size=3),
    "top_p": st.floats(max_value=0) | st.floats(1.1),
    "max_new_tokens": st.integers(max_value=0) | st.integers(5) | st.booleans(),
    "seed": st.integers(max_value=-1) | st.integers(2**31),
    "stream": st.integers() | st.text(max_size=4),
}
bad = st.one_of(
    st.builds(
        lambda request, field, value: {**request, field: value},
        good,
        st.text(max_size=8).filter(lambda x: x not in wrong and x not in ("width", "top_k")),
        values,
    ),
    *(
        st.builds(lambda a, b: {**a, **b}, good, st.fixed_dictionaries({k: v}))
        for k, v in wrong.items()
    ),
    values,
)
paths = st.sampled_from(
    ("/generate",) * 9 + ("/classify", "/embed", "/health", "/x", "//", "/generate/")
)


def encoded(request):
    return json.dumps(request).encode()


requests = st.tuples(st.just("/generate"), good.map(encoded)) | st.tuples(
    paths, bad.map(encoded) | st.binary(max_size=20) | good.map(lambda x: encoded(x)[:-1])
)


@pytest.fixture(scope="module")
def app(folder):
    limits = dict(max_new_tokens=4, max_alternatives=2, max_prompt=16, max_batch=4)
    return create_app(folder, name="dialogue", max_wait_ms=20, **limits)


@pytest.fixture(scope="module")
def alone(app):
    """Return a function to the answer that a request gets without other requests."""
    known = {}

    async def ask(client, body):
        if body not in known:
            known[body] = (await client.post("/generate", content=body, headers=JSON)).json()
        return known[body]

    return ask


def client_of(app):
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


openai_fields = {
    "model": values,
    "prompt": texts | st.lists(texts, max_size=3) | st.lists(st.integers(-1, 60), max_size=5),
    "messages": st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(("user", "system", "x")), "content": texts}),
        max_size=2,
    ),
    "max_tokens": st.integers(-1, 6),
    "temperature": st.floats(-1, 3),
    "n": st.integers(0, 4),
    "stop": texts | st.lists(texts, max_size=5),
    "stream": st.booleans(),
    "logprobs": st.booleans() | st.integers(0, 3),
}
openai_paths = st.sampled_from(
    ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models", "/v1/x")
)
openai_requests = st.tuples(
    openai_paths,
    st.fixed_dictionaries({}, optional=openai_fields).map(encoded)
    | st.builds(
        lambda request, name: encoded({**request, "model": name}),
        st.fixed_dictionaries({}, optional=openai_fields),
        st.just("dialogue"),
    )
    | values.map(encoded)
    | st.binary(max_size=20),
)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(openai_requests, min_size=30, max_size=30))
def test_requests_of_openais_protocol_are_answered_or_refused_in_its_form(app, sent):
    asyncio.run(check_openai(app, sent))


async def check_openai(app, sent):
    async with client_of(app) as client:
        calls = (client.post(path, content=body, headers=JSON) for path, body in sent)
        for response in await asyncio.gather(*calls):
            assert response.status_code in (200, 400, 404, 405), response.text
            if response.status_code != 200:
                assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        assert (await client.get("/health")).json()["status"] == "ok"


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(requests, min_size=50, max_size=50))
def test_no_request_breaks_the_server_nor_gets_the_answer_of_another(app, alone, sent):
    asyncio.run(check(app, alone, sent))


async def check(app, alone, sent):
    async with client_of(app) as client:
        calls = (client.post(path, content=body, headers=JSON) for path, body in sent)
        responses = await asyncio.gather(*calls)
        for (path, body), response in zip(sent, responses, strict=True):
            assert response.status_code in (200, 404, 405, 307, 422), (path, body, response.text)
            if response.status_code == 200:
                assert_equal(response.json(), await alone(client, body))
        assert (await client.get("/health")).json()["status"] == "ok"


def assert_equal(answer, expected):
    """Assert equal texts, and equal scores up to rounding."""
    assert answer["settings"] == expected["settings"]
    assert [x["text"] for x in answer["outputs"]] == [x["text"] for x in expected["outputs"]]
    scores = [[x["score"] for x in one["outputs"]] for one in (answer, expected)]
    np.testing.assert_allclose(*scores, atol=1e-4)
