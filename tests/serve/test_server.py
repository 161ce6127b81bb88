"""A real server stays healthy with clients that are slow, hostile or gone."""

import contextlib
import socket
import threading
import time

import httpx
import pytest

from kerasx.serve import __main__ as command
from kerasx.serve import create_app
from kerasx.serve.generation import Generation
from kerasx.tokenizers import Tokenizer
from tests.serve.conftest import running
from tests.serve.models import save_generator

pytestmark = pytest.mark.once

REQUEST = {"turns": ["你好"], "max_new_tokens": 48}
STREAM = {**REQUEST, "stream": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Save a model that hardly ever ends by itself."""
    return save_generator(tmp_path_factory.mktemp("long"), specials=-30.0)


@pytest.fixture(scope="module")
def address(folder):
    with running(create_app(folder, max_new_tokens=48, max_body=4096, queue=4)) as address:
        yield address


@pytest.fixture(scope="module")
def impatient(folder):
    """Return the address of a server that gives up after a second."""
    with running(create_app(folder, max_new_tokens=48, timeout=1), timeout=1) as address:
        yield address


@pytest.fixture(scope="module")
def long_texts(folder):
    with running(create_app(folder, max_new_tokens=1, max_body=1 << 18)) as address:
        assert generate(address, json={"text": "你"}).status_code == 200  # compiles
        yield address


@pytest.fixture
def steps(monkeypatch):
    """Record what is streamed; each step takes 100 ms, or more."""
    stream, steps = Generation.stream, []

    def slowed(self, settings, prompts):
        for item in stream(self, settings, prompts):
            time.sleep(0.1)
            steps.append(item)
            yield item

    monkeypatch.setattr(Generation, "stream", slowed)
    return steps


@pytest.fixture
def held(monkeypatch):
    """Let nothing be generated until the event is set."""
    call, event = Generation.__call__, threading.Event()
    event.reached = threading.Event()

    def waiting(self, settings, prompts):
        event.reached.set()
        event.wait(60)
        return call(self, settings, prompts)

    monkeypatch.setattr(Generation, "__call__", waiting)
    yield event
    event.set()


def health(address):
    return httpx.get(f"{address}/health", timeout=60).json()


def generate(address, **options):
    return httpx.post(f"{address}/generate", **{"json": REQUEST, "timeout": 60, **options})


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def assert_healthy(address):
    """Assert that the server answers, at the second request if the first compiled too long."""
    until(lambda: health(address)["streams"] == 0 and health(address)["waiting"] == 0)
    until(lambda: generate(address).status_code == 200)
    assert len(generate(address).json()["outputs"][0]["text"]) == 48
    assert health(address)["status"] == "ok"


def connect(address):
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def head(length):
    return (
        "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def test_a_dropped_stream_is_generated_no_further(address, steps):
    with httpx.stream("POST", f"{address}/generate", json=STREAM, timeout=60) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("data: ")
        assert health(address)["streams"] == 1
    until(lambda: health(address)["streams"] == 0)
    assert len(steps) < 48
    assert_healthy(address)


def test_a_client_that_never_reads_holds_nobody_up(address, steps):
    body = httpx.Request("POST", address, json=STREAM).content
    with connect(address) as client:
        client.sendall(head(len(body)) + body)
        until(lambda: len(steps) > 1)
        assert generate(address).status_code == 200
    assert_healthy(address)


def test_a_body_that_comes_slowly_is_given_up(impatient):
    with connect(impatient) as client:
        client.sendall(head(100) + b"{")
        assert health(impatient)["status"] == "ok"
        assert client.recv(100).startswith(b"HTTP/1.1 408")
    assert_healthy(impatient)


def test_heads_of_requests_that_do_not_come_are_given_up(impatient):
    """Slowly sent heads hold no connections, be they first requests or later ones."""
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(impatient)) for _ in range(12)]
        for i, client in enumerate(clients):
            if i % 2:
                client.sendall(whole)
                assert client.recv(9) == b"HTTP/1.1 "
            client.sendall(whole[: 5 * i])
        end = time.monotonic() + 20
        for client in clients:
            while client.recv(1000):  # the rest of an answer, then the end
                assert time.monotonic() < end
    assert_healthy(impatient)


def test_unfinished_heads_keep_others_out_only_for_a_while(folder):
    limits = dict(queue=1, max_batch=1, timeout=1)  # 20 connections
    with running(create_app(folder, max_new_tokens=48, **limits), **limits) as address:
        with contextlib.ExitStack() as stack:
            for _ in range(24):
                stack.enter_context(connect(address)).sendall(b"GET /health HTTP/1.1\r\n")
            until(lambda: httpx.get(f"{address}/health", timeout=60).status_code == 200)
            assert health(address)["streams"] == 0


def test_a_head_in_two_parts_is_served(address):
    with connect(address) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHo")
        time.sleep(0.1)
        client.sendall(b"st: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/generate", "/v1/completions"])
def test_a_text_is_encoded_while_others_are_answered(address, folder, path, monkeypatch):
    """The event loop does not wait for the tokenizer."""
    encode, reached, may_go = Tokenizer.encode, threading.Event(), threading.Event()

    def waiting(self, text, **options):
        if text == "等等":
            reached.set()
            assert may_go.wait(60)
        return encode(self, text, **options)

    monkeypatch.setattr(Tokenizer, "encode", waiting)
    body = {"text": "等等"} if path == "/generate" else {"prompt": "等等", "model": folder.name}
    found = []
    thread = threading.Thread(
        target=lambda: found.append(httpx.post(address + path, json=body, timeout=60))
    )
    thread.start()
    assert reached.wait(60)
    assert health(address)["status"] == "ok"
    may_go.set()
    thread.join()
    assert found[0].status_code == 200


HOSTILE = {
    "marks": "a" + "\u0301\u0316" * 16000 + "\u1df6",
    "letters": "a" * 64000,
    "one character": "书" * 20000,
    "spaces": " " * 64000 + "书",
    "controls": "\x00\ufffd" * 16000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_text_that_is_too_long_is_refused_soon(long_texts, kind):
    """A body of 64 kB costs less than two seconds of the machine, whatever is in it."""
    begin = time.process_time()
    answer = generate(long_texts, json={"text": HOSTILE[kind]})
    assert time.process_time() - begin < 2
    assert answer.status_code == (422 if kind == "one character" else 200)


def test_a_client_that_goes_in_the_middle_of_its_body_is_forgotten(address):
    with connect(address) as client:
        client.sendall(head(100) + b"{")
    assert_healthy(address)


def test_an_oversize_body_is_refused_before_it_is_read(address):
    with connect(address) as client:
        client.sendall(head(10**10))
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    with contextlib.suppress(httpx.WriteError):  # the connection is closed while it is sent
        parts = (b" " * 1000 for _ in range(5000))
        headers = {"content-type": "application/json"}
        assert generate(address, json=None, content=parts, headers=headers).status_code == 413
    assert_healthy(address)


def send_all(address, number):
    """Send many requests at once; return the threads that wait for them, and their answers."""
    found = []

    def send(i):
        found.append(generate(address, json={"text": "你", "strategy": "sampling", "seed": i}))

    threads = [threading.Thread(target=send, args=(i,)) for i in range(number)]
    for thread in threads:
        thread.start()
    return threads, found


def test_a_full_queue_says_when_to_come_again(address, held):
    first, answered = send_all(address, 1)
    assert held.reached.wait(60)
    others, waiting = send_all(address, 4)
    until(lambda: health(address)["waiting"] == 4)
    refused = generate(address)
    assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
    held.set()
    for thread in first + others:
        thread.join()
    assert [response.status_code for response in answered + waiting] == [200] * 5
    assert_healthy(address)


def test_time_runs_out_for_what_is_computed_and_for_what_waits(impatient, held):
    first, computed = send_all(impatient, 1)
    assert held.reached.wait(60)
    waited = generate(impatient, json=REQUEST)
    first[0].join()
    assert computed[0].status_code == 504
    assert waited.status_code == 503 and waited.headers["retry-after"] == "1"
    held.set()
    assert_healthy(impatient)


def test_a_client_that_goes_takes_its_request_out_of_the_queue(address, held):
    first, _ = send_all(address, 1)
    assert held.reached.wait(60)
    with pytest.raises(httpx.ReadTimeout):
        generate(address, timeout=0.5)
    others, answered = send_all(address, 1)
    until(lambda: health(address)["waiting"] == 1)
    held.set()
    for thread in first + others:
        thread.join()
    assert answered[0].status_code == 200
    assert_healthy(address)


def test_nothing_of_an_error_inside_is_told(address, monkeypatch):
    def fails(self, settings, prompts):
        raise ValueError("/secret/path")

    with monkeypatch.context() as patch:
        patch.setattr(Generation, "__call__", fails)
        answer = generate(address)
    assert answer.status_code == 500
    assert set(answer.json()) == {"error", "id"} and "secret" not in answer.text
    assert_healthy(address)


def test_the_page_allows_its_own_script_only(address):
    answer = httpx.get(address, timeout=60)
    policy = answer.headers["content-security-policy"]
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "//" not in answer.text.replace("<!doctype", "").split("<script>")[0]


def test_the_command_serves_a_folder_and_warns_of_other_addresses(tmp_path, monkeypatch, capsys):
    import uvicorn

    served = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: served.update(options, app=app))
    save_generator(tmp_path)
    assert command.main([str(tmp_path), "--port", "8765", "--max-new-tokens", "7"]) == 0
    assert (served["host"], served["port"]) == ("127.0.0.1", 8765)
    said = capsys.readouterr()
    assert "http://127.0.0.1:8765/" in said.out and "warning" not in said.err
    assert command.main([str(tmp_path), "--host", "0.0.0.0"]) == 0
    assert "warning: 0.0.0.0 may be reached" in capsys.readouterr().err
    assert command.main(["/nowhere"]) == 2
    assert capsys.readouterr().err.startswith("error: `folder` must be one that `save_model` wrote")
