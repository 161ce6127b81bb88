"""Arithmetic written by a model, evaluated exactly and safely: no `eval`, no floats, no surprises.

A shunting-yard parser over a regular-expression tokenizer, on `fractions.Fraction`. Nothing is
compiled or executed, nothing recurses, and every size is bounded, so any string at all gives
either a value or a `ValueError` within milliseconds. Used for math word problems, where the
generated equation is marked by its value (kexue.fm/archives/7809).
"""

import operator
import re
import reprlib
from fractions import Fraction

MAX_LENGTH = 256  # characters; the longest cleaned equation of ape210k has 233
MAX_DEPTH = 64  # operators and brackets waiting for their right operand
MAX_EXPONENT = 16
MAX_DIGITS = 1000  # of any numerator or denominator on the way

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
    """The exact value of an arithmetic expression.

    Knows ASCII decimal numbers (3.14 is 314/100), `+ - * / **`, signs, brackets and spaces, with
    the precedence of Python 3: `-2**2 == -4`, `2**-1 == 1/2`, `2**3**2 == 2**9`. `%`, `//`, names,
    calls and exponent notation are no part of it. The exponent of `**` may be computed but must
    come out as an integer of at most 16 in magnitude: roots are rarely fractions, so `4**0.5` is
    refused rather than approximated.

    Args:
        expression: str, at most 256 characters, 64 nested operators and 1,000 digits in any value.

    Returns:
        A `fractions.Fraction`.

    Raises:
        ValueError: it is not such an expression, divides by zero, or exceeds a limit.

    Example:
        >>> evaluate("3.14*(4/2)**2")
        Fraction(314, 25)
    """
    try:
        return _value(expression)
    except (ValueError, ZeroDivisionError) as error:
        reason = "it divides by zero" if isinstance(error, ZeroDivisionError) else error
        raise ValueError(
            "`expression` must be arithmetic over decimal numbers, + - * / ** and brackets; "
            f"{reason}. Received: expression={_shown(expression)}"
        ) from None


def equal(a, b, digits=6):
    """Whether two expressions have one value: `round(a, digits) == round(b, digits)`, exactly.

    An invalid expression (no arithmetic, division by zero, over a limit) equals nothing.

    Example:
        >>> equal("1/3", "0.3333333"), equal("1/0", "1/0")
        (True, False)
    """
    try:
        return round(evaluate(a), digits) == round(evaluate(b), digits)
    except ValueError:
        return False


def normalize_expression(text):
    """Textbook notation as arithmetic, in the order of kexue.fm/archives/7809.

    Mixed numbers `1(2/3)` become `(1+2/3)`, other `2(` become `2+(`, percentages `5%` become
    `(5/100)`, ratios `3:4` become `3/4`, a `%` left over becomes `/100`, a leading `x=` goes.

    Args:
        text: str, at most 256 characters.

    Raises:
        ValueError: `text` is no string or too long.

    Example:
        >>> normalize_expression("x=60*1(1/2)*25%")
        '60*(1+1/2)*(25/100)'
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise ValueError(
            f"`text` must be a string of at most {MAX_LENGTH} characters. "
            f"Received: text={_shown(text)}"
        )
    text = re.sub(r"([0-9]+)\(([0-9]+/[0-9]+)\)", r"(\1+\2)", text)
    text = re.sub(r"([0-9]+)\(", r"\1+(", text)
    text = re.sub(r"([.0-9]+)%", r"(\1/100)", text)
    return text.replace(":", "/").replace("%", "/100").removeprefix("x=")


def remove_brackets(expression):
    """Deletes each pair of brackets, inner first, whose removal keeps the value to 6 digits.

    One value then has fewer spellings for a model to learn (kexue.fm/archives/7809). Repeated
    until nothing changes, so the result is a fixed point; spaces go too.

    Raises:
        ValueError: `evaluate` cannot read the expression.

    Example:
        >>> remove_brackets("((3*4)+(5/2))/(1+1)")
        '(3*4+5/2)/(1+1)'
    """
    value = round(evaluate(expression), 6)
    before = None
    while before != expression:
        before = expression = expression.replace(" ", "")
        for left, right in _bracket_pairs(expression):
            inside = expression[left + 1 : right]
            shorter = f"{expression[:left]} {inside} {expression[right + 1 :]}"  # keeps positions
            try:
                if round(evaluate(shorter), 6) == value:
                    expression = shorter
            except ValueError:  # such as a zero divisor: this pair is needed
                continue
    return expression


def format_value(value, digits=6):
    """A fraction as people write it: an integer, a decimal of at most `digits` digits, or `a/b`.

    Example:
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
    """Dijkstra's shunting yard: operators wait in `pending` until a looser one comes."""
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
    """Yields (token, is it a number, position); ASCII only, so `２` and `²` are refused."""
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
    """Applies the operators on top of `pending` that bind at least as tightly as `precedence`."""
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

_REPR = reprlib.Repr()
_REPR.maxstring = 80
_shown = _REPR.repr
