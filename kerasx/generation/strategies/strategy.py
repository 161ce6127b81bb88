"""The base of strategies, which choose the next tokens inside the compiled loop."""

from keras import ops

from kerasx.backend import mask_value
from kerasx.checks import invalid
from kerasx.ops import align

NEVER = mask_value("float32")  # the score of a token that must not be chosen
_SURELY = 1e30  # in the place of +inf: differences of such scores are numbers


class Strategy:
    """Base of strategies: pure functions of a state, which is a dictionary of tensors.

    Attributes:
        width: number k of hypotheses that run side by side for each prompt.
        streams: whether a chosen token is never taken back.
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
        """Return scores (b, k, v) for the constraints to change, by default the logits."""
        return logits

    def start(self, batch, steps, pad_id):
        """Return the state before the first token, for sequences (b, k, m) of `pad_id`."""
        raise invalid("`strategy` must override start(batch, steps, pad_id).", strategy=self)

    def step(self, state, logits, scores, draws, t, ends, pad_id):
        """Choose one token for every hypothesis.

        Args:
            state: as returned by `start`.
            logits: (b, k, v) float32, the model's.
            scores: (b, k, v) float32, `scored(logits)` as constraints changed them.
            draws: (b, k) random numbers of this step, or ().
            t: scalar int32, the number of this step.
            ends: tuple of the ids that end a sequence.
            pad_id: the token that finished hypotheses go on with.

        Returns:
            (state, parents, tokens): the index of the hypothesis that each one continues, (b, k)
            or None where all continue themselves, and its new token, (b, k) int32.
        """
        raise invalid("`strategy` must override step(...).", strategy=self)

    def compare(self, state, hidden, first, earlier):
        """Return the state with a comparison of hidden states for the next `step`.

        Args:
            state: as returned by `start`.
            hidden: hidden states (b, s, d) of the tokens in all slots.
            first: the slot of the first of the k tokens just fed.
            earlier: (b, k, s), which slots hold the tokens before each of these.
        """
        return state

    def running(self, state):
        """Return a scalar boolean: whether a further token can change the results."""
        raise invalid("`strategy` must override running(state).", strategy=self)

    def results(self, state):
        """Return (sequences (b, n, m), scores (b, n)), best first."""
        return state["sequences"], state["scores"]


def bounded(logits):
    """Return logits with a large number in the place of +inf, which softmax makes NaN of."""
    return ops.minimum(logits, _SURELY)


def log_probability(logits, tokens):
    """Return log-probabilities (...) of tokens (...) under logits (..., v)."""
    gains = ops.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    gains = gains - ops.logsumexp(logits, axis=-1)
    return ops.where(gains > NEVER, gains, NEVER)  # a row may be -inf throughout


def is_end(tokens, ends):
    """Return which tokens are among the ids `ends`."""
    found = ops.zeros_like(tokens, dtype="bool")
    for end in ends:
        found = ops.logical_or(found, tokens == end)
    return found


def put(sequences, tokens, t):
    """Return sequences (b, k, m) with tokens (b, k) at position t."""
    now = ops.arange(ops.shape(sequences)[-1]) == t
    return ops.where(now, tokens[..., None], sequences)


def take_beams(x, parents):
    """Reorder x (b, k, ...) by parents (b, k): beam i becomes x[b, parents[b, i]]."""
    index = align(parents, [0, 1], len(x.shape))
    return ops.take_along_axis(x, ops.broadcast_to(index, (*ops.shape(parents), *x.shape[2:])), 1)
