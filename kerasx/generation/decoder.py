"""Decode step by step around a `predict` you write, in NumPy: bert4keras's research decoder."""

import functools

import keras
import numpy as np
from keras import ops

from kerasx.checks import check_choice, check_integer, check_number, check_positive, invalid
from kerasx.generation.last_token import LastToken

_KINDS = ("probas", "logits")  # of scores
_SURELY = 1e200  # in the place of a logit of +inf: differences of such logits are numbers


class AutoRegressiveDecoder:
    """Base of decoders whose subclass writes `predict`: beam search and sampling.

    `predict(self, inputs, output_ids, states)`, decorated with `wraps`, returns the probabilities
    or logits (k, v) of the next token for each row of `output_ids` (k, t). Its `states` are the
    ones that it returned before, reordered like the beams.

    A sequence is finished once it ends with `end_id`, holds `end_id` at least `min_ends` times, and
    is at least `minlen` tokens long. Results hold `start_id` and `end_id`, as in bert4keras.

    Args:
        start_id: the first token of every sequence, or None.
        end_id: the token that ends a sequence, several of them in a list or set, or None.
        maxlen: number of tokens generated at most.
        minlen: number of tokens of the shortest result, start and end included.

    Unlike in bert4keras, states follow their beams, and a finished sequence competes until no
    other sequence can surpass it.

    >>> class Alternating(AutoRegressiveDecoder):
    ...     @AutoRegressiveDecoder.wraps(default_rtype="probas")
    ...     def predict(self, inputs, output_ids, states):
    ...         return np.eye(3)[(output_ids[:, -1] + inputs[0][:, 0]) % 3]
    >>> Alternating(start_id=0, end_id=2, maxlen=8).beam_search([[1]], topk=2).tolist()
    [0, 1, 2]
    """

    def __init__(self, start_id, end_id, maxlen, minlen=1):
        check_integer("maxlen", maxlen, 1)
        check_integer("minlen", minlen, 0)
        self.start_id = start_id
        self.end_id = end_id
        self.maxlen = maxlen
        self.minlen = minlen
        self.models = {}
        start = [] if start_id is None else [start_id]
        self.first_output_ids = np.array([start], dtype="int64")

    @staticmethod
    def wraps(default_rtype="probas", use_states=False):
        """Decorate a `predict` to take a temperature and to return the kind of scores asked for.

        Args:
            default_rtype: what the decorated method returns, "probas" or "logits".
            use_states: whether the method returns (scores, states).

        Returns:
            A decorator; the decorated method is called as `predict(inputs, output_ids, states,
            temperature=1, rtype="probas")` and returns (probabilities, states), or
            (log-probabilities, states) with rtype="logits".
        """
        check_choice("default_rtype", default_rtype, _KINDS)

        def decorator(predict):
            @functools.wraps(predict)
            def completed(
                self, inputs, output_ids, states=None, temperature=1, rtype=default_rtype
            ):
                check_choice("rtype", rtype, _KINDS)
                result = predict(self, inputs, output_ids, states)
                scores, states = result if use_states else (result, None)
                scores = np.asarray(ops.convert_to_numpy(scores), "float64")
                _check_scores(scores)
                scores = _log_probas(scores, default_rtype, temperature)
                return (scores if rtype == "logits" else np.exp(scores)), states

            return completed

        return decorator

    def last_token(self, model):
        """Return a model of the last position: `self.last_token(model).predict(inputs)`."""
        if model not in self.models:
            self.models[model] = LastToken(model)
        return self.models[model]

    def predict(self, inputs, output_ids, states=None, temperature=1, rtype="probas"):
        """Return scores (k, v) of the next token; override it, decorated with `wraps`.

        Args:
            inputs: arrays (k, ...), the `inputs` of `beam_search` repeated for each row.
            output_ids: (k, t) int64, the tokens generated so far.
            states: the states returned before, a structure of arrays (k, ...), or None.
            temperature, rtype: added by `wraps`.
        """
        raise invalid(
            "`AutoRegressiveDecoder` must override predict(self, inputs, output_ids, states), "
            "decorated with @AutoRegressiveDecoder.wraps(...).",
            decoder=self,
        )

    def beam_search(self, inputs, topk, states=None, temperature=1, min_ends=1):
        """Return the best sequence that a beam search of width `topk` finds.

        Args:
            inputs: a list of vectors or arrays, without batch dimension.
            topk: number of sequences kept at each step.
            states: for the first `predict`.
            temperature: logits are divided by it.
            min_ends: least number of end tokens in a finished sequence.

        Returns:
            A vector of token ids.
        """
        check_integer("topk", topk, 1)
        inputs = [np.array([x]) for x in inputs]
        output_ids, scores, finished = self.first_output_ids, np.zeros(1), []
        for _ in range(self.maxlen):
            gains, states = self.predict(inputs, output_ids, states, temperature, "logits")
            totals = scores[:, None] + gains  # (k, v)
            candidates = np.append(totals, [score for score, _ in finished])
            best = largest(candidates, topk)
            best = best[candidates[best] > -np.inf]
            finished = [finished[i] for i in best - totals.size if i >= 0]
            parents, tokens = np.divmod(best[best < totals.size], totals.shape[1])
            if not len(parents):
                break
            output_ids = np.append(output_ids[parents], tokens[:, None], axis=1)
            scores = totals[parents, tokens]
            ended = self._has_ended(output_ids, min_ends)
            finished += zip(scores[ended], output_ids[ended])
            output_ids, scores, parents = (x[~ended] for x in (output_ids, scores, parents))
            inputs, states = take_rows(inputs, parents), take_rows(states, parents)
            if not len(scores) or _best_score(finished) >= scores[0]:
                break
        return max([*finished, *zip(scores, output_ids)], key=lambda x: x[0])[1]

    def random_sample(
        self,
        inputs,
        n,
        topk=None,
        topp=None,
        states=None,
        temperature=1,
        min_ends=1,
        seed=None,
    ):
        """Return `n` sampled sequences, in the order in which they were finished.

        Args:
            inputs, states, temperature, min_ends: as in `beam_search`.
            n: number of samples.
            topk: draw from the `topk` most probable tokens; None or 0 for all.
            topp: draw from the fewest most probable tokens that sum to at least `topp`; None, 1 or
                more for all.
            seed: for the same samples again; by default NumPy's global state goes on.

        Returns:
            A list of `n` vectors of token ids.
        """
        check_integer("n", n, 1)
        draw = np.random.random_sample if seed is None else np.random.default_rng(seed).random
        inputs = [np.array([x]) for x in inputs]
        output_ids, results, rows = self.first_output_ids, [], np.zeros(n, int)
        for _ in range(self.maxlen):
            probas, states = self.predict(inputs, output_ids, states, temperature, "probas")
            tokens = sample_tokens(probas[rows], topk, topp, draw)
            results += list(output_ids[rows[tokens < 0]])  # no token may follow
            rows, tokens = rows[tokens >= 0], tokens[tokens >= 0]
            output_ids = np.append(output_ids[rows], tokens[:, None], axis=1)
            ended = self._has_ended(output_ids, min_ends)
            results += list(output_ids[ended])
            output_ids, rows = output_ids[~ended], rows[~ended]
            inputs, states = take_rows(inputs, rows), take_rows(states, rows)
            if not len(output_ids):
                break
            rows = np.arange(len(output_ids))
        return results + list(output_ids)

    def _has_ended(self, output_ids, min_ends):
        """Return booleans (k,): rows whose last token is at least the `min_ends`-th end."""
        ends = self.end_id if isinstance(self.end_id, (list, tuple, set)) else [self.end_id]
        is_end = np.isin(output_ids, [end for end in ends if end is not None])
        long_enough = output_ids.shape[1] >= self.minlen
        return is_end[:, -1] & (is_end.sum(axis=1) >= min_ends) & long_enough


