"""Greedy search: the most probable token at every step."""

from keras import ops

from kerasx.generation.strategies.strategy import NEVER, Strategy, is_end, log_probability, put


class Greedy(Strategy):
    """Choose the most probable token at every step.

    score = Σ log p(token | sequence so far, prompt) under the model, without constraints.

    >>> Greedy().width
    1
    """

    streams = True

    def choose(self, scores, draws):
        """Return tokens (b, k) by scores (b, k, v)."""
        return ops.cast(ops.argmax(scores, axis=-1), "int32")

    def start(self, batch, steps, pad_id):
        return {
            "sequences": ops.full((batch, self.width, steps), pad_id, "int32"),
            "scores": ops.zeros((batch, self.width)),
            "finished": ops.zeros((batch, self.width), "bool"),
        }

    def step(self, state, logits, scores, draws, t, ends, pad_id):
        finished = state["finished"]
        tokens = ops.where(finished, pad_id, self.choose(scores, draws))
        gains = ops.where(finished, 0.0, log_probability(logits, tokens))
        totals = state["scores"] + gains
        state = {
            "sequences": put(state["sequences"], tokens, t),
            "scores": ops.maximum(totals, NEVER),
            "finished": ops.logical_or(finished, is_end(tokens, ends)),
        }
        return state, None, tokens

    def running(self, state):
        return ops.logical_not(ops.all(state["finished"]))
