"""Ban words."""

import numpy as np
from keras import ops

from kerasx.checks import invalid
from kerasx.generation.constraints.constraint import Constraint
from kerasx.generation.constraints.token_tables import among, check_vocabulary, checked_sequences
from kerasx.generation.strategies.strategy import NEVER

_ANY, _NONE = -1, -2  # positions before the word, before the prompt


class BannedWords(Constraint):
    """Ban sequences of tokens.

    A sequence is banned by its last token, where the tokens before it stand. So one that begins in
    the prompt is not completed in the continuation either (with an encoder, in the decoder's start,
    not in the source), and a prompt that holds one already does no harm. Give each spelling of a
    word in tokens.

    Args:
        sequences: list of lists of token ids: single tokens and longer words.

    Raises:
        ValueError: there are no sequences, one is empty, an id is not in the model's vocabulary, or
            there is a text after which every token is banned.

    >>> BannedWords([[7], [5, 6]]).sequences
    [(7,), (5, 6)]
    """

    of_continued = True

    def __init__(self, sequences):
        self.sequences = checked_sequences("sequences", sequences)
        self.reach = max(1, max(map(len, self.sequences)) - 1)
        self.before = np.full((len(self.sequences), self.reach), _ANY, "int32")
        for row, word in zip(self.before, self.sequences):
            row[self.reach + 1 - len(word) :] = word[:-1]
        self.last = np.array([word[-1] for word in self.sequences], "int32")

    def start(self, prompts, vocab_size, steps):
        check_vocabulary("sequences", sum(self.sequences, ()), vocab_size)
        self._check_a_way_out(vocab_size)
        pad = [_NONE] * self.reach
        return (), np.array([[*pad, *ids][-self.reach :] for ids in prompts], "int32")

    def _check_a_way_out(self, vocab_size):
        """Raise if every token is banned after the beginning of a sequence."""
        words = self.sequences if len(set(self.last.tolist())) == vocab_size else ()
        for text in {word[:-1] for word in words}:
            ends = {w[-1] for w in words if text[len(text) + 1 - len(w) :] == w[:-1]}
            if len(ends) == vocab_size:
                expected = "`sequences` must leave a token that may come next."
                raise invalid(expected, banned=vocab_size, after=list(text))

    def apply(self, tables, state, logits, step):
        same = ops.logical_or(self.before == _ANY, self.before == state[:, :, None, :])
        banned = among(self.last, ops.all(same, axis=-1), logits.shape[-1])
        return ops.where(banned, NEVER, logits)

    def advance(self, tables, state, tokens, step):
        return ops.concatenate([state[..., 1:], tokens[..., None]], axis=-1)
