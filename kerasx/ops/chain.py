"""Linear chains of tags: scores, likelihoods, marginals and the best sequences.

The score of tags y is Σ s[t, y_t] + Σ T[y_t, y_t+1], with tag scores s (n, k) and transitions
T (k, k). Masked positions are left out, as if the sentence were shorter. `allowed` (k+1, k+1) says
which tag may follow which; its last row says which may come first, its last column which may come
last. Everything is computed in float32 at least, with time as the first axis and the batch as the
last, so that sums and maxima over the previous tag run along whole rows of memory.
"""

import functools
import numbers
from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx.backend import mask_value, scan, traced, widened
from kerasx.checks import check_integer, check_shape

# The score of what is not allowed in sums. It is finite, so that gradients are; a sum of it over a
# sentence does not overflow; and e^x is 0 beside other scores.
FORBIDDEN = mask_value("float16")


class _Chain(NamedTuple):
    scores: Any  # (n, k, b)
    real: Any  # (n, b), the mask as booleans
    joined: Any  # (n, b), whether a real position comes before
    trans: Any  # (k, k)
    starts: Any  # (k, 1)
    ends: Any  # (k, 1)


def chain_score(tags, scores, trans, mask=None, allowed=None):
    """Compute the score of given tag sequences.

    Args:
        tags: integers (b, n) in [0, k); those at masked positions are ignored.
        scores: (b, n, k), the score of each tag at each position.
        trans: (k, k), the score of going from the tag of the row to the tag of the column.
        mask: (b, n), true at real positions. None: all are real. A number: a position is real if
            some tag scores above it.
        allowed: booleans (k+1, k+1), or None; each transition that is not allowed costs 32752.

    Returns:
        (b,); 0 for an empty sequence, NaN for one with a tag outside [0, k).

    >>> float(chain_score([[0, 1]], [[[1.0, 0.0], [0.0, 2.0]]], [[0.0, 5.0], [0.0, 0.0]])[0])
    8.0
    """
    scores = widened(scores)
    trans, starts, ends = _transitions(trans, scores, allowed, FORBIDDEN)
    mask, k = _real(mask, scores, -1), scores.shape[-1]
    tags = ops.where(mask, ops.cast(tags, "int32"), 0)
    known = ops.all(ops.logical_and(tags >= 0, tags < k), axis=1)
    tags = ops.clip(tags, 0, k - 1)
    # one position more, whose previous tag is the last tag of the sentence
    every = ops.pad(mask, [(0, 0), (0, 1)], constant_values=True)
    before = previous(ops.pad(tags, [(0, 0), (0, 1)]), every)
    before, last = before[:, :-1], before[:, -1]
    here = ops.take_along_axis(scores, tags[..., None], axis=-1)[..., 0]
    moved = ops.take(ops.reshape(trans, (-1,)), before * k + tags)
    here = here + ops.where(_joined(mask, 1), moved, ops.take(starts, tags))
    total = ops.sum(ops.where(mask, here, 0), axis=1)
    total = total + ops.where(ops.any(mask, axis=1), ops.take(ends, last), 0)
    return ops.where(known, total, float("nan"))


def chain_log_partition(scores, trans, mask=None, allowed=None):
    """Compute log Σ_y e^score(y) over all tag sequences y; arguments as in `chain_score`.

    Returns:
        (b,); 0 for an empty sequence.

    >>> round(float(chain_log_partition([[[0.0, 0.0]] * 3], [[0.0, 0.0]] * 2)[0]), 4)  # log 2³
    2.0794
    """
    chain = _chain(scores, trans, mask, allowed, FORBIDDEN)
    last, _ = _forward(_step_of_sums, chain)
    return _total(chain, ops.logsumexp(last + chain.ends, axis=0))


