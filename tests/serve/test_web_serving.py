"""Functions served as by bert4keras."""

import contextlib
import json
import threading
import time
from http.client import HTTPConnection
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import numpy as np
import pytest

from kerasx.snippets import WebServing

pytestmark = pytest.mark.backend_free
BUSY = []


def repeat(text, n=2):
    BUSY.append(1)
    time.sleep(0.01)
    together = len(BUSY)
    BUSY.pop()
    assert together == 1, "two at once"
    return [text] * n


@pytest.fixture(scope="module")
def web():
    web = WebServing("127.0.0.1", 0, server="paste")
    web.route("/repeat", repeat, {"text": (None, True), "n": (int, False)})
    web.route("/repeat", repeat, {"text": (None, True), "n": (int, False)}, method="POST")
    web.route("/sum", lambda x: np.float32(x).sum(), {"x": (json.loads, True)})
    thread = threading.Thread(target=web.start)
    thread.start()
    while not web.port:
        time.sleep(0.01)
    yield web
    web.stop()
    thread.join()


def asked(web, path, data=None, **headers):
    request = Request(f"http://127.0.0.1:{web.port}{path}", data, headers)
    with contextlib.suppress(HTTPError), urlopen(request) as response:
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        return json.loads(response.read())
    with pytest.raises(HTTPError) as error:
        urlopen(request)
    return json.loads(error.value.read())


def succeeded(data):
    return {"code": 0, "desc": "succeeded", "data": data}


def test_arguments_come_in_the_address_in_a_form_or_as_json(web):
    text = "苹果 & 梨=1"
    assert asked(web, f"/repeat?text={quote(text)}&n=3") == succeeded([text] * 3)
    assert asked(web, "/repeat", urlencode({"text": text}).encode()) == succeeded([text] * 2)
    body = json.dumps({"text": text, "n": 1}).encode()
    headers = {"content-type": "application/json"}
    assert asked(web, "/repeat", body, **headers) == succeeded([text])
    assert asked(web, "/sum?x=[1,2]") == succeeded(3.0)


def test_errors_have_the_same_form(web):
    assert asked(web, "/repeat") == {"code": 1, "desc": 'lack of "text" argument', "data": {}}
    answer = asked(web, "/repeat?text=a&n=b")
    assert answer["code"] == 2 and "invalid literal" in answer["desc"] and answer["data"] == {}
    assert asked(web, "/none")["code"] == 3
    headers = {"content-type": "application/json"}
    assert asked(web, "/repeat", b"[1", **headers)["code"] == 2
    assert asked(web, "/repeat", b"[1]", **headers)["code"] == 2


def test_a_body_that_is_too_large_is_not_read(web):
    connection = HTTPConnection("127.0.0.1", web.port)
    connection.putrequest("POST", "/repeat")
    connection.putheader("content-length", str(1 << 30))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413 and json.loads(response.read())["code"] == 2


def test_one_call_runs_at_a_time(web):
    answers = []
    ask = [
        threading.Thread(target=lambda: answers.append(asked(web, "/repeat?text=a")))
        for _ in range(8)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert answers == [succeeded(["a", "a"])] * 8


@pytest.mark.parametrize("arguments", [("x", len, {}), ("/x", len, {}, "PUT")])
def test_bad_routes_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        WebServing().route(*arguments)
