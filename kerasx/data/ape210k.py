"""ape210k: Chinese math word problems, each with the equation that solves it, read and cleaned.

Data: Zhao et al., arXiv 2009.11506, one JSON object a line with `original_text`, `equation`
(`x=...`) and `ans`. Cleaning: kexue.fm/archives/7809.
"""

import json
import logging
import re
from typing import NamedTuple

from kerasx.data.readers import read_lines
from kerasx.metrics.equations import equal, normalize_expression, remove_brackets

_FIELDS = ("original_text", "equation", "ans")
_logger = logging.getLogger(__name__)


class Problem(NamedTuple):
    """A math word problem: `evaluate(equation)` is the value of `answer`."""

    question: str
    equation: str
    answer: str
    family: str = ""


def clean(question, equation, answer):
    """One problem in plain arithmetic, or None where the equation does not give the answer.

    In the question `1(1/2)` becomes `(1+1/2)`, then `(1/2)` becomes `1/2`; equation and answer go
    through `normalize_expression`; the two must agree to 6 digits; then the equation loses each
    pair of brackets that does not change its value.

    Args:
        question, equation, answer: str, the fields `original_text`, `equation` and `ans`.

    Returns:
        A `Problem`, or None: no arithmetic, division by zero, or another value than the answer.

    Example:
        >>> clean("(3/4)的1(1/2)是多少？", "x=(3/4)*1(1/2)", "1(1/8)")[:3]
        ('3/4的(1+1/2)是多少？', '3/4*(1+1/2)', '(1+1/8)')
    """
    try:
        equation, answer = normalize_expression(equation), normalize_expression(answer)
    except ValueError:  # too long
        return None
    if not equal(equation, answer):
        return None
    question = re.sub(r"([0-9]+)\(([0-9]+/[0-9]+)\)", r"(\1+\2)", question)
    question = re.sub(r"\(([0-9]+/[0-9]+)\)", r"\1", question)
    return Problem(question, remove_brackets(equation), answer)


def read_ape210k(path, errors="raise"):
    """The problems of a file whose equation gives the answer, cleaned, in file order.

    Problems that `clean` refuses are dropped; how many is logged at level INFO.

    Args:
        path: of a UTF-8 file of JSON lines; a byte-order mark, CRLF and blank lines are fine.
        errors: `"raise"` stops at a malformed line (encoding, JSON, fields), `"skip"` leaves
            such lines out and warns once; see `read_lines`.

    Returns:
        A list of `Problem`.

    Raises:
        ValueError: a malformed line, as `path:line`; with "skip", more than 1 % of them; or no
            problem is left.

    Example:
        >>> problems = read_ape210k("valid.ape.json")  # doctest: +SKIP
        >>> len(problems)  # doctest: +SKIP
        4999
    """
    records = read_lines(path, _parse, errors)
    problems = [problem for problem in (clean(*record) for record in records) if problem]
    _logger.info("%s: %d of %d problems kept", path, len(problems), len(records))
    if not problems:
        raise ValueError(f"no examples in {path} whose equation gives the answer")
    return problems


def _parse(line):
    try:
        record = json.loads(line)
    except RecursionError:  # thousands of open brackets
        raise ValueError("the line must be a JSON object of strings") from None
    if not isinstance(record, dict):
        raise ValueError("the line must be a JSON object")
    for field in _FIELDS:
        if not isinstance(record.get(field), str):
            raise ValueError(f"field `{field}` must be a string")
    return [record[field] for field in _FIELDS]
