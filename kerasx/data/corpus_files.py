"""The files of a corpus: arrays of ids, word starts and document starts, and their description."""

import hashlib
import mmap
import os

import numpy as np

from kerasx.checks import invalid
from kerasx.files.atomic import in_one_version
from kerasx.files.json_object import read_json_object

DESCRIPTION, FORMAT = "corpus.json", "kerasx corpus 1"
IDS, STARTS, DOCUMENTS = "ids.bin", "word_starts.bin", "documents.bin"
SPECIALS = ("pad_id", "unk_id", "mask_id", "start_id", "end_id")
_KEYS = {"format", "tokens", "documents", "dtype", "words", "vocabulary", "vocab_size", "digest"}


def vocabulary_digest(tokenizer):
    """Return the SHA-256 of a tokenizer's tokens in the order of their ids."""
    digest = hashlib.sha256()
    for i in range(tokenizer.vocab_size):
        digest.update(_token(tokenizer, i).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def _token(tokenizer, i):
    try:
        return str(tokenizer.id_to_token(i))
    except ValueError:  # vocabularies may have gaps
        return ""


def describe_tokenizer(tokenizer):
    """Return what a corpus keeps of its tokenizer: vocabulary and the ids of special tokens."""
    facts = {"vocabulary": vocabulary_digest(tokenizer), "vocab_size": int(tokenizer.vocab_size)}
    return facts | {name: getattr(tokenizer, name) for name in SPECIALS}


class MappedArray:
    """A file of numbers that is mapped into memory, read-only.

    Args:
        path: path of a file that is not empty.
        dtype: dtype of the numbers, little endian in the file.

    The pages of `array` that were used stay in memory until `release`.
    """

    def __init__(self, path, dtype):
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.array = np.frombuffer(self._map, np.dtype(dtype).newbyteorder("<"))

    def release(self):
        """Free the memory of the pages that were used; they are read again when needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def _map_whole(path, dtype, count):
    """Map a file of `count` numbers; raise if it has another size."""
    expected = count * np.dtype(dtype).itemsize
    size = os.path.getsize(path) if os.path.isfile(path) else "no file"
    if size != expected:
        name = os.path.basename(path)
        raise invalid(
            f"`folder` must hold a whole corpus: {name} must have {expected} bytes. Write the "
            "corpus again.",
            path=path,
            size=size,
        )
    return MappedArray(path, dtype)


def open_corpus(folder):
    """Open a corpus.

    Args:
        folder: path of the folder that `write_corpus` wrote.

    Returns:
        (description, ids, word_starts, documents): a dict, and `MappedArray`s; word_starts is None
        if every token is a word.

    Raises:
        ValueError: no corpus, or one whose files are damaged.
    """
    folder = os.fspath(folder)
    path = os.path.join(folder, DESCRIPTION)
    if not os.path.isdir(folder) or not os.path.exists(path):
        raise invalid("`folder` must be a folder written by `write_corpus`.", folder=folder)

    def read():
        facts = read_json_object(path)
        if facts.get("format") != FORMAT or not _KEYS <= set(facts):
            raise invalid(f"`folder` must hold a {DESCRIPTION} of `write_corpus`.", path=path)
        tokens, documents = facts["tokens"], facts["documents"]
        ids = _map_whole(os.path.join(folder, IDS), facts["dtype"], tokens)
        starts = None
        if facts["words"]:
            starts = _map_whole(os.path.join(folder, STARTS), "bool", tokens)
        bounds = _map_whole(os.path.join(folder, DOCUMENTS), "int64", documents + 1)
        if bounds.array[0] != 0 or bounds.array[-1] != tokens:
            raise invalid("`folder` must hold a whole corpus; write it again.", path=path)
        return facts, ids, starts, bounds

    return in_one_version(path, read)
