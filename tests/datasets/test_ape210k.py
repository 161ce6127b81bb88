"""ape210k: the steps of cleaning, and a reader that reports what it leaves out."""

import json
import re
import warnings

import pytest

from kerasx.datasets import Problem, generate_problems, read_ape210k
from kerasx.datasets.math_problems import clean
from kerasx.text import equal, normalize_expression, remove_brackets

pytestmark = pytest.mark.backend_free


def record(question="1加1是几？", equation="x=1+1", answer="2", **more):
    fields = {"original_text": question, "equation": equation, "ans": answer, **more}
    return json.dumps(fields, ensure_ascii=False)


def write(tmp_path, *lines, encoding="utf-8", end="\n"):
    path = tmp_path / "problems.json"
    path.write_bytes(end.join(lines).encode(encoding))
    return path


def raw(i, problem):
    """Return a problem in the notation of ape210k, every eighth with a wrong answer."""
    equation = re.sub(r"\*([0-9]+)/100$", r"*\1%", problem.equation)
    equation = f"({equation})" if i % 3 == 0 else equation.replace("/", ":")
    answer = problem.answer if i % 8 else f"{problem.answer}+1"
    return record(problem.question, f"x={equation}", answer)


@pytest.fixture(scope="module")
def generated():
    return generate_problems(800, seed=1)


@pytest.fixture(scope="module")
def valid(tmp_path_factory, generated):
    lines = [raw(i, problem) for i, problem in enumerate(generated)]
    return read_ape210k(write(tmp_path_factory.mktemp("ape210k"), *lines))


@pytest.mark.parametrize("equation, answer", [("", ""), ("x=", "1"), ("1/0", "1"), ("x=1", "2")])
def test_what_does_not_give_its_answer_is_none(equation, answer):
    assert clean("", equation, answer) is None


@pytest.mark.parametrize("equation", ["x=" + "1+" * 200 + "1", "x=9**9**9", "x=__import__('os')"])
def test_a_hostile_equation_is_none(equation):
    assert clean("1", equation, "1") is None


def test_mixed_numbers_become_sums_in_all_three_fields():
    problem = clean("1(1/2)的2倍", "x=1(1/2)*2", "3(0/1)")
    assert problem == Problem("(1+1/2)的2倍", "(1+1/2)*2", "(3+0/1)")


def test_a_number_before_a_bracket_is_added_in_equation_and_answer_only():
    assert clean("2(3+4)", "x=2(3+4)", "2(7)") == ("2(3+4)", "2+3+4", "2+(7)", "")


def test_proper_fractions_lose_their_brackets_in_the_question():
    assert clean("8的(1/4)和(3-1)", "x=8*(1/4)", "2").question == "8的1/4和(3-1)"


def test_percentages_are_divided_by_100_in_equation_and_answer_only():
    problem = clean("80的25%", "x=80*25%", "2000%")
    assert problem.question == "80的25%"
    assert problem.equation == "80*25/100"
    assert problem.answer == "(2000/100)"


def test_a_percent_sign_after_a_bracket_and_a_ratio_become_divisions():
    assert clean("", "x=(1+3)%*3:4", "0.03").equation == "(1+3)/100*3/4"


def test_the_answer_is_compared_to_six_digits():
    assert clean("", "x=2/3", "0.666667")
    assert clean("", "x=2/3", "0.66667") is None


def test_a_file_is_read_in_order_and_bad_equations_are_dropped(tmp_path):
    path = write(tmp_path, record(), record(equation="x=1+2"), record("b", "x=2*(3)", "6"), "")
    assert read_ape210k(path) == [("1加1是几？", "1+1", "2", ""), ("b", "2*3", "6", "")]


def test_how_many_were_kept_is_logged(tmp_path, caplog):
    path = write(tmp_path, record(), record(equation="x=1+2"))
    with caplog.at_level("INFO", logger="kerasx.datasets.math_problems"):
        read_ape210k(path)
    assert "1 of 2 problems kept" in caplog.text


def test_byte_order_mark_crlf_blank_lines_and_line_separators_are_fine(tmp_path):
    lines = (record("甲\u2028乙"), "", record("丙"))
    path = write(tmp_path, *lines, encoding="utf-8-sig", end="\r\n")
    assert [problem.question for problem in read_ape210k(path)] == ["甲\u2028乙", "丙"]


@pytest.mark.parametrize("lines", [(), ("", " "), (record(equation="x=3"),)])
def test_a_file_without_examples_is_refused(tmp_path, lines):
    with pytest.raises(ValueError, match="no examples in .*problems.json"):
        read_ape210k(write(tmp_path, *lines))


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        json.dumps({"original_text": "a", "equation": "x=1"}),
        record(answer=2),
        record(question=None),
        "\0",
    ],
)
def test_a_malformed_line_is_named_with_path_line_and_its_start(tmp_path, line):
    path = write(tmp_path, record(), line, record())
    with pytest.raises(ValueError) as error:
        read_ape210k(path)
    assert f"{path}:2: " in str(error.value)
    assert repr(line[:80]) in str(error.value)
    assert len(str(error.value)) < 400 + len(str(path))


def test_a_missing_field_is_named(tmp_path):
    with pytest.raises(ValueError, match="field `ans` must be a string"):
        read_ape210k(write(tmp_path, json.dumps({"original_text": "a", "equation": "x=1"})))


@pytest.mark.parametrize("encoding, line", [("gb18030", 1), ("utf-16", 1)])
def test_a_wrong_encoding_is_named_with_path_and_line(tmp_path, encoding, line):
    path = write(tmp_path, record(), encoding=encoding)
    with pytest.raises(ValueError, match=f"problems.json:{line}: "):
        read_ape210k(path)


def test_skipping_counts_and_warns_once(tmp_path):
    path = write(tmp_path, *[record()] * 198, "{", "[]")
    with pytest.warns(UserWarning) as caught:
        assert len(read_ape210k(path, errors="skip")) == 198
    assert len(caught) == 1
    assert "2 of 200 lines skipped" in str(caught[0].message)
    assert f"{path}:199: " in str(caught[0].message)


def test_skipping_more_than_one_percent_is_an_error(tmp_path):
    path = write(tmp_path, *[record()] * 197, "{", "[]", "x")
    with pytest.raises(ValueError, match="3 of 200"):
        read_ape210k(path, errors="skip")


def test_a_clean_file_warns_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_ape210k(write(tmp_path, record()), errors="skip")


def test_the_error_policy_is_checked(tmp_path):
    with pytest.raises(ValueError, match="`errors` must be"):
        read_ape210k(write(tmp_path, record()), errors="ignore")


def test_the_problems_whose_equation_gives_the_answer_survive(valid, generated):
    kept = [problem for i, problem in enumerate(generated) if i % 8]
    assert [problem.question for problem in valid] == [problem.question for problem in kept]
    assert all(equal(a.equation, b.equation) for a, b in zip(valid, kept))


def test_every_surviving_equation_gives_its_answer_without_needless_brackets(valid):
    for problem in valid:
        assert equal(problem.equation, problem.answer)
        assert remove_brackets(problem.equation) == problem.equation


def test_a_third_of_the_equations_is_simplified(valid, generated):
    raws = (json.loads(raw(i, problem))["equation"] for i, problem in enumerate(generated))
    kept = {normalize_expression(equation) for equation in raws}
    assert sum("**" in problem.equation for problem in valid) > 20
    simplified = sum(problem.equation not in kept for problem in valid)
    assert 0.3 < simplified / len(valid) < 0.36
