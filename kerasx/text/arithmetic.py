"""Evaluate arithmetic expressions exactly and safely, even if a model wrote them.

A shunting-yard parser computes with `fractions.Fraction`. It executes no code, does not recurse,
and bounds all sizes, so any string gives a value or a ValueError within milliseconds. In math
word problems an equation is judged by its value (kexue.fm/archives/7809).
"""

import operator
import re
from fractions import Fraction

from kerasx.checks import invalid

MAX_LENGTH = 256  # in characters; the longest cleaned equation of ape210k has 233
MAX_DEPTH = 64  # operators and brackets that wait for their right operand
MAX_EXPONENT = 16
MAX_DIGITS = 1000  # of the numerator and denominator of any intermediate value

_BOUND = 10**MAX_DIGITS
_TOKEN = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?P<operator>\*\*|[-+*/()])"
    r"|(?P<space> +)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_PRECEDENCE = {"(": 0, "+": 1, "-": 1, "*": 2, "/": 2, "unary +": 3, "unary -": 3, "**": 4}


def evaluate(expression):
    """Compute the exact value of an arithmetic expression.

    The expression consists of ASCII decimal numbers (3.14 is 314/100), `+ - * / **`, signs,
    brackets and spaces, with the precedence of Python 3: `-2**2` is -4, `2**3**2` is `2**9`. The
    exponent of `**` may be an expression whose value is an integer in [-16, 16]. Roots such as
    `4**0.5`, which are rarely fractions, `%`, `//`, names, calls and 1e5 are invalid.

    Args:
        expression: str of at most 256 characters, with at most 64 nested operators and 1,000
            digits in any value.

    Returns:
        A `fractions.Fraction`.

    Raises:
        ValueError: the expression is invalid, divides by zero, or exceeds a limit.

    >>> evaluate("3.14*(4/2)**2")
    Fraction(314, 25)
    """
    try:
        return _value(expression)
    except (ValueError, ZeroDivisionError) as error:
        reason = "it divides by zero" if isinstance(error, ZeroDivisionError) else error
        raise invalid(
            "`expression` must be arithmetic over decimal numbers, + - * / ** and brackets; "
            f"{reason}.",
            expression=expression,
        ) from None


def equal(a, b, digits=6):
    """Tell whether two expressions have the same value, exactly rounded to `digits` decimals.

    An expression that `evaluate` refuses is equal to nothing.

    >>> equal("1/3", "0.3333333"), equal("1/0", "1/0")
    (True, False)
    """
    try:
        return round(evaluate(a), digits) == round(evaluate(b), digits)
    except ValueError:
        return False


def normalize_expression(text):
    """Rewrite an equation in textbook notation as an expression that `evaluate` accepts.

    In this order: a mixed number `1(2/3)` becomes `(1+2/3)`, other `2(` become `2+(`, a percentage
    `5%` becomes `(5/100)`, a ratio `3:4` becomes `3/4`, other `%` become `/100`, and a leading `x=`
    is removed.

    Args:
        text: str of at most 256 characters.

    Raises:
        ValueError: `text` is not a str or is too long.

    Source: kexue.fm/archives/7809.

    >>> normalize_expression("x=60*1(1/2)*25%")
    '60*(1+1/2)*(25/100)'
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise invalid(f"`text` must be a str of at most {MAX_LENGTH} characters.", text=text)
    text = re.sub(r"([0-9]+)\(([0-9]+/[0-9]+)\)", r"(\1+\2)", text)
    text = re.sub(r"([0-9]+)\(", r"\1+(", text)
    text = re.sub(r"([.0-9]+)%", r"(\1/100)", text)
    return text.replace(":", "/").replace("%", "/100").removeprefix("x=")


def remove_brackets(expression):
    """Remove spaces and each pair of brackets that the value, to 6 decimals, does not need.

    Inner brackets are tried first, until no pair can be removed. A model then has fewer spellings
    of the same equation to learn.

    Raises:
        ValueError: `evaluate` refuses the expression.

    Source: kexue.fm/archives/7809.

    >>> remove_brackets("((3*4)+(5/2))/(1+1)")
    '(3*4+5/2)/(1+1)'
    """
    value = round(evaluate(expression), 6)
    before = None
    while before != expression:
        before = expression = expression.replace(" ", "")
        for left, right in _bracket_pairs(expression):
            inside = expression[left + 1 : right]
            shorter = f"{expression[:left]} {inside} {expression[right + 1 :]}"  # same positions
            try:
                if round(evaluate(shorter), 6) == value:
                    expression = shorter
            except ValueError:  # such as a division by zero: the pair is needed
                continue
    return expression


def format_value(value, digits=6):
    """Format a fraction as an integer, a number of at most `digits` decimals, or `a/b`.

    >>> [format_value(evaluate(e)) for e in ("6/2", "-1/8", "14/6")]
    ['3', '-0.125', '7/3']
    """
    value = Fraction(value)
    for places in range(digits + 1):
        scaled = value * 10**places
        if scaled.denominator == 1:
            whole, decimals = divmod(abs(scaled.numerator), 10**places)
            sign = "-" if value < 0 else ""
            return f"{sign}{whole}" + (f".{decimals:0{places}d}" if places else "")
    return str(value)


def _value(expression):
    """Parse with Dijkstra's shunting yard: operators wait until one that binds less follows."""
    values, pending, wants_operand = [], [], True
    for token, is_number, position in _tokens(expression):
        if is_number and wants_operand:
            values.append(Fraction(token))
            wants_operand = False
        elif wants_operand and token in ("+", "-", "("):
            pending.append(token if token == "(" else f"unary {token}")
        elif is_number or wants_operand or token == "(":
            raise ValueError(f"{token!r} at position {position} is out of place")
        elif token == ")":
            _reduce(values, pending, 1)
            if not pending:
                raise ValueError(f"')' at position {position} has no '('")
            pending.pop()
        else:
            groups_rightwards = token == "**"
            _reduce(values, pending, _PRECEDENCE[token] + groups_rightwards)
            pending.append(token)
            wants_operand = True
        if len(pending) > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} operators and brackets are open at once")
    if wants_operand:
        raise ValueError("it ends before a number")
    _reduce(values, pending, 1)
    if pending:
        raise ValueError("a '(' has no ')'")
    return values.pop()


