"""The base of constraints, which change the scores of the next token before one is chosen."""

import numpy as np
from keras import ops

from kerasx.generation.strategies.strategy import NEVER


class Constraint:
    """Base of constraints, which changes no score.

    At each step a `Generator` applies its constraints in their order, chooses tokens, reorders the
    constraints' states with their hypotheses, and lets the states advance. All of this is compiled
    with the loop, the object included. Values that differ from prompt to prompt belong into the
    tables; pad these to a few sizes, since the loop is compiled anew for each shape.

    Attributes:
        of_continued: with an encoder, whether `start` is called with the decoder's start tokens
            instead of the sources.

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
        """Return the arrays that the loop needs, made with NumPy before it starts.

        Args:
            prompts: list of b id lists: the prompts, or the sources if there is an encoder.
            vocab_size: number of token ids.
            steps: number of tokens generated at most.

        Returns:
            (tables, state): two structures (tuples or dicts) of int32, float32 or bool arrays,
            each with leading axis b. The tables stay the same in all steps; the loop repeats the
            state for each hypothesis and reorders it with them.
        """
        return (), ()

    def apply(self, tables, state, logits, step):
        """Return the logits with forbidden tokens at `NEVER` (strategies.strategy); in keras.ops.

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
        """Return the state, already reordered, after the chosen tokens (b, k) int32; in keras.ops.

        The tokens of finished hypotheses are the padding id; their state no longer matters.
        """
        return state


class NoEndBefore(Constraint):
    """Allow no end token among the first `least` tokens, or before a whole `length`.

    Args:
        end_ids: ids of the end tokens.
        least: number of generated tokens.
        length: number of tokens of the prompt (with an encoder, of the decoder's start) and its
            continuation together.
    """

    of_continued = True

    def __init__(self, end_ids, least=0, length=0):
        self.end_ids = list(end_ids)
        self.least, self.length = least, length

    def start(self, prompts, vocab_size, steps):
        least = [max(self.least, self.length - len(ids)) for ids in prompts]
        return np.array(least, "int32")[:, None, None], ()

    def apply(self, tables, state, logits, step):
        is_end = np.isin(np.arange(logits.shape[-1]), self.end_ids)
        return ops.where(ops.logical_and(is_end, step < tables), NEVER, logits)


def constrained(active, logits, step, ends):
    """Return the logits after all constraints; where these allow no token, the sequence ends.

    Args:
        active: list of (constraint, its tables, its state).
        logits: (b, k, v) float32.
        step: scalar int32 tensor.
        ends: ids of the end tokens, which then keep their unconstrained logits.

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
