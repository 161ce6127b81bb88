"""Discourage repetition: a penalty for tokens, a ban on n-grams."""

import numpy as np
from keras import ops

from kerasx.checks import check_integer, check_number
from kerasx.generation.constraints.constraint import Constraint
from kerasx.generation.constraints.token_tables import among
from kerasx.generation.strategies.strategy import NEVER

_NOTHING = -1  # before the first and after the last token


class RepetitionPenalty(Constraint):
    """Make tokens less probable that occur in the prompt or were generated before.

    A positive logit is divided by the penalty, a negative logit multiplied by it (Keskar et al.,
    1909.05858). The source of an encoder does not count. Beam search applies the penalty to
    log-probabilities, other strategies to logits, as transformers does.

    Args:
        penalty: positive number; above 1 tokens are discouraged, below 1 encouraged.

    >>> RepetitionPenalty(1.2).penalty
    1.2
    """

    of_continued = True

    def __init__(self, penalty):
        check_number("penalty", penalty, above=0)
        self.penalty = penalty

    def start(self, prompts, vocab_size, steps):
        ids = np.arange(vocab_size)
        return (), (np.array([np.isin(ids, prompt) for prompt in prompts]),)

    def apply(self, tables, state, logits, step):
        penalised = ops.where(logits < 0, logits * self.penalty, logits / self.penalty)
        return ops.where(state[0], ops.maximum(penalised, NEVER), logits)

    def advance(self, tables, state, tokens, step):
        new = tokens[..., None] == ops.arange(state[0].shape[-1], dtype="int32")
        return (ops.logical_or(state[0], new),)


class NoRepeatNgrams(Constraint):
    """Allow no n-gram twice in a prompt and its continuation (Paulus et al., 1705.04304).

    The source of an encoder does not count.

    Args:
        n: number of tokens; with 1 no token occurs twice.

    >>> NoRepeatNgrams(3).n
    3
    """

    of_continued = True

    def __init__(self, n):
        check_integer("n", n, 1)
        self.n = n

    def start(self, prompts, vocab_size, steps):
        """Return (p, state): prompts that end at position p, with room for `steps` tokens."""
        p = -(-max(self.n - 1, *map(len, prompts)) // 16) * 16
        before = np.full((len(prompts), p), _NOTHING, "int32")
        for row, prompt in zip(before, prompts):
            row[p - len(prompt) :] = prompt
        text = np.pad(before, [(0, 0), (0, steps)], constant_values=_NOTHING)
        last = before[:, p - self.n + 1 :]
        return np.full((len(prompts), 1, 1), p, "int32"), {"text": text, "last": last}

    def apply(self, tables, state, logits, step):
        text, last, n = state["text"], state["last"], self.n
        windows = text.shape[-1] - n + 1
        following = text[..., n - 1 :]
        banned = following != _NOTHING
        for i in range(n - 1):
            same = text[..., i : i + windows] == last[..., i : i + 1]
            banned = ops.logical_and(banned, same)
        return ops.where(among(following, banned, logits.shape[-1]), NEVER, logits)

    def advance(self, tables, state, tokens, step):
        text, tokens = state["text"], tokens[..., None]
        now = ops.arange(text.shape[-1], dtype="int32") == tables + step
        return {
            "text": ops.where(now, tokens, text),
            "last": ops.concatenate([state["last"], tokens], axis=-1)[..., 1:],
        }
