"""Generated math word problems: solvable, sensible, reproducible, and no question twice."""

import re
from collections import Counter
from fractions import Fraction

import pytest

from kerasx.datasets import generate_problems
from kerasx.datasets.math_problems import train_test_problems
from kerasx.datasets.math_templates import FAMILIES
from kerasx.text import evaluate, format_value, remove_brackets

pytestmark = pytest.mark.backend_free
GOLDEN = [
    ("把300克浓度35%的盐水变成浓度15%，要加水多少克？", "300*35/15-300", "400", "浓度"),
    ("果园里有540棵树，其中90%是苹果树，苹果树有多少棵？", "540*90/100", "486", "百分数"),
]
CONSTANTS = {"1", "2", "3", "3.14", "4", "6", "10", "100"}


def numbers(text):
    return re.findall(r"[0-9]+(?:\.[0-9]+)?", text)


def integers(problem):
    return [int(number) for number in numbers(problem.question)]


@pytest.fixture(scope="module")
def problems():
    return generate_problems(10_000, seed=3)


def test_no_problem_is_an_empty_list():
    assert generate_problems(0) == []
    assert train_test_problems(0, 0) == ([], [])


@pytest.mark.parametrize("n", [-1, 1.5, "3", None])
def test_a_bad_count_is_refused(n):
    with pytest.raises(ValueError, match="`n` must be"):
        generate_problems(n)


@pytest.mark.parametrize("seed", [None, 1.0, "0"])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be"):
        generate_problems(1, seed=seed)


@pytest.mark.parametrize("families", [[], ["鸡"], "鸡兔同笼", ["鸡兔同笼", "?"]])
def test_unknown_families_are_refused(families):
    with pytest.raises(ValueError, match="`families` must be"):
        generate_problems(1, families=families)


def test_exhausted_families_are_an_error_not_a_hang():
    with pytest.raises(ValueError, match="no more new questions"):
        generate_problems(5000, families=["圆和正方体"])


def test_every_equation_gives_exactly_its_answer(problems):
    for problem in problems:
        assert evaluate(problem.equation) == evaluate(problem.answer), problem


def test_every_answer_is_positive_and_written_plainly(problems):
    for problem in problems:
        value = evaluate(problem.answer)
        assert value > 0, problem
        assert format_value(value) == problem.answer
        assert value.denominator == 1 or problem.family == "圆和正方体", problem


def test_no_bracket_is_needless(problems):
    for problem in problems[::4]:
        assert remove_brackets(problem.equation) == problem.equation, problem


def test_equations_use_numbers_of_the_question_and_constants(problems):
    for problem in problems:
        allowed = CONSTANTS.union(numbers(problem.question))
        assert allowed.issuperset(numbers(problem.equation)), problem


def test_an_equation_form_is_one_per_kind_of_question():
    for name in FAMILIES:
        forms = Counter(
            re.sub(r"[0-9]+", "n", problem.equation)
            for problem in generate_problems(150, seed=1, families=[name])
        )
        assert len(forms) <= 3, (name, forms)


def test_questions_and_equations_are_short(problems):
    assert max(len(problem.question) for problem in problems) <= 60
    assert max(len(problem.equation) for problem in problems) <= 30
    assert len(set("".join(p.question + p.equation for p in problems))) <= 400
    assert max(len(number) for p in problems for number in numbers(p.question)) <= 4


def test_all_families_occur_about_equally_often(problems):
    counts = Counter(problem.family for problem in problems)
    assert set(counts) == set(FAMILIES) and len(counts) >= 14
    assert min(counts.values()) > 250 and max(counts.values()) < 1000


def test_every_family_has_at_least_four_wordings():
    for name in FAMILIES:
        problems = generate_problems(200, seed=2, families=[name])
        assert {problem.family for problem in problems} == {name}
        words = {re.sub(r"[0-9]+", "n", problem.question) for problem in problems}
        assert len(words) >= 4, name


def test_no_question_occurs_twice(problems):
    assert len({problem.question for problem in problems}) == len(problems)


def test_a_seed_gives_the_same_problems_and_a_prefix_of_more():
    assert generate_problems(40, seed=7) == generate_problems(120, seed=7)[:40]
    assert generate_problems(40, seed=7) != generate_problems(40, seed=8)


def test_the_problems_of_a_seed_are_fixed():
    assert [tuple(problem) for problem in generate_problems(2, seed=0)] == GOLDEN


def test_excluded_questions_do_not_occur(problems):
    excluded = {problem.question for problem in problems[:5000]}
    more = generate_problems(5000, seed=3, exclude=excluded)
    assert excluded.isdisjoint(problem.question for problem in more)
    assert more == problems[5000:] + more[5000:]


def test_training_and_test_questions_are_disjoint_and_the_test_does_not_move():
    train, test = train_test_problems(300, 100, seed=4)
    assert (len(train), len(test)) == (300, 100)
    assert {p.question for p in train}.isdisjoint(p.question for p in test)
    assert train_test_problems(50, 100, seed=4)[1] == test


def chickens(problem):
    heads, legs = integers(problem)
    (found,) = [(x, heads - x) for x in range(heads + 1) if 2 * x + 4 * (heads - x) == legs]
    return found["兔" in problem.question[-9:]]


def surplus(problem):
    a, b, c, d = integers(problem)
    (people,) = [n for n in range(1, 500) if a * n + b == c * n - d]
    return people


def age(problem):
    *people, k = integers(problem)
    younger, older = sorted(people)
    sign = -1 if "年前" in problem.question else 1
    (years,) = [y for y in range(1, 60) if older + sign * y == (younger + sign * y) * k]
    return years


def trees(problem):
    first, second = integers(problem)
    length, gap = max(first, second), min(first, second)
    places = set(range(0, length + 1, gap))
    ends = {"两端都栽": set(), "两端都不栽": {0, length}, "只栽一端": {0}}
    (bare,) = [ends[phrase] for phrase in ends if phrase in problem.question]
    return len(places - bare)


def grass(problem):
    a, m, b, n = integers(problem)[:4]
    (growth,) = [g for g in range(min(a, b)) if (a - g) * m == (b - g) * n]
    return growth if "新长" in problem.question else (a - growth) * m


def pieces(problem):
    total, more = max(integers(problem)), min(integers(problem))
    (less,) = [n for n in range(total) if n + n + more == total]
    one = re.search(r"(小.)和小.|(小.)比小.多", problem.question)
    if not one:
        return None
    one = one.group(1) or one.group(2)
    return less + more if problem.question.rsplit("，", 1)[1].startswith(one) else less


def series(problem):
    if "最" in problem.question:
        return None
    values = integers(problem)[1:] if "第1" in problem.question else integers(problem)
    first, step, count = values
    for _ in range(count - 1):
        first += step
    return first


def mixture(problem):
    if "浓度是百分之几" not in problem.question:
        return None
    added, water = integers(problem)
    return Fraction(100 * added, added + water)


CHECKS = {
    "鸡兔同笼": chickens,
    "盈亏": surplus,
    "年龄": age,
    "植树": trees,
    "牛吃草": grass,
    "和差": pieces,
    "等差数列": series,
    "浓度": mixture,
}


@pytest.mark.parametrize("family", CHECKS)
def test_the_answer_solves_the_question_read_independently(family):
    for problem in generate_problems(300, seed=5, families=[family]):
        found = CHECKS[family](problem)
        assert found is None or found == evaluate(problem.answer), problem
