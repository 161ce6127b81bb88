"""Read the documents of many files one after another: text, JSON lines, TFRecords, also in gzip.

No file is held in memory: a long document comes in parts. A line of plain text may be of any
length, one of JSON must fit into memory.
"""

import codecs
import gzip
import json
import os
import zlib
from typing import NamedTuple

import numpy as np

from kerasx.checks import check_choice, invalid
from kerasx.data.tfrecords import integer_lists, read_records
from kerasx.files.lines import LONGEST, check_encoding, reason_of
from kerasx.files.names import check_regular

KINDS = {".jsonl": "jsonl", ".json": "jsonl", ".tfrecord": "tfrecord", ".tfrecords": "tfrecord"}
_PART = 1 << 16  # bytes of a line, and characters of a block, that are read at a time
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


class Part(NamedTuple):
    """A part of a document: where it begins, its text or ids, whether it is the first part."""

    path: str
    number: int  # of its first line or record, from 1
    content: str | np.ndarray
    starts: bool


class DocumentReader:
    """Reader of the documents of files.

    Args:
        paths: list of files.
        kind: "text", "jsonl" or "tfrecord"; None tells each file's by the end of its name.
        documents: of plain text: "blocks" between blank lines, or "lines".
        field: key of the text in the object on each line of a JSON file; key of the token ids in
            the examples of a TFRecord.
        encoding: of text and JSON lines; one that writes a line end as one byte.

    Iteration yields the `Part`s in order. Meanwhile `done` is the number of bytes read so far of
    the `total` bytes on the disk.

    Raises:
        ValueError: bad arguments; while reading, undecodable text, bad JSON or a damaged file; the
            error names file and line, or record.
    """

    def __init__(self, paths, kind=None, documents="blocks", field=None, encoding="utf-8"):
        self.paths = [os.fspath(path) for path in paths]
        if not self.paths:
            raise invalid("`paths` must name at least one file.", paths=paths)
        if kind is not None:
            check_choice("kind", kind, ("text", "jsonl", "tfrecord"))
        check_choice("documents", documents, ("blocks", "lines"))
        check_encoding(encoding)
        for path in self.paths:
            check_regular(path)
            if not os.path.exists(path):
                raise invalid("`paths` must name files that exist.", path=path)
        self.kind, self.documents, self.encoding, self.field = kind, documents, encoding, field
        self.done, self.total = 0, sum(map(os.path.getsize, self.paths))

    def __iter__(self):
        for path in self.paths:
            before = self.done
            with open(path, "rb") as raw:
                for part in self._parts(path, raw):
                    self.done = before + raw.tell()
                    yield part
            self.done = before + os.path.getsize(path)

    def _parts(self, path, raw):
        name, packed = path.lower(), raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        kind = self.kind or KINDS.get(os.path.splitext(name.removesuffix(".gz"))[1], "text")
        try:
            if kind == "tfrecord":
                yield from _records(path, file, self.field or "token_ids")
            elif kind == "jsonl":
                yield from _objects(path, _lines(path, file, self.encoding), self.field or "text")
            else:
                lines = _lines(path, file, self.encoding, _PART)
                yield from (_line_parts if self.documents == "lines" else _block_parts)(path, lines)
        except _DAMAGED as error:
            raise ValueError(f"{path}: the gzip file is damaged: {reason_of(error)}") from error


def _lines(path, file, encoding, limit=-1):
    """Yield (number, text without line end, whether the line begins and whether it ends here)."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number, begins = 1, True
    while data := file.readline(limit):
        ends = data.endswith(b"\n")
        if number == 1 and begins:
            data = data.removeprefix(codecs.BOM_UTF8)
        try:
            text = decoder.decode(data, final=ends)
        except UnicodeDecodeError as error:
            raise _bad(path, number, error, data.decode(encoding, "replace")) from error
        yield number, text.removesuffix("\n").removesuffix("\r"), begins, ends
        number, begins = number + ends, ends
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:  # the last line, which has no end, breaks off
        raise _bad(path, number, error, "") from error


def _bad(path, number, error, text):
    return ValueError(f"{path}:{number}: {reason_of(error)}. Received: {text[:LONGEST]!r}")


def _line_parts(path, lines):
    starts = True
    for number, text, begins, _ in lines:
        starts = starts or begins
        if text.strip():
            yield Part(path, number, text, starts)
            starts = False


def _block_parts(path, lines):
    """Yield blocks, each whole if it is short, else in parts of several lines or of a line.

    A part keeps its line ends, the last part of a block loses its last.
    """
    held, first, starts, size = [], None, True, 0
    for number, text, begins, ends in lines:
        blank = begins and ends and not text.strip()
        if held and (blank or size > _PART):
            whole = "".join(held)
            yield Part(path, first, whole.removesuffix("\n") if blank else whole, starts)
            held, starts, size = [], False, 0
        if blank:
            starts = True
            continue
        first = first if held else number
        held.append(text + "\n" if ends else text)
        size += len(text) + 1
    if held:
        yield Part(path, first, "".join(held).removesuffix("\n"), starts)


def _objects(path, lines, field):
    for number, text, _, _ in lines:
        if not text.strip():
            continue
        try:
            value = json.loads(text)
            if not isinstance(value, dict) or not isinstance(value.get(field), str):
                raise ValueError(f"must be an object whose {field!r} is a str")
        except (ValueError, RecursionError) as error:  # the last: many open brackets
            raise _bad(path, number, error, text) from error
        if value[field].strip():
            yield Part(path, number, value[field], True)


def _records(path, file, field):
    number, records = 1, read_records(file)
    while True:
        try:
            data = next(records, None)
            if data is None:
                return
            lists = integer_lists(data)
            if field not in lists:
                raise ValueError(f"an example must have integers {field!r}, has {sorted(lists)}")
        except ValueError as error:
            raise ValueError(f"{path}: record {number}: {reason_of(error)}") from error
        yield Part(path, number, lists[field], True)
        number += 1