def chain_loss(tags, scores, trans, mask=None, allowed=None):
    """Compute the negative log-likelihood of tag sequences; arguments as in `chain_score`.

    It is chain_log_partition - chain_score, never below 0. The highest score of each position is
    subtracted from both first, so that their difference keeps its digits.

    Returns:
        (b,).

    >>> round(float(chain_loss([[0, 1]], [[[0.0, 0.0]] * 2], [[0.0, 0.0]] * 2)[0]), 4)  # log 2²
    1.3863
    """
    scores = widened(scores)
    mask = _real(mask, scores, -1)
    scores = scores - ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    options = scores, trans, mask, allowed
    loss = ops.relu(chain_log_partition(*options) - chain_score(tags, *options))
    return ops.where(ops.isnan(loss), float("nan"), loss)  # NaN without a gradient


def chain_marginals(scores, trans, mask=None, allowed=None):
    """Compute the probability of each tag at each position by the forward-backward algorithm.

    Arguments as in `chain_score`.

    Returns:
        (b, n, k); 0 at masked positions.

    >>> p = chain_marginals([[[0.0, 0.0], [9.0, 0.0]]], [[0.0, -9.0], [-9.0, 0.0]])
    >>> ops.convert_to_numpy(p)[0, 0].round(2).tolist()
    [1.0, 0.0]
    """
    chain = _chain(scores, trans, mask, allowed, FORBIDDEN)
    last, forward = _forward(_step_of_sums, chain)
    total = ops.logsumexp(last + chain.ends, axis=0)

    def step(beta, here):
        scores, real, joined = here
        moved = ops.logsumexp(chain.trans[..., None] + scores + beta, axis=1)
        return ops.where(ops.logical_and(real, joined), moved, beta), beta

    beta = chain.ends + ops.zeros_like(last)
    _, backward = scan(step, beta, (chain.scores, chain.real, chain.joined), reverse=True)
    p = ops.where(chain.real[:, None], ops.exp(forward + backward - total), 0)
    return ops.transpose(p, (2, 0, 1))


def viterbi(scores, trans, mask=None, allowed=None):
    """Find the tag sequence of the highest score by Viterbi's algorithm.

    Arguments as in `chain_score`, but `allowed` is strict. No table of back-pointers is kept: on
    the way back the best previous tag is computed again, for the tags of the best sequence alone.

    Returns:
        (tags, scores): int32 (b, n), -1 at masked positions; (b,), -inf if no sequence is allowed.

    >>> tags, score = viterbi([[[1.0, 0.0], [0.0, 0.5]]], [[0.0, -9.0], [0.0, 0.0]])
    >>> ops.convert_to_numpy(tags).tolist(), float(score[0])
    ([[0, 0]], 1.0)
    """
    chain = _chain(scores, trans, mask, allowed, float("-inf"))
    last, forward = _forward(_step_of_best, chain)

    def step(tag, here):
        return _tag_before(tag, *here, chain.trans), tag

    moves = ops.logical_and(chain.real, chain.joined)[1:]
    last_tag = _first_of_maxima(last + chain.ends)
    first, tags = scan(step, last_tag, (forward[:-1], moves), reverse=True)
    tags = ops.concatenate([first[None], tags])
    tags = ops.transpose(ops.cast(ops.where(chain.real, tags, -1), "int32"))
    return tags, _total(chain, ops.max(last + chain.ends, axis=0))


