"""The files of a corpus: arrays of ids, word starts and document starts, and their description."""

import hashlib
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


def map_array(path, dtype, count):
    """Map a file of `count` numbers into memory, read-only."""
    dtype = np.dtype(dtype).newbyteorder("<")
    size = os.path.getsize(path) if os.path.isfile(path) else "no file"
    if size != count * dtype.itemsize:
        raise invalid(
            f"`folder` must hold a whole corpus: {os.path.basename(path)} must have "
            f"{count * dtype.itemsize} bytes. Write the corpus again.",
            path=path,
            size=size,
        )
    return np.asarray(np.memmap(path, dtype, "r", shape=(count,)))


def open_corpus(folder):
    """Open a corpus.

    Args:
        folder: path of the folder that `write_corpus` wrote.

    Returns:
        (description, ids, word_starts, documents): a dict, and memory-mapped arrays; word_starts
        is None if every token is a word.

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
        ids = map_array(os.path.join(folder, IDS), facts["dtype"], tokens)
        starts = None
        if facts["words"]:
            starts = map_array(os.path.join(folder, STARTS), "bool", tokens)
        bounds = map_array(os.path.join(folder, DOCUMENTS), "int64", documents + 1)
        if bounds[0] != 0 or bounds[-1] != tokens:
            raise invalid("`folder` must hold a whole corpus; write it again.", path=path)
        return facts, ids, starts, bounds

    return in_one_version(path, read)
