"""Equations: exact values, the precedence of Python, and malicious strings."""

import ast
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.metrics import equation_accuracy, is_correct
from kerasx.text import equal, evaluate, format_value, normalize_expression, remove_brackets

pytestmark = pytest.mark.backend_free
ROOT = Path(__file__).resolve().parents[2]

ATTACKS = [
    *('__import__("os").getcwd()', "__import__('os').system('id')", "exec('1')", "eval('1')"),
    *(
        "open('/etc/passwd').read()",
        "().__class__.__bases__",
        "(1).__class__",
        "1 .real",
        "1..real",
    ),
    *(
        "os.system",
        "import os",
        "lambda: 1",
        "[1][0]",
        "{}",
        "{1: 2}",
        "x",
        "x:=1",
        "x=x=1",
        "print(1)",
    ),
    *(
        "1 if 1 else 2",
        "1 and 2",
        "not 1",
        "1<2",
        "1==1",
        "1;2",
        "1,2",
        "1\n2",
        "1#2",
        "1\\2",
        "'a'*9",
    ),
    *("9**9**9", "9**-(9**9)", "2**17", "2**2**2**2**2", "((9**16)**16)**16", "(1/7)**17"),
    *("(9**16)**(9**16)", "0**-1", "1/0", "0/0", "1/(2-2)", "4**0.5", "(-8)**(1/3)"),
    *(
        "",
        " ",
        "\0",
        "1\0",
        "\t1",
        "\n",
        "1\r",
        "\ufeff1",
        "\u20281",
        "1\u00a0+1",
        "１+１",
        "2²",
        "٣",
        "½",
        "1＋1",
    ),
    *(
        "1+",
        "*1",
        "/",
        "**",
        "1**",
        "**1",
        "2***3",
        "2* *3",
        "2//3",
        "2/ /3",
        "1 2",
        "1 .5 .5",
        "1.2.3",
        ".",
    ),
    *("(", ")", "()", ")(", "(1", "1)", "((1)", "2(3)", "(2)(3)", "(2)3", "(1+)2", "(+)", "1(+)2"),
    *(
        "1e5",
        "1E400",
        "1j",
        "0x10",
        "0b1",
        "1_000",
        "inf",
        "nan",
        "-nan",
        "1%",
        "5%2",
        "7!",
        "2^3",
        "√4",
        "π",
    ),
    *(
        "1" * 257,
        "-" * 100_000 + "1",
        "(" * 5000 + "1" + ")" * 5000,
        "+".join("1" * 5000),
        "2**" * 80 + "1",
    ),
    *(
        "*".join(["9" * 4000] * 2000),
        "(" * 65 + "1" + ")" * 65,
        "(" * 128 + ")" * 128,
        "9" * 100_000,
    ),
]

HOOKED = """
import sys
from kerasx.metrics import is_correct
from kerasx.text import evaluate, remove_brackets
from hypothesis import given, settings, strategies as st, Phase
from tests.text.test_arithmetic import ATTACKS

FORBIDDEN = ("import", "open", "exec", "compile", "os.", "subprocess.", "socket.", "ctypes.")
watching, seen = False, []

def hook(event, arguments):
    if watching and event.startswith(FORBIDDEN):
        seen.append(event)

def attack(text):
    global watching
    watching = True
    try:
        for function in (evaluate, remove_brackets, lambda text: is_correct(text, text)):
            try:
                function(text)
            except ValueError:
                pass
    finally:
        watching = False

sys.addaudithook(hook)
for text in ATTACKS:
    attack(text)

def run(strategy, count):
    test = settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate])
    test(given(strategy)(attack))()

run(st.text(), 3000)
run(st.text("0123456789.+-*/()%: x=", max_size=40), 7000)
watching = True
compile("1", "", "eval")
watching = False
print(seen)
"""


def expressions():
    """Draw (expression, value) of a random tree, with every operand in brackets."""
    numbers = st.tuples(st.integers(0, 999), st.integers(0, 99)).map(
        lambda n: (f"{n[0]}.{n[1]:02d}", Fraction(n[0] * 100 + n[1], 100))
    )
    integers = st.integers(0, 999).map(lambda n: (str(n), Fraction(n)))

    def grow(children):
        pair = st.tuples(children, children)
        return st.one_of(
            pair.map(lambda p: (f"({p[0][0]})+({p[1][0]})", p[0][1] + p[1][1])),
            pair.map(lambda p: (f"({p[0][0]})-({p[1][0]})", p[0][1] - p[1][1])),
            pair.map(lambda p: (f"({p[0][0]}) * ({p[1][0]})", p[0][1] * p[1][1])),
            pair.filter(lambda p: p[1][1]).map(
                lambda p: (f"({p[0][0]})/({p[1][0]})", p[0][1] / p[1][1])
            ),
            st.tuples(children, st.integers(0, 3)).map(
                lambda p: (f"({p[0][0]})**{p[1]}", p[0][1] ** p[1])
            ),
            children.map(lambda c: (f"-({c[0]})", -c[1])),
        )

    return st.recursive(numbers | integers, grow, max_leaves=6).filter(lambda e: len(e[0]) <= 256)


