"""Chinese math word problems without a data set, each with the equation that solves it.

Stands in for ape210k (kexue.fm/archives/7809) where a small model is to learn, in minutes, which
arithmetic a text asks for. The wordings are in `kerasx.data.math_families`.
"""

from kerasx.data.ape210k import Problem
from kerasx.data.drawing import draw_distinct
from kerasx.data.math_families import FAMILIES
from kerasx.metrics.equations import format_value, remove_brackets


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
