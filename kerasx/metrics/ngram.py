"""The n-gram model that a neural one has to beat: interpolated Kneser-Ney, on token ids."""

import math
from collections import Counter, defaultdict

__all__ = ["NgramModel", "perplexity"]


def perplexity(log_probability, count):
    """exp(-log p / n): between how many tokens the model is in doubt, on average.

    Args:
        log_probability: natural logarithm of the probability of all n tokens, their sum.
        count: n, positive.

    >>> round(perplexity(4 * math.log(1 / 8), 4), 6)
    8.0
    """
    if count <= 0:
        raise ValueError(f"`count` must be a positive number of tokens. Received: count={count}")
    return math.exp(-log_probability / count)


class NgramModel:
    """Interpolated Kneser-Ney smoothing: what was not seen is left to shorter contexts.

        p(w | h) = (max(c(h w) - D, 0) + D n(h) p(w | h')) / c(h)

    c counts how often w follows h in the longest n-grams and, in shorter ones, after how many
    different tokens h w occurs; n(h) is how many different tokens follow h, h' is h without its
    first token, and before the empty context comes the uniform distribution. Where h was never
    seen, p(w | h) = p(w | h'). Each length has its discount D = n₁ / (n₁ + 2 n₂), of the numbers
    of n-grams that were counted once and twice.

    The first token of a sequence, such as [CLS], is given and not predicted, as in language models
    of `kerasx.models`; nor are there tokens outside the sequence.

    Args:
        order: how many tokens long the n-grams are; 3 is a trigram model.
        vocab_size: ids are 0 ... vocab_size - 1; by default up to the greatest that is fitted.

    Raises:
        ValueError: no tokens to fit, or an id out of range.

    Source: Kneser and Ney, 1995; Chen and Goodman, 1999.

    >>> model = NgramModel(order=2).fit([[0, 1, 2], [0, 1, 1]])
    >>> round(sum(model.probability(w, [1]) for w in range(3)), 6)
    1.0
    >>> model.perplexity([[0, 1, 2]]) < 3
    True
    """

    def __init__(self, order=3, vocab_size=None):
        for name, value in (("order", order), ("vocab_size", vocab_size or 1)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
        self.order, self.vocab_size = order, vocab_size
        self.counts = None

    def fit(self, sequences):
        """Count the n-grams of sequences of token ids; returns the model itself."""
        sequences = [[int(token) for token in sequence] for sequence in sequences]
        largest = max((max(sequence, default=0) for sequence in sequences), default=0)
        self.vocab_size = self.vocab_size or largest + 1
        longest = Counter()
        for sequence in sequences:
            self._check(sequence)
            longest.update(self._grams(sequence))
        if not longest:
            raise ValueError("`sequences` must hold one of two tokens or more to predict one.")
        self._count(longest)
        return self

    def probability(self, token, context):
        """p(token | context), of whose ids the last order - 1 matter."""
        self._check([token, *context])
        context = tuple(context)
        p = 1 / self.vocab_size
        for length in range(min(self.order - 1, len(context)) + 1):
            h = context[len(context) - length :]
            follow = self.counts.get(h)
            if follow:
                total, d = self.totals[h], self.discounts[length]
                p = (max(follow.get(token, 0) - d, 0) + d * len(follow) * p) / total
        return p

    def log_probability(self, sequences):
        """(Σ log p, number of tokens) of all tokens but the first of each sequence."""
        grams = [gram for sequence in sequences for gram in self._grams(list(sequence))]
        return sum(math.log(self.probability(w, h)) for *h, w in grams), len(grams)

    def perplexity(self, sequences):
        """exp(-mean log p) of all tokens but the first of each sequence."""
        return perplexity(*self.log_probability(sequences))

    def _grams(self, sequence):
        """Each predicted token after its context: shorter n-grams at the beginning."""
        n = self.order
        return [tuple(sequence[max(i + 1 - n, 0) : i + 1]) for i in range(1, len(sequence))]

    def _count(self, grams):
        """counts[h][w] for contexts of every length, from the counts of the longest n-grams."""
        self.counts, self.totals = defaultdict(dict), {}
        self.discounts = [0.0] * self.order
        for size in range(self.order, 0, -1):
            shorter, ones, twos = Counter(), 0, 0
            # at the beginning of a sequence nothing comes before: such n-grams keep their counts
            for gram, count in grams.items():
                if len(gram) < size:
                    shorter[gram] += count
                    continue
                self.counts[gram[:-1]][gram[-1]] = count
                ones, twos = ones + (count == 1), twos + (count == 2)
                shorter[gram[1:]] += 1
            self.discounts[size - 1] = ones / (ones + 2 * twos) if ones else 0.5
            grams = shorter
        self.totals = {h: sum(follow.values()) for h, follow in self.counts.items()}
        self.counts = dict(self.counts)

    def _check(self, tokens):
        if self.vocab_size is not None and not all(0 <= t < self.vocab_size for t in tokens):
            raise ValueError(
                f"Token ids must be in [0, {self.vocab_size}). Received: {list(tokens)[:20]}"
            )
