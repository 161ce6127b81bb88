"""ape210k: Chinese math word problems, each with the equation that solves it, read and cleaned.

Data: Zhao et al., arXiv 2009.11506, one JSON object a line with `original_text`, `equation`
(`x=...`) and `ans`. Cleaning: kexue.fm/archives/7809.
"""

import json
import logging
import re
import warnings
from typing import NamedTuple

from kerasx.metrics.equations import equal, normalize_expression, remove_brackets

_FIELDS = ("original_text", "equation", "ans")
_MAX_SKIPPED = 0.01  # of the lines; more than that is a wrong file, not a few bad lines
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
        errors: what to do about a malformed line (encoding, JSON, fields): "raise", or "skip",
            which counts such lines and warns once.

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
    if errors not in ("raise", "skip"):
        raise ValueError(f'`errors` must be "raise" or "skip". Received: errors={errors!r}')
    records, skipped = [], []
    with open(path, "rb") as file:  # bytes: only a line feed ends a line, U+2028 does not
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    records.append(_parse(line, number == 1))
                except (ValueError, RecursionError) as error:  # the latter from nested brackets
                    skipped.append(f"{path}:{number}: {error}. Received: {_start(line)!r}")
                    if errors == "raise":
                        raise ValueError(skipped[-1]) from None
    if skipped:
        _report(path, skipped, len(records) + len(skipped))
    problems = [problem for problem in (clean(*record) for record in records) if problem]
    _logger.info("%s: %d of %d problems kept", path, len(problems), len(records))
    if not problems:
        raise ValueError(f"no examples in {path}")
    return problems


def _parse(line, is_first):
    """The three fields of one line; bad encoding and bad JSON are ValueErrors as well."""
    record = json.loads(line.decode("utf-8-sig" if is_first else "utf-8"))
    if not isinstance(record, dict):
        raise ValueError("the line must be a JSON object")
    for name in _FIELDS:
        if not isinstance(record.get(name), str):
            raise ValueError(f"field `{name}` must be a string")
    return [record[name] for name in _FIELDS]


def _report(path, skipped, total):
    message = f"{path}: {len(skipped)} of {total} lines are malformed, first {skipped[0]}"
    if len(skipped) > _MAX_SKIPPED * total:
        raise ValueError(f"{message}; more than {_MAX_SKIPPED:.0%} means that the file is wrong")
    warnings.warn(message, stacklevel=3)


def _start(line):
    return line[:400].decode("utf-8", "replace").rstrip()[:80]
