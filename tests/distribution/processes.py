"""Run a function of a test module in several processes of one run, which never wait for ever.

`python -m tests.distribution.processes MODULE FUNCTION ARGUMENTS` is one of the processes. They are
started as torchrun and a cluster of JAX start theirs: what they are is in environment variables.
"""

import faulthandler
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import keras

TIMEOUT = 120  # seconds


def run(function, *arguments, count=2, timeout=TIMEOUT):
    """Return a list of (exit code, text printed) of the processes, once all have ended.

    Args:
        function: at the top of a module.
        arguments: of the function; values that JSON has.
        count: number of processes.

    Raises:
        TimeoutError: they wait for each other, or take too long; all have been killed.
    """
    children = start(function, *arguments, count=count)
    end = time.monotonic() + timeout
    while None in [child.poll() for child in children] and time.monotonic() < end:
        time.sleep(0.05)
    late = [child.poll() is None for child in children]
    for child in children:
        child.kill()
    printed = []
    for child in children:
        child.wait()
        with open(child.log, encoding="utf-8") as file:
            printed.append(file.read())
    if any(late):
        text = "\n".join(printed)
        raise TimeoutError(f"after {timeout} seconds process {late.index(True)} runs\n{text}")
    return [(child.returncode, text) for child, text in zip(children, printed)]


def start(function, *arguments, count=2):
    """Start the processes and return a list of subprocess.Popen, with files `log`; see `run`."""
    call = [function.__module__, function.__name__, json.dumps(arguments)]
    command = [sys.executable, "-m", "tests.distribution.processes", *call]
    port, children = free_port(), []
    for i in range(count):
        with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False) as log:
            environment = {**os.environ, **_place(i, count, port)}
            child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        child.log = log.name
        children.append(child)
    return children


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def _place(i, count, port):
    """Return the environment of a process."""
    if keras.backend.backend() == "torch":
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
        return dict(zip(names, map(str, (i, i, count, "127.0.0.1", port))))
    names = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
    values = (f"127.0.0.1:{port}", str(count), str(i))
    return {f"KERAS_DISTRIBUTION_{name}": value for name, value in zip(names, values)}


def _join():
    """Join the other processes."""
    if keras.backend.backend() == "torch":
        import torch.distributed

        torch.distributed.init_process_group("gloo")
    else:
        keras.distribution.initialize()


if __name__ == "__main__":
    faulthandler.dump_traceback_later(TIMEOUT - 40)  # in the error of a test that hangs
    keras.config.disable_traceback_filtering()
    _join()
    module, function, arguments = sys.argv[1:]
    getattr(importlib.import_module(module), function)(*json.loads(arguments))
