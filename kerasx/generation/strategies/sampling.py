"""Random sequences: filters of logits as pure functions, and sampling from what they leave."""

import numpy as np
from keras import ops

from kerasx import backend
from kerasx.checks import check_integer, check_number
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.strategy import NEVER

__all__ = ["Sampling", "min_p", "temperature", "top_k", "top_p", "typical_p"]


def temperature(logits, value):
    """logits / value: below 1 the probable becomes more probable, above 1 less."""
    return ops.maximum(logits / value, NEVER)


def top_k(logits, k):
    """Only the `k` largest logits (..., v) and what equals the least of these."""
    largest, _ = ops.top_k(logits, min(k, logits.shape[-1]))
    return ops.where(logits >= largest[..., -1:], logits, NEVER)


def top_p(logits, mass):
    """Only the fewest most probable tokens that have at least that mass.

    Nucleus sampling (Holtzman et al., 1904.09751). Tokens as probable as the least probable one
    that is kept are kept too.

    >>> kept = top_p(ops.log(np.array([[0.5, 0.3, 0.2]], "float32")), 0.7)
    >>> (ops.convert_to_numpy(kept) > NEVER).tolist()
    [[True, True, False]]
    """
    return ops.where(_heaviest(logits, ops.softmax(logits), mass), logits, NEVER)


def min_p(logits, share):
    """Only tokens with at least that share of the largest probability (Nguyen et al., 2407.01082).

    p_i ≥ share · max p, in logarithms.
    """
    least = ops.max(logits, axis=-1, keepdims=True) + float(np.log(share))
    return ops.where(logits >= least, logits, NEVER)


def typical_p(logits, mass):
    """Only the fewest most typical tokens that have at least that mass.

    Typical is -log p near to the entropy H = -Σ p log p (Meister et al., 2202.00666).
    """
    log_p = logits - ops.logsumexp(logits, axis=-1, keepdims=True)
    p = ops.exp(log_p)
    entropy = -ops.sum(ops.where(p > 0, p * log_p, 0.0), axis=-1, keepdims=True)
    return ops.where(_heaviest(-ops.abs(entropy + log_p), p, mass), logits, NEVER)


def _heaviest(keys, p, mass):
    """Where the largest keys (..., v) lie, as few as have at least that mass of p.

    The least key among them is found by bisection of the interval of keys, to the precision of
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
    """`n` random sequences of each prompt, each token drawn from the filtered distribution.

    The filters are those that are given, in the order of the arguments, with the meaning they have
    in transformers. score = Σ log p(token | sequence so far, prompt) under the model itself,
    before constraints, temperature and filters; the samples come in the order they were drawn.

    The random numbers depend on the seed, the number of the prompt in the call, the sample and
    the step, and on nothing else: not on the backend, nor on which prompts make up a batch.

    Args:
        n: number of samples of each prompt.
        temperature: logits are divided by it.
        top_k: see `top_k`: number of tokens.
        top_p: see `top_p`: mass in (0, 1].
        min_p: see `min_p`: share in (0, 1].
        typical_p: see `typical_p`: mass in (0, 1].
        seed: for the same samples at each call; by default one drawn from NumPy's global state.

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
        """Logits (..., v) after temperature and filters."""
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
        """The first token with which the sum of probabilities exceeds the random number."""
        p = ops.softmax(self.filtered(scores))
        reached = ops.cumsum(p, axis=-1)
        exceeds = ops.cast(reached > draws[..., None] * reached[..., -1:], "float32")
        # sums that are not quite monotonic must not lead to a token of no probability
        return ops.cast(ops.argmax(ops.where(p > 0, exceeds, -1.0), axis=-1), "int32")