def python_value(text):
    """Evaluate an expression by Python, on Fractions instead of floats."""

    def value(node):
        if isinstance(node, ast.Constant):
            return Fraction(str(node.value))
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand) if isinstance(node.op, ast.USub) else +value(node.operand)
        left, right = value(node.left), value(node.right)
        if isinstance(node.op, ast.Pow):
            if right.denominator != 1 or abs(right) > 16:
                raise ValueError("exponent")
            return left**right
        operations = {ast.Add: "__add__", ast.Sub: "__sub__", ast.Mult: "__mul__"}
        if isinstance(node.op, ast.Div):
            return left / right
        return getattr(left, operations[type(node.op)])(right)

    return value(ast.parse(text, mode="eval").body)


def test_the_shortest_expressions_have_their_value():
    assert evaluate("0") == 0
    assert evaluate(" 7 ") == 7
    assert evaluate("-1") == -1
    assert evaluate(".5") == evaluate("0.50") == Fraction(1, 2)
    assert evaluate("5.") == 5
    assert type(evaluate("1")) is Fraction


def test_what_is_no_string_is_refused():
    for text in (None, 3, 2.5, b"1", ["1"], 10**6000):
        with pytest.raises(ValueError):
            evaluate(text)


@pytest.mark.parametrize("number", range(len(ATTACKS)))
def test_an_attack_is_a_value_error(number):
    with pytest.raises(ValueError):
        evaluate(ATTACKS[number])


