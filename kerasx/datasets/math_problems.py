"""Chinese math word problems, each with the equation that solves it: ape210k, or made up.

Data: Zhao et al., arXiv 2009.11506, one JSON object a line with `original_text`, `equation`
(`x=...`) and `ans`. Cleaning: kexue.fm/archives/7809.
The made-up problems stand in for it where a small model is to learn in minutes; their wordings are
in `kerasx.datasets.math_templates`.
"""

import json
import logging
import re
from typing import NamedTuple

from kerasx.datasets.draw import draw_distinct
from kerasx.datasets.math_templates import FAMILIES
from kerasx.files import read_lines
from kerasx.text import equal, format_value, normalize_expression, remove_brackets

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


def generate_problems(n, seed=0, families=None, exclude=()):
    """`n` math word problems in Chinese, no question twice.

    The same on every platform for a seed, and a shorter list is the start of a longer one.

    Args:
        n: int, how many.
        seed: int.
        families: names to draw from, uniformly; default all of `FAMILIES`.
        exclude: questions that must not occur, such as those of a test set.

    Returns:
        A list of `Problem(question, equation, answer, family)`: `evaluate(equation)` is exactly
        `evaluate(answer)`, and `remove_brackets(equation) == equation`.

    Raises:
        ValueError: a bad argument, or the families have no `n` new questions left.

    Example:
        >>> from kerasx.metrics import is_correct
        >>> problem = generate_problems(1, families=["鸡兔同笼"])[0]
        >>> is_correct(problem.equation, problem.answer)
        True
    """
    names = list(FAMILIES) if families is None else list(families)
    if not names or not set(names) <= set(FAMILIES):
        raise ValueError(
            f"`families` must be names among {list(FAMILIES)}. Received: families={families!r}"
        )

    def draw_one(draw):
        problem = _draw_problem(draw, draw.choice(names))
        return problem if remove_brackets(problem.equation) == problem.equation else None

    return draw_distinct(n, seed, draw_one, lambda p: p.question, exclude, "questions")


def train_test_problems(n_train, n_test, seed=0, families=None):
    """Training and test problems without a question in common.

    The test problems depend on `n_test`, `seed` and `families` only, so training sets of different
    sizes are tested on the same ones.

    Returns:
        Two lists of `Problem`.

    Example:
        >>> train, test = train_test_problems(80, 20, seed=1)
        >>> len(train), len(test)
        (80, 20)
    """
    problems = generate_problems(n_test + n_train, seed, families)
    return problems[n_test:], problems[:n_test]


def _draw_problem(draw, family):
    (equation, answer), *wordings = draw.choice(list(FAMILIES[family](draw)))
    return Problem(draw.choice(wordings), equation, format_value(answer), family)
