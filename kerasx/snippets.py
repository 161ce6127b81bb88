"""bert4keras's helpers under their names, re-exported from where they live.

`AutoRegressiveDecoder` loads Keras when it is first used; the others load NumPy only.
"""

import importlib

from kerasx.data import (
    DataGenerator,
    ViterbiDecoder,
    convert_to_unicode,
    delete_arguments,
    insert_arguments,
    is_string,
    longest_common_subsequence,
    longest_common_substring,
    lowercase_and_normalize,
    orthogonally_resize,
    parallel_apply,
    parallel_apply_generator,
    sequence_padding,
    softmax,
    string_matching,
    strQ2B,
    text_segmentate,
    to_array,
    truncate_sequences,
)
from kerasx.data.files import open

__all__ = [
    "AutoRegressiveDecoder",  # noqa: F822 - loaded lazily
    "DataGenerator",
    "ViterbiDecoder",
    "convert_to_unicode",
    "delete_arguments",
    "insert_arguments",
    "is_string",
    "longest_common_subsequence",
    "longest_common_substring",
    "lowercase_and_normalize",
    "open",
    "orthogonally_resize",
    "parallel_apply",
    "parallel_apply_generator",
    "sequence_padding",
    "softmax",
    "strQ2B",
    "string_matching",
    "text_segmentate",
    "to_array",
    "truncate_sequences",
]


def __getattr__(name):
    if name == "AutoRegressiveDecoder":
        return importlib.import_module("kerasx.generation").AutoRegressiveDecoder
    raise AttributeError(f"module 'kerasx.snippets' has no attribute '{name}'")
