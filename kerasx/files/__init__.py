"""Read and write files of examples line by line; standard library and NumPy only.

The modules below hold what other packages need: atomic writes and digests (`atomic`), random
access to lines (`indexed_lines`), protocol buffers (`protobuf`).
"""

from kerasx.files.lines import read_jsonl, read_lines, read_tsv, write_jsonl

__all__ = ["read_jsonl", "read_lines", "read_tsv", "write_jsonl"]
