"""Files on disk: atomic writes, line readers, indexed lines. Standard library and NumPy only."""

from kerasx.files.atomic import atomic_path, check_digest, digested_path, write_digest
from kerasx.files.indexed_lines import IndexedLines
from kerasx.files.lines import read_blocks, read_jsonl, read_lines, read_tsv, write_jsonl

__all__ = [
    "IndexedLines",
    "atomic_path",
    "check_digest",
    "digested_path",
    "read_blocks",
    "read_jsonl",
    "read_lines",
    "read_tsv",
    "write_digest",
    "write_jsonl",
]
