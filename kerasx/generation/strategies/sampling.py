"""Sample random sequences, after filters of logits, which are pure functions."""

import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_number
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.strategy import NEVER, bounded


def temperature(logits, value):
    """Divide logits by `value`: below 1, probable tokens become more probable, above 1 less."""
    return ops.maximum(bounded(logits / value), NEVER)


def top_k(logits, k):
    """Keep the `k` largest logits (..., v), and any that equal the least of these."""
    largest, _ = ops.top_k(logits, min(k, logits.shape[-1]))
    return ops.where(logits >= largest[..., -1:], logits, NEVER)


def top_p(logits, mass):
    """Keep the fewest most probable tokens whose probabilities sum to at least `mass`.

    Nucleus sampling (Holtzman et al., 1904.09751). Tokens as probable as the least probable kept
    token are kept too.

    >>> kept = top_p(ops.log(np.array([[0.5, 0.3, 0.2]], "float32")), 0.7)
    >>> (ops.convert_to_numpy(kept) > NEVER).tolist()
    [[True, True, False]]
    """
    logits = bounded(logits)
    return ops.where(_heaviest(logits, ops.softmax(logits), mass), logits, NEVER)


def min_p(logits, share):
    """Keep tokens with at least a `share` of the largest probability (Nguyen et al., 2407.01082).

    p_i ≥ share · max p, in logarithms.
    """
    least = ops.max(logits, axis=-1, keepdims=True) + float(np.log(share))
    return ops.where(logits >= least, logits, NEVER)


def typical_p(logits, mass):
    """Keep the fewest most typical tokens whose probabilities sum to at least `mass`.

    A token is typical if its -log p is near to the entropy H = -Σ p log p (Meister et al.,
    2202.00666).
    """
    logits = bounded(logits)
    log_p = logits - ops.logsumexp(logits, axis=-1, keepdims=True)
    p = ops.exp(log_p)
    entropy = -ops.sum(ops.where(p > 0, p * log_p, 0.0), axis=-1, keepdims=True)
    return ops.where(_heaviest(-ops.abs(entropy + log_p), p, mass), logits, NEVER)


def _heaviest(keys, p, mass):
    """Return where the largest keys (..., v) lie, as few as have at least `mass` of p.

    The least of these keys is found by bisection of the interval of keys, to the precision of
    float32: sorting a vocabulary takes many times longer than 32 sums.
    """
    keys = ops.maximum(keys - ops.max(keys, axis=-1, keepdims=True), -200.0)  # p is 0 far below
    high = ops.zeros_like(keys[..., :1])

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        enough = backend.sum_above(p, keys, middle) >= mass
        return ops.where(enough, middle, low), ops.where(enough, high, middle)

    low, _ = ops.fori_loop(0, 32, halve, (high - 201.0, high))
    return keys > low


class Sampling(Greedy):
    """Draw `n` random sequences of each prompt, each token from the filtered distribution.

    Filters are applied in the order of the arguments, with the meaning they have in transformers.
    score = Σ log p(token | sequence so far, prompt) under the model itself, before constraints,
    temperature and filters; the samples come in the order they were drawn.

    The random numbers depend on the seed, the number of the prompt in the call, the sample and
    the step, and on nothing else: not on the backend, nor on which prompts make up a batch. With
    `generate(prompts, seeds=[...])` each prompt has its own seed, and its number does not count.

    Args:
        n: number of samples of each prompt.
        temperature: positive number that logits are divided by.
        top_k: number of the most probable tokens to draw from.
        top_p: in (0, 1], draw from the fewest most probable tokens with that total probability.
        min_p: in (0, 1], draw from tokens with that share of the largest probability.
        typical_p: in (0, 1], draw from the fewest most typical tokens with that probability.
        seed: integer, for the same samples at each call; by default from NumPy's global state.

    >>> Sampling(3, top_p=0.9, seed=1).width
    3
    """

    def __init__(
        self,
        n=1,
        temperature=1.0,
        top_k=None,
        top_p=None,
        min_p=None,
        typical_p=None,
        seed=None,
    ):
        check_integer("n", n, 1)
        check_number("temperature", temperature, above=0)
        check_integer("top_k", 1 if top_k is None else top_k, 1)
        for name, value in {"top_p": top_p, "min_p": min_p, "typical_p": typical_p}.items():
            check_number(name, 1 if value is None else value, above=0, most=1)
        check_integer("seed", 0 if seed is None else seed, 0)
        self.width = n
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.min_p = min_p
        self.typical_p = typical_p
        self.seed = seed

    def draws(self, rows, steps, seeds=None):
        if seeds is None:
            seed = np.random.randint(2**31) if self.seed is None else self.seed
            keys = [(seed, row) for row in rows]
        else:
            keys = [(seeds[row], 0) for row in rows]
        generators = [np.random.default_rng([*key, i]) for key in keys for i in range(self.width)]
        numbers = [generator.random(steps, "float32") for generator in generators]
        return np.array(numbers, "float32").reshape(len(rows), self.width, steps)

    def filtered(self, logits):
        """Return logits (..., v) after temperature and filters."""
        if self.temperature != 1:
            logits = temperature(logits, self.temperature)
        filters = [
            (top_k, self.top_k),
            (top_p, self.top_p),
            (min_p, self.min_p),
            (typical_p, self.typical_p),
        ]
        for function, value in filters:
            if value is not None:
                logits = function(logits, value)
        return logits

    def choose(self, scores, draws):
        """Return the first token with which the sum of probabilities exceeds the random number."""
        p = ops.softmax(bounded(self.filtered(scores)))
        reached = ops.cumsum(p, axis=-1)
        exceeds = ops.cast(reached > draws[..., None] * reached[..., -1:], "float32")
        # sums that are not quite monotonic must not lead to a token of no probability
        return ops.cast(ops.argmax(ops.where(p > 0, exceeds, -1.0), axis=-1), "int32")