def largest(x, k):
    """Return indices of the `k` largest numbers along the last axis, the largest first."""
    if k < x.shape[-1]:
        few = np.sort(np.argpartition(-x, k - 1, axis=-1)[..., :k], axis=-1)
    else:
        few = np.broadcast_to(np.arange(x.shape[-1]), x.shape)
    order = np.argsort(-np.take_along_axis(x, few, -1), axis=-1, kind="stable")
    return np.take_along_axis(few, order, -1)


def sample_tokens(probas, topk=None, topp=None, draw=np.random.random_sample):
    """Draw a token for each row of `probas` (n, v); -1 where all probabilities are zero.

    Args:
        probas: (n, v), not necessarily normalized.
        topk, topp: as in `AutoRegressiveDecoder.random_sample`; topk first, then topp of the rest.
        draw: function from a shape to uniform numbers in [0, 1).
    """
    topk = None if topk is None else check_integer("topk", topk, 0) or None
    topp = None if topp is None or check_number("topp", topp, least=0) >= 1 else topp
    tokens = np.arange(probas.shape[-1])[None].repeat(len(probas), axis=0)
    if topk is not None or topp is not None:
        tokens = largest(probas, topk or probas.shape[-1])
    reached = np.cumsum(np.take_along_axis(probas, tokens, 1), axis=1)
    total = reached[:, -1:]
    if topp is not None:  # up to the first token with which the sum is topp
        enough = np.argmax(reached >= topp * total, axis=1)[:, None]
        total = np.take_along_axis(reached, enough, 1)
    target = (1 - draw((len(probas), 1))) * total  # in (0, total], where total is positive
    chosen = np.take_along_axis(tokens, np.argmax(reached >= target, axis=1)[:, None], 1)
    return np.where(total > 0, chosen, -1)[:, 0]


def take_rows(structure, rows):
    """Return the given rows of every array (or tensor) in a structure; scalars stay.

    Raises:
        ValueError: an array has fewer rows than there are sequences.
    """

    def take(x):
        if not getattr(x, "shape", ()):
            return x
        if len(rows) and max(rows) >= x.shape[0]:
            raise invalid(
                "`states` must be arrays with a row for each sequence; keep values that sequences "
                "share on the decoder itself.",
                shape=tuple(x.shape),
            )
        return x[rows] if isinstance(x, np.ndarray) else ops.take(x, rows, axis=0)

    return keras.tree.map_structure(take, structure)


def _check_scores(scores):
    """Refuse scores (k, v) of which one is NaN."""
    broken = np.isnan(np.max(scores, axis=-1, initial=-np.inf))
    if broken.any():
        raise invalid(
            "`predict` must return numbers; these are NaN, as with weights that are.",
            rows=np.flatnonzero(broken).tolist(),
        )


def _log_probas(scores, rtype, temperature):
    """Return log-probabilities of probabilities or logits; -inf where all are impossible."""
    check_positive(temperature=temperature)
    if rtype == "probas":
        with np.errstate(divide="ignore"):
            scores = np.log(scores)
        if temperature == 1:
            return scores
    scores = np.minimum(scores / temperature, _SURELY)
    top = np.max(scores, axis=-1, keepdims=True)
    scores = scores - np.where(np.isfinite(top), top, 0)
    total = np.sum(np.exp(scores), axis=-1, keepdims=True)
    return scores - np.log(np.where(total > 0, total, 1))


def _best_score(finished):
    return max((score for score, _ in finished), default=-np.inf)
