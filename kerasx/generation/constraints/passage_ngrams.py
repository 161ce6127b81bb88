"""Restrict continuations to pieces of a passage: extractive answers."""

from keras import ops

from kerasx.checks import check_integer, invalid
from kerasx.generation.constraints.constraint import Constraint
from kerasx.generation.constraints.token_tables import among, check_vocabulary, stacked
from kerasx.generation.strategies.strategy import NEVER


class PassageNgrams(Constraint):
    """Allow only a contiguous piece of a passage, of at least one token.

    Each next token continues an occurrence of all tokens generated so far (of the last n - 1, if n
    is given), or is the end token. No answer crosses an end token in the passage, so several
    passages may be joined to one list with the end token between them.

    Args:
        end_id: the token that ends an answer.
        passage: function from a prompt's list of ids (with an encoder, the source's) to the ids
            of its passage, e.g. `lambda ids: ids[: ids.index(3)]`; the prompt itself by default.
        n: integer of at least 2: every n tokens in a row are an n-gram of the passage, which lets
            an answer jump from one place to another; by default the answer is one piece.

    Raises:
        ValueError: an id is not in the model's vocabulary, or a passage has no token.

    Source: mode="extractive" of bert4keras's task_reading_comprehension_by_seq2seq.py.

    >>> PassageNgrams(end_id=3, n=2).n
    2
    """

    def __init__(self, end_id, passage=None, n=None):
        check_integer("end_id", end_id, 0)
        if n is not None:
            check_integer("n", n, 2)
        self.end_id = end_id
        self.passage = passage
        self.n = n

    def start(self, prompts, vocab_size, steps):
        passages = [ids if self.passage is None else list(self.passage(ids)) for ids in prompts]
        check_vocabulary("end_id", [self.end_id], vocab_size)
        for ids in passages:
            check_vocabulary("passage", ids, vocab_size)
            if set(ids) <= {self.end_id}:
                raise invalid("`passage` must return a token that is not the end.", passage=ids)
        passages = stacked(passages, self.end_id)
        return passages, 0 * passages  # generated tokens right before each position

    def apply(self, tables, state, logits, step):
        passage, v = tables[:, None], logits.shape[-1]
        seen = step if self.n is None else ops.minimum(step, self.n - 1)
        allowed = among(passage, ops.logical_and(state >= seen, passage != self.end_id), v)
        end = ops.logical_and(ops.arange(v) == self.end_id, step > 0)
        return ops.where(ops.logical_or(allowed, end), logits, NEVER)

    def advance(self, tables, state, tokens, step):
        passage, token = tables[:, None], tokens[..., None]
        follows = ops.logical_and(passage == token, passage != self.end_id)
        state = ops.where(follows, state + 1, 0)
        return ops.pad(state, [(0, 0), (0, 0), (1, 0)])[..., :-1]
