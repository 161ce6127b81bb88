"""Files that are either the old version or the new one, never half of each."""

import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager


def fsync(path):
    """Ask the system to put a file, or the names in a folder, on the disk."""
    if os.path.isdir(path) and os.name == "nt":  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_path(path):
    """A temporary path in the folder of `path`, renamed to `path` when the block ends well.

    The temporary file is flushed to the disk before the rename and the folder after it, so that
    a killed process or a power cut leaves the old file or the new one. An exception in the block
    removes the temporary file and leaves the old one alone. The temporary name starts with a dot
    and keeps the suffix of `path`, since some writers (Keras) look at it.

    Args:
        path: the file to create or to replace. A symbolic link is followed.
    Yields:
        the path to write to, a str.
    Raises:
        ValueError: if the folder of `path` does not exist, or `path` is a folder.

    Example:

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
        raise ValueError(
            f"`path` must be a file in an existing folder; create {folder!r} first or choose "
            f"another name. Received: path={os.fspath(path)!r}"
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
    """`atomic_path` that also keeps the digest `path`.sha256 true, even through a kill.

    Between the two renames the digest file names both versions, so either of them is accepted.

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
    """Write the SHA-256 of a file beside it, as `path`.sha256 (the format of `sha256sum`).

    HDF5 files carry no checksum of their own: a flipped bit in a `.weights.h5` loads silently.

    Args:
        path: an existing file.
    Returns:
        the digest, 64 hexadecimal digits.
    """
    digest = sha256(path)
    _write_digests(path, [digest])
    return digest


def check_digest(path, required=False):
    """Compare a file with the digest beside it, if there is one.

    Args:
        path: the file; its digest is looked for in `path`.sha256.
        required: whether a missing digest is an error.
    Returns:
        True if the file was checked, False if there is no digest.
    Raises:
        ValueError: if the file differs from its digest, or the digest is unreadable or missing.
    """
    known = _read_digests(path)
    if not known and not required:
        return False
    received = sha256(path) if os.path.isfile(path) else "no file"
    if received not in known:
        raise ValueError(
            f"`path` must be the file that {os.fspath(path)}.sha256 describes; it was damaged or "
            f"replaced: restore it, or call write_digest(path) if it is right. "
            f"Received: path={os.fspath(path)!r} with SHA-256 {received}, expected {known}"
        )
    return True


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
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
        raise ValueError(
            "A digest file must hold lines of 64 hexadecimal digits and a name; remove it or call "
            f"write_digest(path). Received: {sidecar!r}"
        )
    return digests
