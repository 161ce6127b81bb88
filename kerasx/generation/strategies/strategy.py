"""How the next tokens are chosen: pure functions of scores, inside the compiled loop."""

from keras import ops

from kerasx.backend import mask_value
from kerasx.ops import align

__all__ = ["NEVER", "Strategy", "is_end", "log_probability", "put", "take_beams"]

NEVER = mask_value("float32")  # the score of what must not be chosen


class Strategy:
    """What a `Generator` asks of a strategy; its state is a dictionary of tensors.

    Attributes:
        width: number k of hypotheses that run side by side for each prompt.
        streams: whether a token, once chosen, stays.
        compares: whether `compare` is called before each `step`.
        ahead: number of steps beyond the longest continuation.
    """

    width = 1
    streams = False
    compares = False
    ahead = 0

    def draws(self, rows, steps, seeds=None):
        """Return random numbers for the prompts numbered `rows`; none by default.

        Args:
            rows: the numbers of b prompts in a call.
            steps: number m of steps.
            seeds: list with a seed for each prompt of the call, or None.

        Returns:
            NumPy array (b, k, m) float32, or ().
        """
        return ()

    def scored(self, logits):
        """What constraints change: the logits (b, k, v) themselves, or their log-probabilities."""
        return logits

    def start(self, batch, steps, pad_id):
        """The state before the first token, for sequences (b, k, m) filled with `pad_id`."""
        raise ValueError(f"`{type(self).__name__}` must define start(batch, steps, pad_id).")

    def step(self, state, logits, scores, draws, t, ends, pad_id):
        """One token for every hypothesis.

        Args:
            state: as `start` gave it.
            logits: (b, k, v) float32, the model's.
            scores: (b, k, v) float32, `scored(logits)` as constraints changed them.
            draws: (b, k) numbers of this step, if there are any.
            t: scalar int32, the number of this step.
            ends: tuple of the ids that end a sequence.
            pad_id: what finished hypotheses go on with.

        Returns:
            (state, parents, tokens): which hypothesis each one continues (b, k), or None where all
            stay in their places, and with which token (b, k) int32.
        """
        raise ValueError(f"`{type(self).__name__}` must define step(...).")

    def compare(self, state, hidden, first, earlier):
        """The state with what `step` must know of hidden states.

        Args:
            state: as `start` gave it.
            hidden: hidden states (b, s, d) of the tokens in all slots.
            first: the slot of the first of the k tokens just fed.
            earlier: (b, k, s), which slots hold the tokens before each of these.
        """
        return state

    def running(self, state):
        """Scalar boolean: whether a further token can change the result."""
        raise ValueError(f"`{type(self).__name__}` must define running(state).")

    def results(self, state):
        """(sequences (b, n, m), scores (b, n)), best first."""
        return state["sequences"], state["scores"]


def log_probability(logits, tokens):
    """Log-probabilities (...) of the tokens (...) under the logits (..., v)."""
    gains = ops.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    gains = gains - ops.logsumexp(logits, axis=-1)
    return ops.where(gains > NEVER, gains, NEVER)  # a row may be -inf throughout


def is_end(tokens, ends):
    """Which tokens are among the ids `ends`."""
    found = ops.zeros_like(tokens, dtype="bool")
    for end in ends:
        found = ops.logical_or(found, tokens == end)
    return found


def put(sequences, tokens, t):
    """Sequences (b, k, m) with tokens (b, k) at place t."""
    now = ops.arange(ops.shape(sequences)[-1]) == t
    return ops.where(now, tokens[..., None], sequences)


def take_beams(x, parents):
    """x (b, k, ...) reordered so that beam i is its parent's: x[b, parents[b, i]]."""
    index = align(parents, [0, 1], len(x.shape))
    return ops.take_along_axis(x, ops.broadcast_to(index, (*ops.shape(parents), *x.shape[2:])), 1)
