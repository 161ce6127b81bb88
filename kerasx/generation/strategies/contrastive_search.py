"""Contrastive search: probable tokens whose hidden states differ from those before."""

from keras import ops

from kerasx.checks import check_integer, check_number
from kerasx.generation.strategies.strategy import (
    NEVER,
    Strategy,
    is_end,
    log_probability,
    put,
)


class ContrastiveSearch(Strategy):
    """Choose, of the k most probable tokens, the one least similar to its context.

    The next token v maximises (1 - α) p(v) - α max_j cos(h_v, h_j), where h_v is the hidden state
    that the model would give to v, and h_j are those of earlier tokens, in the prompt too, except
    masked ones. The k candidates are fed side by side, so a step takes as long as one of a beam
    search of width k. The score is Σ log p, as with `Greedy`.

    Args:
        k: number of candidates. 1 is greedy decoding.
        alpha: α in [0, 1], the weight of dissimilarity. 0 is greedy decoding.

    Source: Su et al., 2202.06417.

    >>> ContrastiveSearch(k=4, alpha=0.6).width
    4
    """

    compares = True
    ahead = 1  # a token is chosen by its hidden state, so the last one must be fed too

    def __init__(self, k=4, alpha=0.6):
        check_integer("k", k, 1)
        check_number("alpha", alpha, 0, 1)
        self.width = k
        self.alpha = alpha

    def start(self, batch, steps, pad_id):
        k = self.width
        return {
            "sequences": ops.full((batch, 1, steps - 1), pad_id, "int32"),
            "scores": ops.zeros((batch, 1)),
            "finished": ops.zeros((batch, 1), "bool"),
            # the first step feeds the last token of the prompt, where nothing is chosen
            "candidates": ops.full((batch, k), -1, "int32"),
            "probabilities": ops.zeros((batch, k)),
            "gains": ops.zeros((batch, k)),
            "similarities": ops.zeros((batch, k)),
        }

    def compare(self, state, hidden, first, earlier):
        h = ops.normalize(ops.cast(hidden, "float32"), axis=-1)  # (b, s, d)
        fed = ops.take(h, first + ops.arange(self.width, dtype="int32"), axis=1)  # (b, k, d)
        cosines = ops.matmul(fed, ops.transpose(h, (0, 2, 1)))  # (b, k, s)
        return {**state, "similarities": ops.max(ops.where(earlier, cosines, -1.0), axis=-1)}

    def step(self, state, logits, scores, draws, t, ends, pad_id):
        p, finished = state["probabilities"], state["finished"]
        values = (1 - self.alpha) * p - self.alpha * state["similarities"]
        best = ops.argmax(ops.where(p < 0, NEVER, values), axis=1, keepdims=True)  # (b, 1)
        token, gain = (ops.take_along_axis(state[x], best, axis=1) for x in ("candidates", "gains"))
        token = ops.where(finished, pad_id, token)
        finished_now = ops.logical_or(finished, is_end(token, ends))
        after, before = (
            ops.take_along_axis(x, best[..., None], axis=1)[:, 0] for x in (scores, logits)
        )
        probabilities, candidates = self._candidates(after)
        state = {
            "sequences": put(state["sequences"], token, t - 1),
            "scores": state["scores"] + ops.where(finished, 0.0, gain),
            "finished": finished_now,
            "candidates": candidates,
            "probabilities": probabilities,
            "gains": log_probability(before[:, None], candidates),
            "similarities": state["similarities"],
        }
        parents = ops.broadcast_to(ops.cast(best, "int32"), ops.shape(candidates))
        return state, parents, ops.where(finished_now, pad_id, candidates)

    def _candidates(self, scores):
        """Return the k best: probabilities (b, k), -1 for impossible tokens, and tokens (b, k)."""
        few = min(self.width, scores.shape[-1])
        largest, tokens = ops.top_k(scores, few)
        tokens = ops.cast(tokens, "int32")
        p = ops.exp(largest - ops.logsumexp(scores, axis=-1, keepdims=True))
        p = ops.where(largest > NEVER / 2, p, -1.0)
        missing = [(0, 0), (0, self.width - few)]
        return ops.pad(p, missing, constant_values=-1.0), ops.pad(tokens, missing)

    def running(self, state):
        return ops.logical_not(ops.all(state["finished"]))
