"""Beam search, plain or in diverse groups."""

import keras
from keras import ops

from kerasx.checks import check_choice, check_integer, check_number, invalid
from kerasx.generation.strategies.strategy import NEVER, Strategy, is_end, put, take_beams


class BeamSearch(Strategy):
    """Continue the `width` best hypotheses at every step, and return the best sequences.

    score = Σ log p(token | sequence so far, prompt) / length ** length_penalty, where the length
    counts new tokens, the end among them, and the sum is over log p after constraints. A
    hypothesis that ends while it is among the `width` best joins the finished sequences, of which
    the `width` best are kept; the next best hypothesis takes its place. These are the rules of
    transformers' `generate`.

    With `groups` the beams search in groups, one after the other at each step. A token loses
    `diversity` for each beam of an earlier group that has just chosen it, in the score too (diverse
    beam search with Hamming diversity, Vijayakumar et al., 1610.02424).

    Args:
        width: number of beams of each prompt.
        length_penalty: exponent of the length; the larger, the longer the results.
        early_stopping: False ends a prompt once its best beam, were it to end now, would be no
            better than the worst of `width` finished sequences; "never" does so only if it
            could not become better up to the longest length; True as soon as `width` are finished.
        groups: number of groups of equal size.
        diversity: what a token loses for each beam of an earlier group that chose it.
        n: number of sequences returned for each prompt; `width` by default.

    >>> BeamSearch(4).width
    4
    """

    def __init__(
        self, width, length_penalty=0.0, early_stopping=False, groups=1, diversity=0.0, n=None
    ):
        check_integer("width", width, 1)
        check_integer("groups", groups, 1)
        check_integer("n", width if n is None else n, 1, width + 1)
        check_number("length_penalty", length_penalty)
        check_number("diversity", diversity, least=0)
        check_choice("early_stopping", early_stopping, (False, True, "never"))
        if width % groups:
            raise invalid(f"`groups` must divide the width {width}.", groups=groups)
        self.width = width
        self.length_penalty = length_penalty
        self.early_stopping = early_stopping
        self.groups = groups
        self.diversity = diversity
        self.n = n or width

    def scored(self, logits):
        return logits - ops.logsumexp(logits, axis=-1, keepdims=True)

    def start(self, batch, steps, pad_id):
        """Return the first state, in which only the first beam of each group has a finite score."""
        shape = (batch, self.groups, self.width // self.groups)
        first = ops.arange(shape[-1]) == 0
        sequences = ops.full((*shape, steps), pad_id, "int32")
        return {
            "sequences": sequences,
            "scores": ops.broadcast_to(ops.where(first, 0.0, NEVER), shape),
            "finished": sequences,
            "finished_scores": ops.full(shape, NEVER, "float32"),
            "done": ops.zeros(shape[:-1], "bool"),
        }

    def step(self, state, logits, scores, draws, t, ends, pad_id):
        b, k, v = ops.shape(scores)
        size = k // self.groups
        scores = ops.reshape(scores, (b, self.groups, size, v))
        taken, found = 0, []
        for group in range(self.groups):
            part = {name: x[:, group] for name, x in state.items()}
            gains = scores[:, group]
            if self.diversity and group:
                gains = ops.maximum(gains - self.diversity * taken, NEVER)
            part, parents, tokens = self._step(part, gains, t, ends)
            found.append((part, parents + group * size, tokens))
            if self.diversity:
                taken = taken + ops.sum(ops.one_hot(tokens, v), axis=1, keepdims=True)
        state, parents, tokens = keras.tree.map_structure(lambda *x: ops.stack(x, axis=1), *found)
        return state, ops.reshape(parents, (b, k)), ops.reshape(tokens, (b, k))

    def _step(self, state, gains, t, ends):
        """Take one step of one group: state (b, w, ...), gains (b, w, v)."""
        b, w, v = ops.shape(gains)
        c = min(w + len(ends), v)  # the best w tokens that end no sequence are among these
        gains, ids = ops.top_k(gains, c)
        gains = ops.where(gains > NEVER, gains, NEVER)  # a row may be -inf throughout
        totals = ops.maximum(state["scores"][..., None] + gains, NEVER)
        totals, ids = ops.reshape(totals, (b, w * c)), ops.reshape(ops.cast(ids, "int32"), (b, -1))
        m, ended = ops.shape(state["sequences"])[-1], is_end(ids, ends)
        last = ops.logical_or(ended, t == m - 1)
        finished, finished_scores = self._finish(state, totals, ids, last, t)
        totals = ops.where(ended, NEVER, totals)
        scores, index = ops.top_k(totals, w)
        parents = ops.cast(index // c, "int32")
        tokens = ops.take_along_axis(ids, index, axis=1)
        done = self._is_done(scores[:, 0], finished_scores[:, -1], t, m)
        state = {
            "sequences": put(take_beams(state["sequences"], parents), tokens, t),
            "scores": scores,
            "finished": finished,
            "finished_scores": finished_scores,
            "done": ops.logical_or(state["done"], done),
        }
        return state, parents, tokens

    def _finish(self, state, totals, tokens, ended, t):
        """Return the best finished sequences (b, w, m) and their scores, new ones among them."""
        w = ops.shape(state["scores"])[1]
        c = ops.shape(totals)[1] // w
        totals, index = ops.top_k(totals, w)
        counted = ops.logical_and(ops.take_along_axis(ended, index, axis=1), totals > NEVER / 2)
        counted = ops.logical_and(counted, ops.logical_not(state["done"])[:, None])
        new = put(
            take_beams(state["sequences"], index // c),
            ops.take_along_axis(tokens, index, axis=1),
            t,
        )
        scores = ops.where(counted, totals / self._divisor(t + 1), NEVER)
        scores = ops.concatenate([state["finished_scores"], scores], axis=1)
        scores, index = ops.top_k(scores, w)
        return take_beams(ops.concatenate([state["finished"], new], axis=1), index), scores

    def _is_done(self, best, worst, t, m):
        """Return booleans (b,): the best beam can no longer surpass the worst finished sequence."""
        longest = self.early_stopping == "never" and self.length_penalty > 0
        done = best / self._divisor(m if longest else t + 1) <= worst
        return ops.logical_or(done, worst > NEVER / 2) if self.early_stopping is True else done

    def _divisor(self, length):
        return ops.cast(length, "float32") ** self.length_penalty

    def running(self, state):
        return ops.logical_not(ops.all(state["done"]))

    def results(self, state):
        b, _, _, m = ops.shape(state["finished"])
        scores = ops.reshape(state["finished_scores"], (b, self.width))
        scores, index = ops.top_k(scores, self.n)
        return take_beams(ops.reshape(state["finished"], (b, self.width, m)), index), scores
