"""How the next tokens are chosen: pure functions of scores, inside the compiled loop."""

from keras import ops

from kerasx.backend import mask_value

__all__ = ["BeamSearch", "Greedy"]

NEVER = mask_value("float32")  # the score of what must not be chosen


class BeamSearch:
    """Keep the `width` best sequences: score = Σ log p(token | sequence so far, prompt).

    A finished sequence keeps its score and its place among the best.

    Args:
        width: number of sequences kept for each prompt.

    >>> BeamSearch(4).width
    4
    """

    def __init__(self, width):
        if not isinstance(width, int) or width < 1:
            raise ValueError(f"`width` must be a positive integer. Received: width={width!r}")
        self.width = width

    def start(self, batch):
        """Scores (b, k) of k equal beams: only the first one counts."""
        first = ops.arange(self.width) == 0
        return ops.broadcast_to(ops.where(first, 0.0, NEVER), (batch, self.width))

    def select(self, scores, logits, finished, pad_id):
        """One step of all beams.

        Args:
            scores: (b, k) float32.
            logits: (b, k, v) float32.
            finished: (b, k) boolean; these go on with `pad_id` at no cost.
            pad_id: integer.

        Returns:
            (scores, parents, tokens), each (b, k), best first.
        """
        b, k, v = ops.shape(logits)
        c = min(k, v)  # no more than k of one beam's continuations can be among the best k
        best, ids = ops.top_k(logits, c)  # (b, k, c)
        gains = best - ops.logsumexp(logits, axis=-1, keepdims=True)
        gains = ops.where(best > NEVER, gains, NEVER)  # a row may be -inf throughout
        stay = ops.where(ops.arange(c) == 0, 0.0, NEVER)
        gains = ops.where(finished[..., None], stay, gains)
        ids = ops.where(finished[..., None], pad_id, ops.cast(ids, "int32"))
        totals = ops.reshape(scores[..., None] + gains, (b, k * c))
        scores, index = ops.top_k(totals, k)
        tokens = ops.take_along_axis(ops.reshape(ids, (b, k * c)), index, axis=1)
        return ops.maximum(scores, NEVER), ops.cast(index // c, "int32"), tokens


class Greedy(BeamSearch):
    """The most probable token at every step.

    >>> Greedy().width
    1
    """

    def __init__(self):
        super().__init__(1)
