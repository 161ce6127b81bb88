"""The hypotheses of a `Generator`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kerasx.checks import invalid


@dataclass(frozen=True)
class Generated:
    """The return value of a `Generator`, with one entry for each prompt.

    Attributes:
        sequences: for each prompt the token ids of its hypotheses, best first, without the end.
        scores: for each prompt the scores of its hypotheses, log-probabilities: see the strategy.
        decode: function from token ids to a text, if the generator has a tokenizer.

    >>> Generated([[[5, 6], [7]]], [[-0.1, -2.0]], decode=str).texts
    ['[5, 6]']
    """

    sequences: list
    scores: list
    decode: Callable | None = field(default=None, repr=False, compare=False)

    @property
    def best(self):
        """The best sequence of each prompt."""
        return [hypotheses[0] for hypotheses in self.sequences]

    @property
    def texts(self):
        """The text of the best sequence of each prompt."""
        if self.decode is None:
            raise invalid("`tokenizer` must be given to the Generator for texts.", tokenizer=None)
        return [self.decode(ids) for ids in self.best]
