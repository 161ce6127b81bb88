"""Bad requests are refused before the application, and its failures show no details."""

import asyncio
import logging

import httpx
import pytest

from kerasx.serve.guard import Guard

pytestmark = pytest.mark.once

JSON = {"content-type": "application/json"}


async def echo(scope, receive, send):
    """An application that answers with the body, or fails."""
    body = (await receive())["body"]
    if scope["path"] == "/fails":
        raise RuntimeError("the password is 1234")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def answer(method="POST", path="/", hosts=("localhost", "::1"), timeout=5, **options):
    async def run():
        guard = Guard(echo, hosts, max_body=100, timeout=timeout)
        transport = httpx.ASGITransport(guard, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    return asyncio.run(run())


async def in_parts(*parts, pause=0):
    for part in parts:
        yield part
        await asyncio.sleep(pause)


def test_a_body_arrives_whole_whether_announced_or_in_parts():
    assert answer(content=b"12345", headers=JSON).content == b"12345"
    assert answer(content=in_parts(b"12", b"345"), headers=JSON).content == b"12345"
    assert answer("GET").content == b""


@pytest.mark.parametrize("body", [b"x" * 101, in_parts(b"x" * 60, b"x" * 60)])
def test_too_large_a_body_is_refused_whether_announced_or_not(body):
    assert answer(content=body, headers=JSON).status_code == 413


@pytest.mark.parametrize("length", ["9" * 5000, "²", "-1", "0" * 30 + "5"])
def test_no_length_is_too_strange(length):
    response = answer(content=b"12345", headers={**JSON, "content-length": length.encode()})
    assert response.status_code in (200, 413)


def test_a_body_that_does_not_come_is_given_up():
    body = in_parts(b"1", b"2", pause=0.5)
    assert answer(content=body, headers=JSON, timeout=0.1).status_code == 408


@pytest.mark.parametrize(
    "host, status",
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("[::2]", 403),
        ("[", 403),
        ("[localhost]:1", 403),
        ("[localhost]", 403),
        ("[::1]evil.example", 403),
        ("[::1]:80x", 403),
        ("localhost:80:90", 403),
        ("localhost:evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_the_server_answers_to_its_own_names_only(host, status):
    assert answer(content=b"1", headers={**JSON, "host": host}).status_code == status
    assert answer(content=b"1", headers={**JSON, "host": host}, hosts=None).status_code == 200


@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://localhost", 200),
        ("http://evil.example", 403),
        ("http://localhost:81", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_only_its_own_pages_may_call_it(origin, status):
    response = answer(content=b"1", headers={**JSON, "origin": origin})
    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_foreign_form_can_send_is_no_request(kind):
    assert answer(content=b"1", headers={"content-type": kind}).status_code == 415


def test_a_failure_is_seen_by_its_id_only_and_the_log_has_the_rest(caplog):
    with caplog.at_level(logging.ERROR):
        response = answer(path="/fails", content=b"1", headers=JSON)
    assert response.status_code == 500
    body = response.json()
    assert body == {"error": "internal error", "id": body["id"]}
    assert body["id"] in caplog.text and "the password is 1234" in caplog.text


def test_a_failure_in_the_middle_of_an_answer_adds_nothing_to_it(caplog):
    async def fails(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("the password is 1234")

    async def send(message):
        sent.append(message["type"])

    sent, scope = [], {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Guard(fails, None, 100, 5)(scope, None, send))
    assert sent == ["http.response.start"]
    assert "the password is 1234" in caplog.text


@pytest.mark.parametrize("path", ["/", "/fails"])
def test_every_answer_says_how_it_is_to_be_treated(path):
    headers = answer(path=path, content=b"1", headers=JSON).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
