"""Temporary files beside the files they become, and the removal of those that dead processes left.

The name of a temporary file tells which process of which machine writes it:
".tmp-<place>-<process>-<start>-<random>-<name>". The start of the process, in ticks since the boot,
tells it from a later one that got its number.
"""

import functools
import hashlib
import os
import re
import secrets
import socket
import time

_NAME = re.compile(r"\.tmp-([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{12}-.")
_LONGEST = 100  # characters of the target's name that are kept: file systems allow 255 in all
_DAY = 86400  # seconds after which a file of another machine counts as left over


def temporary_path(folder, name):
    """Return a new path in `folder` with the suffix of `name`; nothing is created."""
    maker = f"{this_process()}-{secrets.token_hex(6)}"
    return os.path.join(folder, f".tmp-{maker}-{name[-_LONGEST:]}")


def this_process():
    """Return a str for this process, "<place>-<process>-<start>", for `is_known_dead`."""
    process = os.getpid()
    return f"{_place()}-{process}-{_start(process) or 0}"


def is_known_dead(process):
    """Return whether a process that `this_process` named has ended; one elsewhere is not known to.

    >>> is_known_dead(this_process())
    False
    """
    place, number, start = process.split("-")
    here = place == _place() and os.name != "nt"  # os.kill ends a process on Windows
    return here and not _lives(int(number), int(start))


def is_temporary(name):
    """Return whether a file's name is one that `temporary_path` gives.

    >>> is_temporary(os.path.basename(temporary_path("/tmp", "vocab.txt"))), is_temporary(".tmp-1")
    (True, False)
    """
    return _NAME.match(name) is not None


def left_over(folder):
    """Return the paths of the temporary files in a folder whose process is dead.

    A process of another machine, container or boot cannot be asked: its file is left over once
    nothing has been written to it for a day.
    """
    with os.scandir(folder) as entries:
        return [entry.path for entry in entries if _is_left_over(entry)]


def _is_left_over(entry):
    found = _NAME.match(entry.name)
    if found is None or not entry.is_file(follow_symlinks=False):
        return False
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # its process has renamed it meanwhile
        return False
    if os.name != "nt" and status.st_uid != os.getuid():
        return False  # in a folder such as /tmp
    if found[1] == _place() and os.name != "nt":  # os.kill ends a process on Windows
        return not _lives(int(found[2]), int(found[3]))
    return time.time() - status.st_mtime > _DAY


def _lives(process, start):
    """Return whether the process with this number and this start, 0 if unknown, still runs."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # a process of another user has the number now
        return False
    facts = _facts(process)
    if facts and facts[0] in b"ZX":  # it has ended, and its parent has not asked how
        return False
    return _start(process) in (None, start)


def _start(process):
    """Return when a process began, in ticks since the boot; None where /proc does not tell."""
    facts = _facts(process)
    return int(facts[19]) if facts else None


def _facts(process):
    """Return what Linux tells of a process, from its state on; None where /proc does not tell."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except FileNotFoundError:
        return None


@functools.cache
def _place():
    """Return 8 hexadecimal digits for the machine, its boot and its namespace of process ids."""
    parts = [socket.gethostname()]
    if os.path.exists("/proc/sys/kernel/random/boot_id"):
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            parts.append(file.read().strip())
    if os.path.lexists("/proc/self/ns/pid"):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]
