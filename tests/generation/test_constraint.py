"""The hook of `Constraint` objects in the loop."""

import numpy as np
import pytest
from keras import ops

from kerasx.generation import BeamSearch, Constraint, Generator
from kerasx.generation.strategies.strategy import NEVER
from tests.generation.models import tiny_model

PROMPTS = [[5, 3, 9, 2], [7], [3, 8, 4, 6], [3, 2]]


class Once(Constraint):
    """No token twice, nor one of the prompt."""

    def start(self, prompts, vocab_size, steps):
        used = np.array([np.isin(np.arange(vocab_size), ids) for ids in prompts])
        return {"first": used}, (used,)

    def apply(self, tables, state, logits, step):
        used = ops.where(step == 0, tables["first"][:, None], state[0])
        return ops.where(used, NEVER, logits)

    def advance(self, tables, state, tokens, step):
        new = tokens[..., None] == ops.arange(state[0].shape[-1])
        return (ops.logical_or(state[0], new),)


@pytest.mark.parametrize("width", [1, 3])
def test_state_follows_its_hypothesis(width):
    generate = Generator(
        tiny_model(), BeamSearch(width), max_new_tokens=5, constraints=[Once()], batch_size=2
    )
    for prompt, hypotheses in zip(PROMPTS, generate(PROMPTS).sequences):
        for ids in hypotheses:
            assert len(ids) == len(set(ids)) == 5 and not set(ids) & set(prompt)


def test_a_constraint_is_a_constraint():
    with pytest.raises(ValueError, match="constraints"):
        Generator(tiny_model(), constraints=[len])
