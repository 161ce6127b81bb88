"""What changes the scores of the next token before one is chosen."""

import numpy as np
from keras import ops

from kerasx.generation.strategies.strategy import NEVER

__all__ = ["Constraint", "NoEndBefore", "constrained"]


class Constraint:
    """Changes the scores of what may come next. All state is tensors, so the whole loop compiles.

    The base class changes nothing. A `Generator` applies its constraints in their order, then
    chooses tokens, reorders the states with their hypotheses, and lets the states advance. The
    object itself is compiled in: what differs from prompt to prompt belongs into the tables, whose
    shapes are those that are compiled for, so they are better padded to a few sizes.

    Attributes:
        of_continued: whether `start` is given what the decoder continues (its start tokens) in the
            place of an encoder's sources. Without an encoder there are the prompts only.

    >>> class Only(Constraint):
    ...     def __init__(self, ids):
    ...         self.ids = list(ids)
    ...     def apply(self, tables, state, logits, step):
    ...         allowed = np.isin(np.arange(logits.shape[-1]), self.ids)
    ...         return ops.where(allowed, logits, NEVER)
    >>> bool(Only([1]).apply((), (), ops.zeros((1, 1, 2)), 0)[0, 0, 1] == 0)
    True
    """

    of_continued = False

    def start(self, prompts, vocab_size, steps):
        """What the loop needs to know, made on the host with NumPy.

        Args:
            prompts: list of b id lists: the prompts, or the sources if there is an encoder.
            vocab_size: number of token ids.
            steps: number of tokens generated at most.

        Returns:
            (tables, state): two structures (tuples or dicts) of int32, float32 or bool arrays,
            each with leading axis b. The tables stay as they are; state belongs to each
            hypothesis and is reordered with it.
        """
        return (), ()

    def apply(self, tables, state, logits, step):
        """The logits with forbidden tokens at `NEVER` (strategies.strategy); in keras.ops.

        Args:
            tables: leaves (b, ...).
            state: leaves (b, k, ...), for k hypotheses of each prompt.
            logits: (b, k, v) float32; log-probabilities in beam search.
            step: scalar int32 tensor, 0 for the first new token.

        Returns:
            (b, k, v) float32.
        """
        return logits

    def advance(self, tables, state, tokens, step):
        """The state after the chosen tokens (b, k) int32, reordered before; in keras.ops.

        Finished hypotheses are given the padding id; their state no longer matters.
        """
        return state


class NoEndBefore(Constraint):
    """No end token among the first `least` tokens.

    Args:
        end_ids: ids of the end tokens.
        least: number of tokens.
    """

    def __init__(self, end_ids, least):
        self.end_ids = list(end_ids)
        self.least = least

    def apply(self, tables, state, logits, step):
        is_end = np.isin(np.arange(logits.shape[-1]), self.end_ids)
        return ops.where(ops.logical_and(is_end, step < self.least), NEVER, logits)


def constrained(active, logits, step, ends):
    """The logits after all constraints; where these together leave nothing, the sequence ends.

    Args:
        active: list of (constraint, its tables, its state).
        logits: (b, k, v) float32.
        step: scalar int32 tensor.
        ends: ids of the end tokens, whose logits are then the unconstrained ones.

    >>> nothing = Constraint()
    >>> nothing.apply = lambda tables, state, logits, step: ops.full_like(logits, NEVER)
    >>> logits = constrained([(nothing, (), ())], ops.zeros((1, 1, 3)), 0, ends=[2])
    >>> (ops.convert_to_numpy(logits) > NEVER).tolist()
    [[[False, False, True]]]
    """
    allowed = logits
    for constraint, tables, state in active:
        allowed = constraint.apply(tables, state, allowed, step)
    if not active or not ends:
        return allowed
    nothing = ops.max(allowed, axis=-1, keepdims=True) <= NEVER
    is_end = np.isin(np.arange(logits.shape[-1]), ends)
    return ops.where(ops.logical_and(nothing, is_end), logits, allowed)
