"""Replace files atomically, and check them against a digest."""

import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager

from kerasx.checks import invalid


def fsync(path):
    """Flush a file, or the file names in a folder, to the disk."""
    if os.path.isdir(path) and os.name == "nt":  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    if not os.path.isdir(folder) or os.path.isdir(target):
        raise invalid(
            f"`path` must be a file in an existing folder; create {folder!r} first or choose "
            "another name.",
            path=os.fspath(path),
        )
    temporary = os.path.join(folder, f".tmp-{secrets.token_hex(6)}-{name}")
    try:
        yield temporary
        fsync(temporary)
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
        fsync(folder)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


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
    with atomic_path(path) as temporary:
        yield temporary
        new = sha256(temporary)
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
    with atomic_path(f"{os.fspath(path)}.sha256") as temporary:
        with open(temporary, "w", encoding="utf-8", newline="\n") as f:
            f.writelines(f"{digest}  {os.path.basename(path)}\n" for digest in digests)


def _read_digests(path):
    sidecar = f"{os.fspath(path)}.sha256"
    if not os.path.exists(sidecar):
        return []
    with open(sidecar, "rb") as f:
        digests = [line.split()[0].decode("latin-1") for line in f.readlines() if line.split()]
    if not digests or any(len(digest) != 64 for digest in digests):
        raise invalid(
            "A digest file must hold lines of 64 hexadecimal digits and a name; remove it or call "
            "write_digest(path).",
            path=sidecar,
        )
    return digests
