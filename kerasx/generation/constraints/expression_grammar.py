"""Restrict continuations to arithmetic expressions about the numbers of a question."""

import re
from collections import Counter

import numpy as np

from kerasx.checks import check_integer, invalid
from kerasx.generation.constraints.automaton import Automaton

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_PIECE = re.compile(r"[0-9.]+|[-+*/()%]|\*\*")
_FIRST, _OPERAND, _FACTOR, _EXPONENT, _VALUE, _PERCENT, _NUMBERS = range(7)  # states


class ExpressionGrammar(Automaton):
    """Allow only arithmetic expressions, which `kerasx.text.evaluate` can read.

    expression = [-] operand {(+ | - | * | / | **) operand}, operand = number | (expression), where
    numbers are those of the question and a few constants, and the exponent of ** is a number.
    Brackets are closed in time for the end. Only values can still make an expression invalid: a
    division by zero, an exponent too large, a text of more than 256 characters.

    The states are the positions in an expression (before an operand, within a number, after a
    value), each once for every depth of brackets; the numbers of a prompt form a prefix tree over
    all their spellings in tokens.

    Args:
        tokenizer: a tokenizer of `kerasx.tokenizers`, that of prompts and expressions.
        constants: numbers, as text, that are allowed beside those of the question.
        end_id: the token that ends an expression, by default the tokenizer's own.
        max_depth: number of brackets that may be open at once, at most 20.
        percent: whether a value may be followed by %, which `evaluate` reads after
            `kerasx.text.normalize_expression`.

    Raises:
        ValueError: an argument out of range, no end token, or neither the question nor `constants`
            has a number that the vocabulary can spell.

    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> tokenizer = Tokenizer(character_vocab(["鸡有38只0123456789.+-*/()"]))
    >>> ExpressionGrammar(tokenizer).numbers(tokenizer.encode("鸡有38只")[0])
    ['1', '100', '2', '3.14', '38']
    """

    def __init__(
        self,
        tokenizer,
        constants=("1", "2", "3.14", "100"),
        end_id=None,
        max_depth=6,
        percent=False,
    ):
        super().__init__(tokenizer.end_id if end_id is None else end_id)
        check_integer("max_depth", max_depth, 0, 21)
        if isinstance(constants, str) or not all(_is_number(x) for x in constants):
            expected = "`constants` must be numbers as text, such as ['1', '3.14']."
            raise invalid(expected, constants=constants)
        self.tokenizer = tokenizer
        self.constants = tuple(constants)
        self.max_depth = max_depth
        self.percent = percent
        self._ids = _pieces(tokenizer)

    def numbers(self, prompt):
        """Return the numbers, as text, that an expression for this prompt may hold."""
        found = _NUMBER.findall(self.tokenizer.decode([int(i) for i in prompt]))
        return sorted({*found, *self.constants})

    def text(self, ids):
        """Return the expression that token ids write, without spaces."""
        return "".join(map(_stem, self.tokenizer.ids_to_tokens(ids)))

    def edges(self, prompt):
        rows = np.array(self._flat_edges(prompt))  # (e, 4)
        states = rows[:, [0, 2]].max() + 1
        depth = np.arange(self.max_depth + 1)[:, None]
        state, token, target, rise = rows.T
        rows = np.broadcast_arrays(
            state + states * depth, token, target + states * (depth + rise), depth, rise
        )
        state, token, target, depth, rise = (x.ravel() for x in rows)
        inside = (depth + rise >= 0) & (depth + rise <= self.max_depth)
        inside &= (token != self.end_id) | (depth == 0)
        return np.stack([state, token, target], axis=1)[inside]

    def _flat_edges(self, prompt):
        """Return (state, token, next state, change of depth), the same at every depth."""
        rows = [*self._operand(_FIRST), *self._operand(_OPERAND), *self._operand(_FACTOR)]
        rows += [*self._spelled(_FIRST, "-", _OPERAND), *self._spelled(_FACTOR, "*", _EXPONENT)]
        rows += [*self._after_value(_VALUE), *self._after_value(_PERCENT, percent=False)]
        rows += self._spelled(_FIRST, "", _FIRST)
        numbers = self.numbers(prompt)
        beginnings = sorted({x[:n] for x in numbers for n in range(1, len(x) + 1)})
        states = {x: _NUMBERS + i for i, x in enumerate(beginnings)}
        rows += self._numbers(numbers, states, (_FIRST, _OPERAND, _FACTOR))
        states = {x: i + len(states) for x, i in states.items()}
        return rows + self._numbers(numbers, states, (_EXPONENT,), power=False)

    def _spelled(self, state, text, target, rise=0):
        return [(state, i, target, rise) for i in self._ids.get(text, ())]

    def _operand(self, state):
        """Return the edges of the bracket that may begin an operand."""
        return self._spelled(state, "(", _FIRST, 1)

    def _after_value(self, state, power=True, percent=True):
        """Return the edges after a value. A "*" is a product, or the first half of "**"."""
        rows = [row for x in "+-/" for row in self._spelled(state, x, _OPERAND)]
        rows += self._spelled(state, "*", _FACTOR if power else _OPERAND)
        rows += self._spelled(state, "**", _EXPONENT) if power else []
        rows += self._spelled(state, "%", _PERCENT) if self.percent and percent else []
        return [*rows, *self._spelled(state, ")", _VALUE, -1), (state, self.end_id, state, 0)]

    def _numbers(self, numbers, states, starts, power=True):
        """Return the prefix tree of the numbers from `starts`, with a state for each beginning."""
        edges = set()
        for x in numbers:
            for n in range(1, len(x) + 1):
                for m in range(n):
                    before = [states[x[:m]]] if m else starts
                    spelled = self._ids.get(x[m:n], ())
                    edges.update((s, i, states[x[:n]], 0) for s in before for i in spelled)
        whole = [row for x in numbers for row in self._after_value(states[x], power)]
        return [*sorted(edges), *whole]


def frequent_constants(pairs, share=0.001):
    """Return numbers that are frequent in expressions but not in their questions, such as π.

    Args:
        pairs: texts (question, expression).
        share: the least share of the expressions that must hold a number.

    Returns:
        A list of str, the most frequent first.

    >>> frequent_constants([("半径为5的圆的面积是多少？", "3.14*5**2")])
    ['3.14', '2']
    """
    pairs = [[_NUMBER.findall(text) for text in pair] for pair in pairs]
    counts = Counter(x for given, used in pairs for x in dict.fromkeys(used) if x not in given)
    return [x for x, n in counts.most_common() if n >= share * len(pairs)]


def _is_number(text):
    return isinstance(text, str) and _NUMBER.fullmatch(text)


def _stem(token):
    return token.removeprefix("##").removeprefix("▁")


def _pieces(tokenizer):
    """Return {text: ids of the tokens that write it} for the parts of expressions."""
    ids = {}
    for i in range(tokenizer.vocab_size):
        token = tokenizer.id_to_token(i)
        if token == "▁" or _PIECE.fullmatch(_stem(token)):
            ids.setdefault(_stem(token), []).append(i)
    return ids
