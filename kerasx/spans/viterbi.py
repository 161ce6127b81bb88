"""Find the best sequence of tags with Viterbi's algorithm in NumPy."""

import numpy as np

from kerasx.checks import check_shape


class ViterbiDecoder:
    """Viterbi decoder of one sentence at a time, as in bert4keras.

    The best sequence maximizes the sum of nodes[i, t_i] and trans[t_i, t_(i+1)]. For many sentences
    `ConditionalRandomField.decode` is far faster.

    Args:
        trans: array (k, k), the score of tag j after tag i at [i, j]; may be replaced later.
        starts: ids of the tags that may come first; None for all.
        ends: ids of the tags that may come last; None for all.

    >>> decoder = ViterbiDecoder(np.array([[0.0, -9.0], [0.0, 0.0]]), ends=[0])
    >>> decoder.decode(np.array([[1.0, 0.0], [0.0, 0.5]])).tolist()
    [0, 0]
    """

    def __init__(self, trans, starts=None, ends=None):
        self.trans = trans
        self.num_labels = len(trans)
        self.non_starts = self._others(starts)
        self.non_ends = self._others(ends)

    def _others(self, ids):
        return [] if ids is None else [i for i in range(self.num_labels) if i not in ids]

    def decode(self, nodes):
        """Return the tag ids (n,) of the best sequence for the scores `nodes` (n, k)."""
        nodes = np.array(nodes, "float64")
        check_shape("nodes", nodes, (None, self.num_labels), "a score for each tag")
        if not len(nodes):
            return np.zeros(0, "int64")
        nodes[0, self.non_starts] = -np.inf
        nodes[-1, self.non_ends] = -np.inf
        score, before = nodes[0], np.zeros(nodes.shape, "int64")
        for i in range(1, len(nodes)):
            moved = score[:, None] + self.trans
            before[i] = moved.argmax(0)
            score = moved.max(0) + nodes[i]
        tags = [int(score.argmax())]
        for i in range(len(nodes) - 1, 0, -1):
            tags.append(int(before[i, tags[-1]]))
        return np.array(tags[::-1])
