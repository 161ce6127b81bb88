"""Train an n-gram language model on token ids, as a baseline for neural models."""

import math
from collections import Counter, defaultdict

from kerasx.checks import check_integer, check_number, invalid


def perplexity(log_probability, count):
    """Compute the perplexity exp(-log p / n) of n tokens.

    Args:
        log_probability: float, sum of the natural logarithms of the probabilities of the tokens.
        count: int, the number n of tokens.

    >>> round(perplexity(4 * math.log(1 / 8), 4), 6)
    8.0
    """
    check_number("count", count, above=0)
    return math.exp(-log_probability / count)


class NgramModel:
    """An n-gram language model with interpolated Kneser-Ney smoothing.

        p(w | h) = (max(c(h w) - D, 0) + D n(h) p(w | h')) / c(h)

    For the longest n-grams, c(h w) counts how often the token w follows the context h; for
    shorter n-grams, how many different tokens precede h w. c(h) is the sum of c(h w) over w, n(h)
    the number of different tokens that follow h, and h' is h without its first token. An unseen
    context has p(w | h) = p(w | h'), and below the empty context the distribution is uniform.
    Each length has a discount D = n₁ / (n₁ + 2 n₂), where n₁ and n₂ are the numbers of n-grams
    with the counts 1 and 2.

    The first token of a sequence, such as [CLS], is given and not predicted, as in the language
    models of `kerasx.models`. Sequences are not padded.

    Args:
        order: int, length of the n-grams; 3 is a trigram model.
        vocab_size: int, ids are in [0, vocab_size); by default 1 + the largest id in `fit`.

    Raises:
        ValueError: there is no token to predict, or an id is out of range.

    Source: Kneser and Ney, 1995; Chen and Goodman, 1999.

    >>> model = NgramModel(order=2).fit([[0, 1, 2], [0, 1, 1]])
    >>> round(sum(model.probability(w, [1]) for w in range(3)), 6)
    1.0
    >>> model.perplexity([[0, 1, 2]]) < 3
    True
    """

    def __init__(self, order=3, vocab_size=None):
        self.order = check_integer("order", order, least=1)
        if vocab_size is not None:
            check_integer("vocab_size", vocab_size, least=1)
        self.vocab_size = vocab_size
        self.counts = None

    def fit(self, sequences):
        """Count the n-grams of sequences of token ids, and return the model itself."""
        sequences = [[int(token) for token in sequence] for sequence in sequences]
        largest = max((max(sequence, default=0) for sequence in sequences), default=0)
        self.vocab_size = self.vocab_size or largest + 1
        longest = Counter()
        for sequence in sequences:
            self._check(sequence)
            longest.update(self._grams(sequence))
        if not longest:
            raise invalid(
                "`sequences` must have a sequence of two tokens or more.", sequences=sequences
            )
        self._count(longest)
        return self

    def probability(self, token, context):
        """Return p(token | context); of the context the last order - 1 ids are used."""
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
        """Return (Σ log p, number of tokens) of all tokens but the first of each sequence."""
        grams = [gram for sequence in sequences for gram in self._grams(list(sequence))]
        return sum(math.log(self.probability(w, h)) for *h, w in grams), len(grams)

    def perplexity(self, sequences):
        """Return exp(-mean log p) of all tokens but the first of each sequence."""
        return perplexity(*self.log_probability(sequences))

    def _grams(self, sequence):
        """Return the n-gram of each predicted token; n-grams at the start are shorter."""
        n = self.order
        return [tuple(sequence[max(i + 1 - n, 0) : i + 1]) for i in range(1, len(sequence))]

    def _count(self, grams):
        """Compute counts[h][w] for all contexts h from the counts of the longest n-grams."""
        self.counts, self.totals = defaultdict(dict), {}
        self.discounts = [0.0] * self.order
        for size in range(self.order, 0, -1):
            shorter, ones, twos = Counter(), 0, 0
            # no token precedes an n-gram at the start of a sequence: it keeps its count
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
            raise invalid(f"Token ids must be in [0, {self.vocab_size}).", tokens=list(tokens))
