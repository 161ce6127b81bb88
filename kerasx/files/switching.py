"""Give several files of a folder their new versions in one step, and read them in one version.

Files are renamed one by one, so a process killed between two renames leaves a mixture. Therefore
a journal, the hidden file `.kerasx-switch.json`, first lists all the renames; from the moment it
exists the new version counts. Whoever reads or writes the folder next with kerasx makes the renames
that are left. Programs that know nothing of the journal may see the mixture until then.
"""

import contextlib
import errno
import json
import logging
import os
import shutil
import threading
import time

from kerasx.checks import invalid
from kerasx.files.names import is_plain
from kerasx.files.temporaries import is_temporary, left_over, temporary_path

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None

_JOURNAL, _LOCK = ".kerasx-switch.json", ".kerasx-lock"
_PATIENCE = 600  # seconds to wait for another process
_TRIES = 20
_WITHOUT_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)  # as flock, fcntl and Windows say it
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_held = threading.local()


def fsync(path):
    """Flush a file, or the file names in a folder, to the disk."""
    if os.path.isdir(path) and os.name == "nt":  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(folder):
    """Keep other processes and threads from changing the files of a folder together.

    The lock file `.kerasx-lock` exists during the block; the lock of a killed process is free. What
    such a process left undone is finished first. A thread may take the lock again in the block.

    Raises:
        OSError: the folder cannot be written; TimeoutError: another process keeps the lock.
    """
    folder = os.path.realpath(folder)
    mine = _held.__dict__.setdefault("folders", set())
    if folder in mine:
        yield
        return
    handle = _acquire(os.path.join(folder, _LOCK))
    mine.add(folder)
    try:
        _finish(folder)
        yield
    finally:
        mine.discard(folder)
        _release(handle, os.path.join(folder, _LOCK))


def settle(folder):
    """Finish the renames of a process that was killed, if there are any left in this folder."""
    if os.path.lexists(os.path.join(folder or ".", _JOURNAL)):
        try:
            with locked(folder):
                pass  # taking the lock has finished them
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            raise invalid(
                f"`folder` must be writable: a process was killed while it saved, and {_JOURNAL} "
                "lists the files to rename. Read it once from where it can be written.",
                folder=os.fspath(folder),
            ) from error


def tidy(folder):
    """Finish what killed processes began in a folder, and remove their temporary files."""
    settle(folder)
    if left_over(folder):
        with locked(folder):  # a journal written meanwhile is finished, and needs none of them
            for path in left_over(folder):
                os.remove(path)


@contextlib.contextmanager
def temporary_files(folder):
    """Yield a function of a name that returns a new temporary path in `folder`.

    Files that are still there after the block are removed, unless a journal names them.
    """
    tidy(folder)
    made = []

    def new(name):
        made.append(temporary_path(folder, name))
        return made[-1]

    try:
        yield new
    finally:
        if not os.path.exists(os.path.join(folder, _JOURNAL)):
            for path in filter(os.path.exists, made):
                os.remove(path)


def switch(folder, temporaries):
    """Rename temporary files, given as {name: path in the folder}, in one step.

    The files must be on the disk already. A symbolic link of such a name is replaced by the file.
    """
    names = {name: os.path.basename(path) for name, path in temporaries.items()}
    with locked(folder):
        draft = temporary_path(folder, _JOURNAL)
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(names, file)
        fsync(draft)
        os.replace(draft, os.path.join(folder, _JOURNAL))
        fsync(folder)
        _finish(folder)


def replace(temporary, target):
    """Rename a file, which gets the permissions of the file that it replaces."""
    if os.path.exists(target):
        shutil.copymode(target, temporary)
    os.replace(temporary, target)


def in_one_version(index, read):
    """Return `read()`, repeated until no other process changed the files meanwhile.

    Args:
        index: path of a file that changes whenever the files that `read` reads do; of a folder,
            the names of its files are compared.
        read: function without arguments; its ValueError or OSError counts if nothing changed.
    """
    folder = index if os.path.isdir(index) else os.path.dirname(index) or "."
    for attempt in range(_TRIES):
        settle(folder)
        with contextlib.ExitStack() as stack:
            if attempt and os.access(folder, os.W_OK):
                stack.enter_context(locked(folder))
            before = _version(index)
            try:
                value = read()
            except (ValueError, OSError):
                if _version(index) == before:
                    raise
            else:
                if _version(index) == before:
                    return value
    raise invalid("`path` must not be replaced all the time while it is read.", path=index)


def _version(path):
    """Return what differs as soon as a file is replaced or files of its folder are switched."""
    if os.path.isdir(path):
        return sorted(name for name in os.listdir(path) if name[0] != ".")
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(path)
        switching = os.path.exists(os.path.join(os.path.dirname(path), _JOURNAL))
        return switching, found.st_ino, found.st_mtime_ns, found.st_size
    return None


def _finish(folder):
    """Make the renames that a journal lists, and remove it."""
    journal = os.path.join(folder, _JOURNAL)
    if not os.path.exists(journal):
        return
    for name, temporary in _read_journal(journal).items():
        source = os.path.join(folder, temporary)
        if os.path.exists(source):  # else it has been renamed already
            replace(source, os.path.join(folder, name))
    fsync(folder)
    os.remove(journal)


def _read_journal(path):
    try:
        with open(path, encoding="utf-8") as file:
            names = json.load(file)
    except (ValueError, RecursionError) as error:
        raise invalid("`path` must be a journal of kerasx; remove it.", path=path) from error
    good = isinstance(names, dict) and all(map(is_plain, [*names, *names.values()]))
    if not good or not all(map(is_temporary, names.values())):
        raise invalid("`path` must list temporary files of this folder; remove it.", path=path)
    return names


def _acquire(path):
    """Return a handle of the lock file at `path`, locked."""
    end = time.monotonic() + _PATIENCE
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if _try_lock(handle, path) and _is_still(handle, path):
            return handle
        os.close(handle)
        if time.monotonic() > end:
            raise TimeoutError(f"another process has kept {path} locked for {_PATIENCE} seconds")
        time.sleep(0.005)


def _try_lock(handle, path):
    try:
        if fcntl is None:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            logging.getLogger("kerasx").warning(
                "%s cannot be locked on this file system: only one process may write here.", path
            )
            return True
        if error.errno not in _TAKEN:
            raise
        return False
    return True


def _is_still(handle, path):
    """Return whether a locked file is the one at `path`: its last owner may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _release(handle, path):
    try:
        if fcntl is not None:
            with contextlib.suppress(FileNotFoundError):  # the whole folder may have been removed
                os.remove(path)
    finally:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_UN)  # also for a handle that a fork has copied
        os.close(handle)
