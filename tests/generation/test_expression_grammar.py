"""Every output parses, is finished in time, and its numbers come from the question."""

import ast
import itertools
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasx.generation import ExpressionGrammar, Generator
from kerasx.text import evaluate, normalize_expression
from kerasx.tokenizers import Tokenizer
from tests.generation.models import tiny_model
from tests.generation.noise import Noise, each_strategy

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "鸡", "有", "只"]
PIECES = ["0", "1", "2", "4", "38", "##4", "##00", ".", *"+-*/()%", "**"]
TOKENIZER = Tokenizer({token: i for i, token in enumerate(SPECIALS + PIECES)})
QUESTIONS = ["鸡有384只", "", "有2只，有14.2只", "24"]
PROMPTS = [TOKENIZER.encode(question)[0] for question in QUESTIONS]
NUMBERLESS = TOKENIZER.encode("鸡有")[0]
CONSTANTS = {"1", "2", "3.14", "100"}
END, STEPS = TOKENIZER.end_id, 12


def text(ids):
    return "".join(map(TOKENIZER.stem, TOKENIZER.ids_to_tokens(map(int, ids))))


def numbers(expression):
    return set(re.findall(r"[0-9.]+", expression))


def is_right(expression, question):
    """Return whether Python and `evaluate` can read it; only values may be impossible."""
    ast.parse(expression, mode="eval")
    try:
        evaluate(expression)
    except ValueError as error:
        if not re.search("divides by zero|an exponent is not|more than 1000 digits", str(error)):
            raise
    return numbers(expression) <= CONSTANTS | numbers(question)


@each_strategy
def test_every_output_is_an_expression_of_the_question(strategy):
    model, noise = tiny_model(vocab_size=len(SPECIALS + PIECES), max_position=32), Noise()
    constraints = [noise, ExpressionGrammar(TOKENIZER, max_depth=3)]
    generate = Generator(model, strategy, end_id=END, max_new_tokens=STEPS, constraints=constraints)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32 - 1), st.sampled_from(["", "(", "(*", "-4", "**", "38(", "."]))
    def for_any_logits(seed, favoured):
        noise.seed = seed
        noise.bias = {i: 9 for i in TOKENIZER.tokens_to_ids(favoured)}
        for question, hypotheses in zip(QUESTIONS, generate(PROMPTS).sequences, strict=True):
            for ids in hypotheses:
                assert is_right(text(ids), question), text(ids)

    for_any_logits()


def language(grammar, prompt, steps):
    """Return all texts of at most `steps` tokens, by the tables that the loop reads."""
    (tables, _), found = grammar.start([prompt], len(SPECIALS + PIECES), steps), []
    table = {name: x[0] for name, x in tables.items()}

    def walk(state, ids):
        if len(ids) == steps:
            found.append(text(ids))
            return
        edges = range(table["first"][state], table["last"][state] + 1)
        edges = [e for e in edges if table["cost"][e] <= steps - len(ids)]
        assert edges
        for e in edges:
            if table["token"][e] == END:
                found.append(text(ids))
            else:
                walk(table["next"][e], [*ids, int(table["token"][e])])

    walk(0, [])
    return found


def in_grammar(expression, allowed):
    """Return whether an expression is in the language, by Python's parser and the docstring."""
    try:
        ast.parse(expression, mode="eval")
    except SyntaxError:
        return False
    excluded = r"//|[-+*/]-|(^|[-+*/(])\+|\*\*[^0-9]|\*\*[0-9]+\*\*|\(\)|[0-9)]\("
    return numbers(expression) <= allowed and not re.search(excluded, expression)


def test_the_language_is_the_one_described():
    """All texts of up to five characters, one by one."""
    grammar = ExpressionGrammar(TOKENIZER, constants=["4"], max_depth=2)
    texts = (map("".join, itertools.product("4+-*/()", repeat=n)) for n in range(1, 6))
    expected = {x for row in texts for x in row if in_grammar(x, {"4"})}
    found = language(grammar, NUMBERLESS, 5)
    assert {x for x in found if len(x) <= 5} == expected


