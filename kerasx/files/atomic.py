"""Replace files atomically, one or several together, and check them against a digest."""

import hashlib
import os
from contextlib import ExitStack, contextmanager

from kerasx.checks import invalid
from kerasx.files.names import check_regular
from kerasx.files.switching import (
    fsync,
    in_one_version,
    locked,
    replace,
    switch,
    temporary_files,
)


def real_target(path):
    """Return the file that writing to `path` replaces: that which a symbolic link points to."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder) or os.path.isdir(target):
        raise invalid(
            f"`path` must be a file in an existing folder; create {folder!r} first or choose "
            "another name.",
            path=os.fspath(path),
        )
    return target


@contextmanager
def atomic_path(path):
    """Write a file atomically: yield a temporary path, which becomes `path` after the block.

    The temporary file is flushed to the disk before it is renamed, and the folder afterwards, so
    a killed process or a power cut leaves either the old file or the new file. An exception in
    the block removes the temporary file and keeps the old file.

    Args:
        path: path of the file to create or replace; a symbolic link is followed.

    Yields:
        str, a path in the same folder with the same suffix.

    Raises:
        ValueError: the folder of `path` does not exist, or `path` is a folder.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "notes.txt")
    >>> with atomic_path(path) as temporary:
    ...     with open(temporary, "w") as f:
    ...         _ = f.write("kept")
    >>> open(path).read()
    'kept'
    """
    target = real_target(path)
    folder, name = os.path.split(target)
    with temporary_files(folder) as new:
        temporary = new(name)
        yield temporary
        fsync(temporary)
        replace(temporary, target)
        fsync(folder)


@contextmanager
def replaced_together(folder):
    """Write several files of a folder as one: after a crash all are of the old or the new version.

    Each file is written to a temporary path and flushed to the disk; then all are renamed, see
    `kerasx.files.switching`. Several processes may write: the version of the last one stays. An
    exception in the block keeps the old files. A symbolic link is replaced by the file.

    Args:
        folder: path of the folder; made if it does not exist.

    Yields:
        A function of a file's name that returns the temporary path to write.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with replaced_together(folder) as temporary:
    ...     for name in ("weights", "vocabulary"):
    ...         with open(temporary(name), "w") as f:
    ...             _ = f.write(name)
    >>> sorted(os.listdir(folder))
    ['vocabulary', 'weights']
    """
    os.makedirs(folder, exist_ok=True)
    folder, files = os.path.realpath(folder), {}
    with temporary_files(folder) as new:

        def temporary(name):
            files[name] = new(name)
            return files[name]

        yield temporary
        for path in files.values():
            fsync(path)
        switch(folder, files)


@contextmanager
def digested_path(path):
    """Write a file atomically, as `atomic_path`, together with its digest `path`.sha256.

    While the file is replaced, the digest file holds the digests of both versions, so that
    `check_digest` accepts the file even if the process is killed at this moment.

    Args:
        path: path of the file to create or replace.

    Yields:
        str, a path in the same folder with the same suffix.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "best.weights.h5")
    >>> with digested_path(path) as temporary:
    ...     with open(temporary, "wb") as f:
    ...         _ = f.write(b"weights")
    >>> check_digest(path)
    True
    """
    with ExitStack() as lock:  # from the first change of the digest to the last
        with atomic_path(path) as temporary:
            yield temporary
            new = sha256(temporary)
            lock.enter_context(locked(os.path.dirname(os.path.realpath(path))))
            _write_digests(path, [*_read_digests(path), new])
        _write_digests(path, [new])


def write_digest(path):
    """Write the SHA-256 of a file to `path`.sha256, in the format of `sha256sum`.

    HDF5 and safetensors have no checksum: without a digest a flipped bit is loaded silently.

    Args:
        path: path of an existing file.

    Returns:
        str, the digest in 64 hexadecimal digits.
    """
    digest = sha256(path)
    _write_digests(path, [digest])
    return digest


def check_digest(path, required=False):
    """Compare a file with its digest in `path`.sha256, if this file exists.

    Args:
        path: path of the file.
        required: bool, whether a missing digest is an error.

    Returns:
        True if the file was checked, False if there is no digest.

    Raises:
        ValueError: the file differs from its digest, or the digest is malformed or missing.
    """
    return in_one_version(_sidecar(path), lambda: _check_digest(path, required))


def _check_digest(path, required):
    known = _read_digests(path)
    if not known and not required:
        return False
    received = sha256(path) if os.path.isfile(path) else "no file"
    if received not in known:
        raise invalid(
            f"`path` must be the file whose digest is in {os.fspath(path)}.sha256, {known}; it was "
            "damaged or replaced: restore it, or call write_digest(path) if it is right.",
            path=os.fspath(path),
            digest=received,
        )
    return True


def sha256(path):
    """Return the SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _write_digests(path, digests):
    with atomic_path(_sidecar(path)) as temporary:
        with open(temporary, "w", encoding="utf-8", newline="\n") as f:
            f.writelines(f"{digest}  {os.path.basename(path)}\n" for digest in digests)


def _sidecar(path):
    return f"{os.fspath(path)}.sha256"


def _read_digests(path):
    sidecar = _sidecar(path)
    if not os.path.exists(sidecar):
        return []
    check_regular(sidecar)
    with open(sidecar, "rb") as f:
        digests = [line.split()[0].decode("latin-1") for line in f.readlines() if line.split()]
    if not digests or any(len(digest) != 64 for digest in digests):
        raise invalid(
            "A digest file must hold lines of 64 hexadecimal digits and a name; remove it or call "
            "write_digest(path).",
            path=sidecar,
        )
    return digests
