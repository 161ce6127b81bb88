"""Servers of tiny models: in the process, and on a free port of this machine."""

import contextlib
import socket
import threading
import time

import pytest
from fastapi.testclient import TestClient

from kerasx.serve import Limits, create_app
from tests.serve.models import save_generator

LIMITS = dict(max_new_tokens=8, max_alternatives=2, max_prompt=40, max_body=4096, timeout=30)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Save a dialogue model."""
    return save_generator(tmp_path_factory.mktemp("dialogue"))


@pytest.fixture(scope="session")
def app(folder):
    return create_app(folder, **LIMITS)


@pytest.fixture(scope="session")
def client(app):
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


@contextlib.contextmanager
def running(app, **limits):
    """Return the address of a server of the application, as the command line starts it."""
    import uvicorn

    from kerasx.serve.server import server_options

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        options = {**server_options(Limits(**limits)), "timeout_graceful_shutdown": 1}
        config = uvicorn.Config(app, log_level="critical", **options)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