def viterbi_n_best(scores, trans, n_best, mask=None, allowed=None):
    """Find the `n_best` tag sequences of the highest scores; other arguments as in `viterbi`.

    Returns:
        (tags, scores): int32 (b, n_best, n) and (b, n_best), the best first. If there are fewer
        sequences, the rest has tags -1 and score -inf.

    >>> tags, score = viterbi_n_best([[[1.0, 0.0], [0.0, 0.5]]], [[0.0, 0.0]] * 2, n_best=2)
    >>> ops.convert_to_numpy(tags).tolist(), ops.convert_to_numpy(score).tolist()
    ([[[0, 1], [0, 0]]], [[1.5, 1.0]])
    """
    check_integer("n_best", n_best, least=1)
    chain = _chain(scores, trans, mask, allowed, float("-inf"))
    # the carry holds, for each last tag, the scores of its r = n_best best sequences so far
    lists = (chain.scores.shape[1], n_best, ops.shape(chain.scores)[2])  # (k, r, b)
    one = ops.where(ops.arange(n_best)[:, None] == 0, ops.zeros(lists), float("-inf"))

    def best(candidates):  # (..., c, b) -> the r highest along c and their indices
        values, places = ops.top_k(ops.moveaxis(candidates, -2, -1), n_best)
        return ops.moveaxis(values, -1, -2), ops.moveaxis(ops.cast(places, "int32"), -1, -2)

    def step(carry, here):
        lists_before, _ = carry
        scores, real, joined = here
        moved = lists_before[None] + ops.transpose(chain.trans)[..., None, None]  # (k, k, r, b)
        values, places = best(ops.reshape(moved, (lists[0], -1, lists[2])))
        values = ops.where(joined, values, one + chain.starts[:, None]) + scores[:, None]
        state = ops.where(real, values, lists_before), places
        return state, state

    places = (chain.scores, chain.real, chain.joined)
    (last, _), (_, pointers) = scan(step, (one, ops.zeros(lists, "int32")), places)
    score, state = best(ops.reshape(last + chain.ends[:, None], (-1, lists[2])))
    found = ops.where(ops.any(chain.real, axis=0), score, one[0]) > float("-inf")

    def back(state, here):
        pointers, real, joined = here
        before = ops.take_along_axis(ops.reshape(pointers, (-1, lists[2])), state, axis=0)
        moved = ops.where(ops.logical_and(real, joined), before, state)
        return moved, ops.where(ops.logical_and(real, found), state // n_best, -1)

    _, tags = scan(back, state, (pointers, chain.real, chain.joined), reverse=True)
    score = ops.where(ops.any(chain.real, axis=0), score, one[0])
    return ops.transpose(tags, (2, 1, 0)), ops.transpose(score)


def _transitions(trans, scores, allowed, forbidden):
    """Return trans (k, k), starts (k,), ends (k,), plus `forbidden` where it is not allowed."""
    trans = ops.cast(trans, scores.dtype)
    k = scores.shape[-1]
    check_shape("trans", trans, (k, k), "a score for each pair of tags")
    if allowed is None:
        return trans, ops.zeros_like(trans[0]), ops.zeros_like(trans[0])
    allowed = ops.cast(allowed, "bool")
    check_shape("allowed", allowed, (k + 1, k + 1), "true where one tag may follow another")
    cost = ops.cast(ops.where(allowed, 0.0, forbidden), scores.dtype)
    return trans + cost[:k, :k], cost[k, :k], cost[:k, k]


def _real(mask, scores, axis):
    """Return the mask as booleans; of a number, where the best score along `axis` exceeds it."""
    if mask is None:
        return ops.ones_like(ops.take(scores, 0, axis), "bool")
    if isinstance(mask, numbers.Real):
        return ops.max(scores, axis=axis) > mask
    mask = ops.cast(mask, "bool")
    check_shape("mask", mask, scores.shape[:-1], "true at real positions")
    return mask


def _chain(scores, trans, mask, allowed, forbidden):
    scores = widened(scores)
    trans, starts, ends = _transitions(trans, scores, allowed, forbidden)
    rows = _batch_last(scores)
    # a maximum over the tags is five times faster on PyTorch in this layout: they are not last
    by_score = isinstance(mask, numbers.Real)
    real = _real(mask, rows, 1) if by_score else _batch_last(_real(mask, scores, -1))
    if forbidden == FORBIDDEN:  # in sums, where a masked inf or NaN would reach the gradients
        rows = ops.where(real[:, None], rows, 0)
    return _Chain(rows, real, _joined(real, 0), trans, starts[:, None], ends[:, None])


def _batch_last(x):
    """Transpose (b, n, ...) to (n, ..., b) in memory: PyTorch would only change the strides."""
    if keras.backend.backend() != "torch":
        return ops.moveaxis(x, 0, -1)
    rows = x.reshape(x.shape[0], -1).t().contiguous()  # as a matrix, for which it has a fast copy
    return rows.view(*x.shape[1:], x.shape[0])


def _joined(mask, axis):
    """Return the positions with a real position somewhere before them."""
    counted = ops.cast(mask, "int32")
    return ops.cumsum(counted, axis=axis) > counted


def _forward(forward, chain):
    """Reduce all sequences up to each position to one number for each last tag.

    The number is a log-sum or a maximum, by the step function `forward`.

    Returns:
        (k, b) at the end and (n, k, b) at each position.
    """

    def step(alpha, here):
        alpha = forward(alpha, *here, chain.trans, chain.starts)
        return alpha, alpha

    init = ops.sum(chain.scores[:0], axis=0)
    return scan(step, init, (chain.scores, chain.real, chain.joined))


# The order of the axes is measured: PyTorch reduces the first axis ten times faster than the last,
# XLA ten times slower; and XLA fuses any number of maxima of two tensors into one pass.


def _sum_before(alpha, trans):
    """Compute log Σ_i e^(alpha[i] + trans[i, j]) for alpha (k, b): (k, b)."""
    if keras.backend.backend() == "torch":
        return ops.logsumexp(alpha[:, None] + trans[..., None], axis=0)
    alpha, trans = ops.transpose(alpha), ops.transpose(trans)
    return ops.transpose(ops.logsumexp(alpha[:, None] + trans, axis=-1))


def _best_before(alpha, trans):
    """Compute max_i (alpha[i] + trans[i, j]) for alpha (k, b): (k, b)."""
    if keras.backend.backend() == "torch":
        return ops.max(alpha[:, None] + trans[..., None], axis=0)
    moved = (alpha[i] + trans[i][:, None] for i in range(trans.shape[0]))
    return functools.reduce(ops.maximum, moved)


def _step_of_sums(alpha, *here):
    return _after(_sum_before, alpha, *here)


@traced
def _step_of_best(alpha, *here):
    return _after(_best_before, alpha, *here)


def _after(before, alpha, scores, real, joined, trans, starts):
    moved = ops.where(joined, before(alpha, trans), starts)
    return ops.where(real, moved + scores, alpha)


@traced
def _tag_before(tag, before, move, trans):
    return ops.where(move, _first_of_maxima(before + _columns(trans, tag)), tag)


def _columns(x, index):
    """Gather x[:, index]; ops.take would search for negative indices on PyTorch."""
    if keras.backend.backend() == "torch":
        return x.index_select(1, index)
    return ops.take(x, index, axis=1)


def _first_of_maxima(x):
    """Compute argmax over the first axis of (k, b); ops.argmax takes five times as long or more."""
    if keras.backend.backend() == "torch":
        return x.max(0).indices
    places = ops.arange(x.shape[0], dtype="int32")[:, None]
    return ops.min(ops.where(x == ops.max(x, axis=0), places, x.shape[0] - 1), axis=0)


def _total(chain, values):
    """Return `values` (b,), with 0 for empty sequences."""
    return ops.where(ops.any(chain.real, axis=0), values, 0)


def previous(x, mask):
    """Return for each position the value of x at the last real position before it.

    Args:
        x: (b, n, ...).
        mask: booleans (b, n), True at real positions.

    Returns:
        Tensor like x; zeros where no real position comes before.

    >>> real = ops.array([[True, False, True]])
    >>> ops.convert_to_numpy(previous(ops.array([[5, 6, 7]]), real)).tolist()
    [[0, 5, 5]]
    """

    def step(last, here):
        x, real = here
        real = ops.reshape(real, (-1, *[1] * (len(x.shape) - 1)))
        return ops.where(real, x, last), last

    x = ops.swapaxes(x, 0, 1)
    _, found = scan(step, ops.sum(x[:0], axis=0), (x, ops.swapaxes(mask, 0, 1)))
    return ops.swapaxes(found, 0, 1)
