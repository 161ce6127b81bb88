"""Work with strings, tables of text and exact arithmetic; standard library and NumPy only."""

from kerasx.text.arithmetic import (
    equal,
    evaluate,
    format_value,
    normalize_expression,
    remove_brackets,
)
from kerasx.text.strings import (
    convert_to_str,
    convert_to_unicode,
    is_string,
    longest_common_subsequence,
    longest_common_substring,
    lowercase_and_normalize,
    string_matching,
    strQ2B,
    text_segmentate,
)
from kerasx.text.tables import text_table

__all__ = [
    "convert_to_str",
    "convert_to_unicode",
    "equal",
    "evaluate",
    "format_value",
    "is_string",
    "longest_common_subsequence",
    "longest_common_substring",
    "lowercase_and_normalize",
    "normalize_expression",
    "remove_brackets",
    "strQ2B",
    "string_matching",
    "text_segmentate",
    "text_table",
]