def test_no_text_makes_it_import_open_compile_or_execute():
    command = [sys.executable, "-c", HOOKED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "['compile']", done.stderr  # the hook's own proof of life


@settings(max_examples=500, deadline=None)
@given(st.text() | st.text("0123456789.+-*/() ", max_size=60))
def test_any_text_gives_a_fraction_or_a_value_error(text):
    try:
        assert isinstance(evaluate(text), Fraction)
    except ValueError as error:
        assert "`expression` must be" in str(error)
        assert len(str(error)) < 500


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_random_trees_agree_with_fraction_arithmetic(expression):
    text, value = expression
    assert evaluate(text) == value


NUMBERS = st.sampled_from(["1", "2", "3", "12", "0.5", ".25"])
OPERATORS = st.sampled_from(["+", "-", "*", "/", "**"])
TERMS = st.tuples(st.sampled_from(["", "", "-", "+", "(", "-(", "(-"]), NUMBERS, OPERATORS)
LIKELY = st.tuples(st.lists(TERMS, max_size=6), NUMBERS).map(
    lambda p: "".join(map("".join, p[0])) + p[1] + ")" * sum("(" in term[0] for term in p[0])
)
UNLIKELY = st.lists(NUMBERS | OPERATORS | st.sampled_from("()"), max_size=12).map("".join)


@settings(max_examples=800, deadline=None)
@given(LIKELY | UNLIKELY)
def test_random_token_strings_mean_what_python_means(text):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = python_value(text)
    except (SyntaxError, ValueError, ZeroDivisionError, AttributeError, TypeError, KeyError):
        expected = None
    try:
        found = evaluate(text)
    except ValueError:
        found = None
    assert found == expected


@pytest.mark.parametrize(
    "text, value",
    [
        ("-2**2", -4),
        ("(-2)**2", 4),
        ("2**-1", Fraction(1, 2)),
        ("2**3**2", 512),
        ("2**-1*4", 2),
        ("2**-2**2", Fraction(1, 16)),
        ("--2", 2),
        ("2--+3", 5),
        ("7-2-1", 4),
        ("8/2/2", 2),
        ("8/2*4", 16),
        ("0**0", 1),
        ("0.1+0.2", Fraction(3, 10)),
        ("3.14*(12.56/3.14/2)**(12.56/3.14/2)", Fraction(1256, 100)),
    ],
)
def test_precedence_and_exactness(text, value):
    assert evaluate(text) == value


def test_limits_hold_at_their_edge():
    assert evaluate("(" * 64 + "1" + ")" * 64) == 1
    assert evaluate("1" * 256) == int("1" * 256)
    assert evaluate("2**16") == 65536 and evaluate("2**-16") == Fraction(1, 65536)
    assert evaluate("((9**16)**16)**4/1000000000") > 0
    with pytest.raises(ValueError, match="1000 digits"):
        evaluate("((9**16)**16)**5")


def test_errors_name_the_place():
    with pytest.raises(ValueError, match=r"'x' at position 2 is not known.*'1\+x'"):
        evaluate("1+x")
    with pytest.raises(ValueError, match="'/' at position 4 is out of place"):
        evaluate("1+2*/3")
    with pytest.raises(ValueError, match="divides by zero"):
        evaluate("1/(1-1)")


def test_equal_rounds_to_six_digits():
    assert equal("1/3", "0.333333")
    assert equal("1/3", "0.3333333333")
    assert not equal("1/3", "0.33333")
    assert equal("1/3", "0.33", digits=2)
    assert equal("1000000.5", "2000001/2")


@pytest.mark.parametrize("bad", ["", "1/0", "x", "9**9**9", None])
def test_what_is_invalid_equals_nothing(bad):
    assert not equal(bad, bad)
    assert not equal("1", bad)
    assert not is_correct(bad, bad)
    assert not is_correct("1", bad)
    assert not is_correct(bad, "1")


@pytest.mark.parametrize(
    "text, plain",
    [
        ("x=135/3", "135/3"),
        ("1(2/3)", "(1+2/3)"),
        ("x=2(1+3)", "2+(1+3)"),
        ("12.5%", "(12.5/100)"),
        ("(1/4)%", "(1/4)/100"),
        ("3:4", "3/4"),
        ("x=60*1(1/2)*25%", "60*(1+1/2)*(25/100)"),
        ("", ""),
    ],
)
def test_textbook_notation_becomes_arithmetic(text, plain):
    assert normalize_expression(text) == plain


@pytest.mark.parametrize("text", ["1" * 257, None, 5])
def test_notation_too_long_or_no_string_is_refused(text):
    with pytest.raises(ValueError, match="`text` must be"):
        normalize_expression(text)


def test_percent_mixed_numbers_and_ratios_are_marked_by_value():
    assert is_correct("x=3/(3+1)", "75%")
    assert is_correct("3/2", "1(1/2)")
    assert is_correct("0.75", "3:4")
    assert not is_correct("0.75", "4:3")


def test_accuracy_is_the_share_of_correct_equations():
    assert equation_accuracy(["1+1"], ["2"]) == 1.0
    assert equation_accuracy(["1+1", "2*", "1/0", "6/4"], ["2", "4", "0", "1.5"]) == 0.5


@pytest.mark.parametrize(
    "predictions, answers, match",
    [([], [], "not be empty"), (["1"], [], "same length"), (["1"], ["1", "2"], "same length")],
)
def test_accuracy_refuses_nothing_and_unequal_lengths(predictions, answers, match):
    with pytest.raises(ValueError, match=match):
        equation_accuracy(predictions, answers)


@pytest.mark.parametrize(
    "text, short",
    [
        ("1", "1"),
        ("((1))", "1"),
        ("(2*3)+4", "2*3+4"),
        ("2*(3+4)", "2*(3+4)"),
        ("((3*4)+(5/2))/(1+1)", "(3*4+5/2)/(1+1)"),
        ("12/(2*3)", "12/(2*3)"),
        ("1 - (2 - 3)", "1-(2-3)"),
        ("1/(0.5-(0.25))", "1/(0.5-0.25)"),
        ("2**(3)", "2**3"),
    ],
)
def test_needless_brackets_go(text, short):
    assert remove_brackets(text) == short


def test_brackets_of_an_invalid_expression_are_an_error():
    with pytest.raises(ValueError):
        remove_brackets("(1")


@settings(max_examples=150, deadline=None)
@given(expressions())
def test_removing_brackets_keeps_the_value_and_is_a_fixed_point(expression):
    text, value = expression
    short = remove_brackets(text)
    assert round(evaluate(short), 6) == round(value, 6)
    assert remove_brackets(short) == short
    assert len(short) <= len(text)


@settings(max_examples=100, deadline=None)
@given(expressions())
def test_no_remaining_pair_could_go(expression):
    short = remove_brackets(expression[0])
    opened = []
    for position, character in enumerate(short):
        if character == "(":
            opened.append(position)
        elif character == ")":
            left = opened.pop()
            without = short[:left] + short[left + 1 : position] + short[position + 1 :]
            assert not equal(without, short)


@pytest.mark.parametrize(
    "value, text",
    [
        (Fraction(0), "0"),
        (Fraction(45), "45"),
        (Fraction(-3), "-3"),
        (Fraction(1, 2), "0.5"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(314, 100), "3.14"),
        (Fraction(7, 3), "7/3"),
        (Fraction(-7, 3), "-7/3"),
        (Fraction(1, 10**6), "0.000001"),
        (Fraction(1, 10**7), "1/10000000"),
    ],
)
def test_values_print_as_people_write_them(value, text):
    assert format_value(value) == text


@settings(max_examples=200, deadline=None)
@given(st.fractions())
def test_a_printed_value_reads_back(value):
    assert evaluate(format_value(value)) == value