def test_brackets_close_in_time():
    grammar = ExpressionGrammar(TOKENIZER, constants=["4"], max_depth=3)
    for steps in range(1, 7):
        found = set(language(grammar, NUMBERLESS, steps))
        assert "4" in found
        assert all(x.count("(") == x.count(")") for x in found)
        assert ("((4))" in found) == (steps >= 5)


def test_a_number_is_spelled_in_any_way():
    grammar = ExpressionGrammar(TOKENIZER, constants=[])
    assert language(grammar, PROMPTS[0], 2).count("384") == 2  # 38 4, 38 ##4
    assert grammar.numbers(PROMPTS[2]) == ["14.2", "2"]


def test_spaces_of_sentencepiece_are_no_matter():
    class Pieces:
        tokens = ["<pad>", "</s>", "▁", "4", "▁4", "▁*", "*", "鸡"]
        vocab_size, end_id = len(tokens), 1
        decode = "".join

        def id_to_token(self, i):
            return self.tokens[i]

        def ids_to_tokens(self, ids):
            return [self.tokens[i] for i in ids]

    grammar = ExpressionGrammar(Pieces(), ["44"])
    assert grammar.text([2, 3, 4, 5, 6, 3, 4]) == "44**44"
    assert set(grammar.edges([])[:, 1].tolist()) == {1, 2, 3, 4, 5, 6}


def test_a_digit_that_the_vocabulary_lacks_is_never_begun():
    grammar = ExpressionGrammar(TOKENIZER, constants=["4", "47", "71"])
    found = language(grammar, NUMBERLESS, 4)
    assert {"4*4", "4**4", "4-4"} <= set(found)
    assert all(is_right(x, "4") for x in found)


def test_percent_is_read_as_textbooks_have_it():
    grammar = ExpressionGrammar(TOKENIZER, constants=["4"], percent=True)
    found = [x for x in language(grammar, NUMBERLESS, 5) if "%" in x]
    assert {"4%", "4*4%", "(4)%", "4%*4"} <= set(found)
    for expression in found:
        is_right(normalize_expression(expression), "4")


def test_the_answers_to_generated_problems_are_in_the_language():
    """Walked along the tokens that a model learns."""
    from kerasx.datasets import generate_problems
    from kerasx.tokenizers import character_vocab

    problems = generate_problems(200)
    vocabulary = character_vocab(x for p in problems for x in (p.question, p.equation))
    tokenizer = Tokenizer(vocabulary)
    grammar = ExpressionGrammar(tokenizer, constants=["1", "2", "4", "6", "10", "100", "3.14"])
    for p in problems:
        ids, segments = tokenizer.encode(p.question, p.equation)
        question = segments.index(1)
        steps = {(s, t): n for s, t, n in grammar.edges(ids[:question]).tolist()}
        state = 0
        for token in ids[question:-1]:
            state = steps[state, token]
        assert (state, tokenizer.end_id) in steps


def test_what_cannot_be_is_an_error():
    with pytest.raises(ValueError, match="`constants` must be numbers as text"):
        ExpressionGrammar(TOKENIZER, constants=["2", "x"])
    with pytest.raises(ValueError, match="`constants` must be numbers as text"):
        ExpressionGrammar(TOKENIZER, constants="12")
    with pytest.raises(ValueError, match="`max_depth` must be an integer in"):
        ExpressionGrammar(TOKENIZER, max_depth=21)
    with pytest.raises(ValueError, match="`end_id` must be an integer"):
        ExpressionGrammar(Tokenizer(TOKENIZER.token_dict, token_end=None))
    empty = ExpressionGrammar(TOKENIZER, constants=[])
    with pytest.raises(ValueError, match="must allow a continuation"):
        empty.start([NUMBERLESS], 40, 8)
    with pytest.raises(ValueError, match="shortest=2"):
        empty.start([PROMPTS[0]], 40, 1)
    with pytest.raises(ValueError, match=r"ids in \[0, 10\)"):
        empty.start([PROMPTS[0]], 10, 8)


def test_the_deepest_brackets_are_within_what_evaluate_reads():
    deepest = "-4+4*(" * 20 + "-4+4*4**4" + ")" * 20
    assert evaluate(deepest) is not None
    assert len(deepest) < 256
    assert np.isfinite(float(evaluate("-4+4*4**4")))
