"""Serve functions over HTTP as bert4keras's `WebServing` does, by the standard library alone."""

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from kerasx.checks import check_choice, check_integer, invalid

_METHODS = ("GET", "POST")
_MOST = 1 << 20  # bytes of a body
_PATIENCE = 60  # seconds for the head and the body of a request
logger = logging.getLogger("kerasx.serve")


class WebServing:
    """A server of functions: each has a path, and arguments that come as texts.

    An answer is the JSON object `{"code": 0, "desc": "succeeded", "data": result}`. Code 1 says
    that a required argument is missing, 2 that the function failed, 3 that there is no such path;
    `desc` says why. One call runs at a time, whatever number of clients ask.

    Anyone who reaches the port may call the functions: `host="127.0.0.1"` keeps to this machine.

    Args:
        host: address to listen on; "0.0.0.0" for all of this machine.
        port: its port; 0 for a free one, which `start` writes to the attribute `port`.
        server: a name of bert4keras's servers, which is not used.

    >>> web = WebServing(port=8864)
    >>> web.route("/add", lambda a, b=1: a + b, {"a": (int, True), "b": (int, False)})
    >>> web.answer("GET", "/add", {"a": "3"})
    {'code': 0, 'desc': 'succeeded', 'data': 4}
    """

    def __init__(self, host="0.0.0.0", port=8000, server="paste"):
        self.host, self.port = host, check_integer("port", port, 0, 1 << 16)
        self.server = server
        self._routes, self._lock = {}, threading.Lock()
        self._running = None

    def route(self, path, func, arguments, method="GET"):
        """Add a function.

        Args:
            path: path of its address, such as "/gen_synonyms".
            func: function whose result can be written as JSON.
            arguments: {name: (function that converts the text, or None; whether it is required)}.
            method: "GET" for arguments in the address, "POST" for a form or JSON in the body.
        """
        check_choice("method", method, _METHODS)
        if not str(path).startswith("/"):
            raise invalid("`path` must begin with '/'.", path=path)
        self._routes[method, path] = func, dict(arguments)

    def answer(self, method, path, given):
        """Return the answer to a request as a dict.

        Args:
            method, path: as in `route`.
            given: {name: text} of its arguments.
        """
        if (method, path) not in self._routes:
            return _outputs(3, f'no "{path}" for {method}')
        func, arguments = self._routes[method, path]
        for name, (_, required) in arguments.items():
            if required and name not in given:
                return _outputs(1, f'lack of "{name}" argument')
        try:
            named = {name: convert for name, (convert, _) in arguments.items() if name in given}
            values = {n: given[n] if f is None else f(given[n]) for n, f in named.items()}
            with self._lock:
                data = func(**values)
            return json.loads(_dumped(_outputs(0, "succeeded", data)))
        except Exception as error:
            logger.exception("%s %s failed", method, path)
            return _outputs(2, str(error))

    def start(self):
        """Serve until the process is interrupted or `stop` is called."""
        with ThreadingHTTPServer((self.host, self.port), _handler(self)) as self._running:
            self.port = self._running.server_port
            try:
                self._running.serve_forever()
            except KeyboardInterrupt:
                logger.warning("stopped")

    def stop(self):
        """End `start`, which runs in another thread."""
        self._running.shutdown()


def _outputs(code, desc, data=None):
    return {"code": code, "desc": desc, "data": {} if code else data}


def _dumped(outputs):
    """Return JSON in which arrays are lists."""
    return json.dumps(outputs, ensure_ascii=False, default=lambda x: x.tolist())


def _handler(web):
    """Return the class that reads the requests to a `WebServing`."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self):
            self._answer(urlsplit(self.path).query)

        def do_POST(self):
            length = self.headers.get("content-length", "")
            if not length.isdecimal() or int(length) > _MOST:
                self.close_connection = True  # the body is not read
                self._send(413, _outputs(2, f"the body must have at most {_MOST} bytes"))
                return
            self._answer(self.rfile.read(int(length)).decode("utf-8", "replace"))

        def _answer(self, text):
            try:
                given = _arguments(text, self.headers.get_content_type())
            except ValueError as error:
                self._send(400, _outputs(2, str(error)))
                return
            outputs = web.answer(self.command, urlsplit(self.path).path, given)
            self._send(404 if outputs["code"] == 3 else 200, outputs)

        def _send(self, status, outputs):
            body = _dumped(outputs).encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            logger.info(format, *args)

    return Handler


def _arguments(text, kind):
    """Return the arguments of an address, of a form or of a JSON object."""
    if kind != "application/json":
        return dict(parse_qsl(text, keep_blank_values=True))
    given = json.loads(text)
    if not isinstance(given, dict):
        raise invalid("The body must be a JSON object.", body=given)
    return given
