"""Streams to clients that are slow, or gone."""

import asyncio
from types import SimpleNamespace

import pytest

from kerasx.serve import streams as events
from kerasx.serve.streams import EventStream, Reader

pytestmark = pytest.mark.once


class Stream(SimpleNamespace):
    """Stand-in for the worker's side of a stream."""

    started = True

    def cancel(self):
        self.cancelled = True


def answered(items, send, receive=None, timeout=5, size=8, events=lambda item: [{"x": item}]):
    """Return the stream after an answer of these items."""

    async def forever():
        await asyncio.Event().wait()

    async def run():
        reader, stream = Reader(size), Stream(cancelled=False, more=True)
        for item in items:
            stream.more = reader.put(item)
        await EventStream(stream, reader, events, timeout)({"path": "/"}, receive or forever, send)
        return stream

    return asyncio.run(run())


class Sent(list):
    """`send` that remembers; `never` after so many messages it does not return."""

    def __init__(self, never=99):
        self.never = never

    async def __call__(self, message):
        if len(self) >= self.never:
            await asyncio.Event().wait()
        self.append(message)


def test_items_are_sent_one_by_one_and_the_stream_is_done():
    sent = Sent()
    assert answered([1, "好\n", None], sent).cancelled
    bodies = [message["body"] for message in sent[1:]]
    assert bodies == [b'data: {"x": 1}\n\n', 'data: {"x": "好\\n"}\n\n'.encode(), b""]


def test_a_client_that_goes_cancels_the_stream():
    async def gone():
        return {"type": "http.disconnect"}

    assert answered([1], Sent(), gone).cancelled


def test_a_client_that_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr(events, "PATIENCE", 0.05)
    sent = Sent(never=2)
    assert answered([1, 2, 3, None], sent).cancelled
    assert len(sent) == 2 and sent[-1]["more_body"]


def test_the_buffer_has_an_end():
    sent = Sent()
    stream = answered(range(9), sent, size=8)
    assert not stream.more and stream.cancelled
    assert not any(message.get("body") == b"" for message in sent)


@pytest.mark.parametrize("started, status", [(True, 504), (False, 503)])
def test_a_stream_that_does_not_begin_in_time_has_a_status(started, status, monkeypatch):
    monkeypatch.setattr(Stream, "started", started)
    sent = Sent()
    assert answered([], sent, timeout=0.05).cancelled
    assert sent[0]["status"] == status


def test_a_failure_of_the_stream_is_one_of_the_answer():
    with pytest.raises(KeyError):
        answered([1, KeyError("x")], Sent())


def test_an_item_may_be_several_events_or_none_and_the_last_ends_the_answer():
    def events(item):
        return {1: [], 2: [{"a": 1}, {"b": 2}], 3: ["[DONE]"]}[item]

    sent = Sent()
    assert answered([1, 2, 3, 4, None], sent, events=events).cancelled
    bodies = [message["body"] for message in sent[1:]]
    assert bodies == [b'data: {"a": 1}\n\n', b'data: {"b": 2}\n\n', b"data: [DONE]\n\n", b""]
