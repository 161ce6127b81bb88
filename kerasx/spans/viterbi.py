"""The best sequence of tags of one sentence, in NumPy."""

import numpy as np


class ViterbiDecoder:
    """bert4keras's decoder: one sentence at a time, from scores and transitions as arrays.

    For many sentences `ConditionalRandomField.decode` is far faster.

    Args:
        trans: (k, k), from the tag of the row to that of the column; may be set anew.
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
        """The ids (n,) of the best sequence; `nodes` (n, k) stays as it is."""
        nodes = np.array(nodes, "float64")
        if nodes.ndim != 2 or nodes.shape[1] != self.num_labels:
            raise ValueError(
                f"`nodes` must be scores of shape (n, {self.num_labels}). "
                f"Received: nodes.shape={nodes.shape}"
            )
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
