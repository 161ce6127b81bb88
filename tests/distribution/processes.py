"""Run a function of a test module in several processes of one run, which never wait for ever.

`python -m tests.distribution.processes MODULE FUNCTION ARGUMENTS` is one of the processes. They are
started as torchrun and a cluster of JAX start theirs: what they are is in environment variables.
"""

import importlib
import json
import os
import socket
import subprocess
import sys
import time
import traceback

import keras

TIMEOUT = 60  # seconds


def run(function, *arguments, count=2, timeout=TIMEOUT):
    """Return a list of (exit code, text printed) of the processes, once all have ended.

    Args:
        function: at the top of a module.
        arguments: of the function; values that JSON has.
        count: number of processes.

    Raises:
        subprocess.TimeoutExpired: they wait for each other, or take too long; all are killed.
    """
    children = start(function, *arguments, count=count)
    end = time.monotonic() + timeout
    try:
        printed = [child.communicate(timeout=end - time.monotonic())[0] for child in children]
        return [(child.returncode, text) for child, text in zip(children, printed)]
    finally:
        for child in children:
            child.kill()


def start(function, *arguments, count=2):
    """Start the processes and return a list of subprocess.Popen; see `run`."""
    call = [function.__module__, function.__name__, json.dumps(arguments)]
    command = [sys.executable, "-m", "tests.distribution.processes", *call]
    port = free_port()
    return [
        subprocess.Popen(
            command,
            env={**os.environ, **_place(i, count, port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(count)
    ]


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
    _join()
    module, function, arguments = sys.argv[1:]
    try:
        getattr(importlib.import_module(module), function)(*json.loads(arguments))
    except BaseException:  # noqa: BLE001 - at its end JAX would wait minutes for the others
        traceback.print_exc()
        os._exit(1)