def _tokens(expression):
    """Yield (token, whether it is a number, position); only ASCII, so `２` and `²` are refused."""
    if not isinstance(expression, str):
        raise ValueError("it is not a string")
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    for match in _TOKEN.finditer(expression):
        if match.lastgroup == "other":
            raise ValueError(f"{match.group()!r} at position {match.start()} is not known")
        if match.lastgroup != "space":
            yield match.group(), match.lastgroup == "number", match.start()


def _reduce(values, pending, precedence):
    """Apply the operators at the end of `pending` that bind at least as much as `precedence`."""
    while pending and _PRECEDENCE[pending[-1]] >= precedence:
        name = pending.pop()
        arity = 1 if name.startswith("unary") else 2
        operands = values[-arity:]
        values[-arity:] = [_bounded(_OPERATIONS[name](*operands))]


def _power(base, exponent):
    if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
        raise ValueError(f"an exponent is not an integer from -{MAX_EXPONENT} to {MAX_EXPONENT}")
    return base**exponent


def _bounded(value):
    if max(abs(value.numerator), value.denominator) >= _BOUND:
        raise ValueError(f"a value has more than {MAX_DIGITS} digits")
    return value


def _bracket_pairs(expression):
    pairs, opened = [], []
    for position, character in enumerate(expression):
        if character == "(":
            opened.append(position)
        elif character == ")":
            pairs.append((opened.pop(), position))
    return pairs


_OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": _power,
    "unary +": operator.pos,
    "unary -": operator.neg,
}
