"""Restrict continuations to a closed list of answers."""

from kerasx.checks import invalid
from kerasx.generation.constraints.automaton import Automaton
from kerasx.generation.constraints.token_tables import checked_sequences


class PrefixTrie(Automaton):
    """Allow only the answers of a list.

    At each step the tokens are allowed that follow in the prefix tree of the answers, and the end
    token after a whole answer, which may be the beginning of another answer. Answers that do not
    fit into the steps left are not begun.

    Args:
        answers: list of lists of token ids.
        end_id: the token that ends an answer and stands in none.

    Raises:
        ValueError: there are no answers, one is empty or holds `end_id`, an id is not in the
            model's vocabulary, or `max_new_tokens` is less than the length of the shortest.

    Source: kexue.fm/archives/8802; De Cao et al., arXiv 2010.00904.

    >>> PrefixTrie([[5, 6], [5, 6, 7], [8]], end_id=3).edges()
    [(0, 5, 1), (1, 6, 2), (2, 7, 3), (0, 8, 4), (2, 3, 0), (3, 3, 0), (4, 3, 0)]
    """

    def __init__(self, answers, end_id):
        super().__init__(end_id)
        self.answers = checked_sequences("answers", answers)
        if any(end_id in answer for answer in self.answers):
            raise invalid("`answers` must not hold the end token.", end_id=end_id)
        self._table = super().table(())

    def edges(self, prompt=()):
        children, ends = {}, {}
        for answer in self.answers:
            node = 0
            for token in answer:
                node = children.setdefault((node, token), len(children) + 1)
            ends[node] = (node, self.end_id, 0)
        return [(*edge, child) for edge, child in children.items()] + list(ends.values())

    def table(self, prompt):
        return self._table  # the same for all prompts
