"""Restrict continuations to the language of a finite automaton."""

import numpy as np
from keras import ops

from kerasx.checks import check_integer, invalid
from kerasx.generation.constraints.constraint import Constraint
from kerasx.generation.constraints.token_tables import among, check_vocabulary, stacked
from kerasx.generation.strategies.strategy import NEVER
from kerasx.ops import batch_gather

_FAR = 1 << 30


class Automaton(Constraint):
    """Allow only continuations that a deterministic finite automaton over tokens accepts.

    A token is allowed if the end can be reached after it in the steps that are left, so every
    output is complete. A subclass defines the automaton by overriding `edges(prompt)`.

    Args:
        end_id: the token that ends a continuation.

    Raises:
        ValueError: an id is not in the model's vocabulary, or no accepted continuation is short
            enough.

    >>> class TwoOrMore(Automaton):
    ...     def edges(self, prompt):  # of token 5
    ...         return [(0, 5, 1), (1, 5, 2), (2, 5, 2), (2, self.end_id, 2)]
    >>> TwoOrMore(end_id=3).end_id
    3
    """

    def __init__(self, end_id):
        check_integer("end_id", end_id, 0)
        self.end_id = end_id

    def edges(self, prompt):
        """Return triples (state, token, next state) of integers, an array (e, 3) or a list.

        The first state is 0. In states where a continuation may end there is an edge with the end
        token; its next state does not matter.
        """
        raise invalid("`Automaton` must override edges(self, prompt).", automaton=self)

    def start(self, prompts, vocab_size, steps):
        check_vocabulary("end_id", [self.end_id], vocab_size)
        rows = [self.table(prompt) for prompt in prompts]
        for row in rows:
            check_vocabulary("tokens", np.unique(row["token"]), vocab_size)
            if row["shortest"] > steps:
                raise invalid(
                    "`max_new_tokens` must leave room for one of the allowed continuations.",
                    max_new_tokens=steps,
                    shortest=int(row["shortest"]),
                )
        names = ("token", "next", "cost", "first", "last", "lane")
        tables = {name: stacked([row[name] for row in rows]) for name in names}
        tables["steps"] = np.full(len(prompts), steps, "int32")
        return tables, np.zeros(len(prompts), "int32")

    def table(self, prompt):
        """Return the automaton of a prompt as vectors for the compiled loop.

        Returns:
            A dict: `token`, `next` (state) and `cost` of each edge, sorted by state, where the
            cost is the least number of tokens to the end, this one included; `first` and `last`
            edge of each state; `lane`, 0, 1, ... up to the most edges of a state; `shortest`, the
            length of the shortest continuation.

        Raises:
            ValueError: no continuation is accepted.
        """
        state, token, target = np.array(self.edges(prompt), "int64").reshape(-1, 3).T
        final = max(state.max(initial=0), target.max(initial=0)) + 1
        state, token = np.append(state, final), np.append(token, self.end_id)
        target = np.where(token == self.end_id, final, np.append(target, final))
        left = _tokens_left(state, target, final)
        if left[0] == _FAR:
            raise invalid(
                "`edges(prompt)` must allow a continuation.", automaton=self, prompt=prompt
            )
        order = np.argsort(state, kind="stable")
        order = order[left[target[order]] < _FAR]
        counts = np.bincount(state[order], minlength=final + 1)
        last = np.cumsum(counts) - 1
        return {
            "token": token[order],
            "next": target[order],
            "cost": np.maximum(left[target[order]] + 1, 1),
            "first": last - counts + 1,
            "last": last,
            "lane": np.arange(counts.max()),
            "shortest": left[0],
        }

    def apply(self, tables, state, logits, step):
        edge = self._edges_of(tables, state)
        left = tables["steps"][:, None, None] - step
        allowed = among(
            _at(tables["token"], edge), _at(tables["cost"], edge) <= left, logits.shape[-1]
        )
        return ops.where(allowed, logits, NEVER)

    def advance(self, tables, state, tokens, step):
        edge = self._edges_of(tables, state)
        taken = _at(tables["token"], edge) == tokens[..., None]
        return ops.max(ops.where(taken, _at(tables["next"], edge), 0), axis=-1)

    @staticmethod
    def _edges_of(tables, state):
        """Return numbers (b, k, w) of the edges that leave a state, the last one repeated."""
        first, last = _at(tables["first"], state), _at(tables["last"], state)
        return ops.minimum(first[..., None] + tables["lane"][:, None], last[..., None])


def _tokens_left(state, target, final):
    """Return the least number of tokens from each state to an end (Bellman and Ford)."""
    left = np.full(final + 1, _FAR)
    left[final] = -1  # so that the end token itself is not counted
    while True:
        before = left.copy()
        np.minimum.at(left, state, before[target] + 1)
        if (left == before).all():
            return left


def _at(table, index):
    """Look up each prompt's row of a table (b, e) at integers (b, k, ...)."""
    flat = ops.reshape(index, (ops.shape(index)[0], -1))
    return ops.reshape(batch_gather(table, flat), ops.shape(index))
