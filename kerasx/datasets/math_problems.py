"""Math word problems: a reader of ape210k, and generated problems, each with its equation.

Data: Zhao et al., arXiv 2009.11506, one JSON object a line with `original_text`, `equation`
(`x=...`) and `ans`. Cleaning: kexue.fm/archives/7809.
A small model can learn the generated problems in minutes; `kerasx.datasets.math_templates` has
their wordings.
"""

import json
import logging
import re
from typing import NamedTuple

from kerasx.checks import invalid
from kerasx.datasets.draw import draw_distinct
from kerasx.datasets.math_templates import FAMILIES
from kerasx.files import read_lines
from kerasx.text import equal, format_value, normalize_expression, remove_brackets

_FIELDS = ("original_text", "equation", "ans")
_logger = logging.getLogger(__name__)


class Problem(NamedTuple):
    """A math word problem; `evaluate(equation)` equals the value of `answer`."""

    question: str
    equation: str
    answer: str
    family: str = ""


def clean(question, equation, answer):
    """Convert a problem to plain arithmetic; return None if the equation does not give the answer.

    In the question `1(1/2)` becomes `(1+1/2)`, then `(1/2)` becomes `1/2`. Equation and answer are
    normalized by `normalize_expression` and must agree to 6 digits. At last, each pair of brackets
    that does not change the value of the equation is removed.

    Args:
        question, equation, answer: str, fields `original_text`, `equation` and `ans` of ape210k.

    Returns:
        A `Problem`; None for no arithmetic, division by zero, or a value other than the answer.

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
    """Read the problems of a file whose equation gives the answer, cleaned, in file order.

    Problems for which `clean` returns None are dropped; their number is logged at level INFO.

    Args:
        path: a UTF-8 file of JSON lines; a byte-order mark, CRLF and blank lines are allowed.
        errors: `"raise"` stops at a malformed line (encoding, JSON, fields), `"skip"` leaves
            malformed lines out and warns once; see `read_lines`.

    Returns:
        List of `Problem`.

    Raises:
        ValueError: a malformed line, named by `path:line`; with "skip", more than 1 % of them; or
            no problem is left.

    >>> import os, tempfile
    >>> record = {"original_text": "1加1是几？", "equation": "x=1+1", "ans": "2"}
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(json.dumps(record).encode())
    >>> read_ape210k(file.name)
    [Problem(question='1加1是几？', equation='1+1', answer='2', family='')]
    >>> os.unlink(file.name)
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
    """Generate `n` different math word problems in Chinese.

    The problems depend on the arguments alone, and a shorter list is the start of a longer one.

    Args:
        n: int, the number of problems.
        seed: int.
        families: names of `FAMILIES` to draw from, uniformly; None for all.
        exclude: questions that must not occur, such as those of a test set.

    Returns:
        List of `Problem(question, equation, answer, family)`: `evaluate(equation)` is exactly
        `evaluate(answer)`, and `remove_brackets(equation) == equation`.

    Raises:
        ValueError: a bad argument, or fewer than `n` new questions can be made.

    >>> problem = generate_problems(1, families=["鸡兔同笼"])[0]
    >>> equal(problem.equation, problem.answer)
    True
    """
    names = list(FAMILIES) if families is None else list(families)
    if not names or not set(names) <= set(FAMILIES):
        raise invalid(f"`families` must be names among {list(FAMILIES)}.", families=families)

    def draw_one(draw):
        problem = _draw_problem(draw, draw.choice(names))
        return problem if remove_brackets(problem.equation) == problem.equation else None

    return draw_distinct(n, seed, draw_one, lambda p: p.question, exclude, "questions")


def train_test_problems(n_train, n_test, seed=0, families=None):
    """Generate training and test problems that have no question in common.

    The test problems depend on `n_test`, `seed` and `families` only, so that training sets of
    different sizes have the same test set.

    Args:
        n_train, n_test: int, the numbers of problems.
        seed, families: as in `generate_problems`.

    Returns:
        (train, test): two lists of `Problem`.

    >>> train, test = train_test_problems(80, 20, seed=1)
    >>> len(train), len(test)
    (80, 20)
    """
    problems = generate_problems(n_test + n_train, seed, families)
    return problems[n_test:], problems[:n_test]


def _draw_problem(draw, family):
    (equation, answer), *wordings = draw.choice(list(FAMILIES[family](draw)))
    return Problem(draw.choice(wordings), equation, format_value(answer), family)
