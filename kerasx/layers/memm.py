"""The maximum-entropy Markov model on top of scores for each tag, in both directions."""

import keras
from keras import ops

from kerasx import backend
from kerasx.layers.crf import TagLoss
from kerasx.ops import previous, viterbi

__all__ = ["MaximumEntropyMarkovModel"]


@keras.saving.register_keras_serializable("kerasx")
class MaximumEntropyMarkovModel(TagLoss):
    """Each tag given the one before: p(y_t | y_t-1) = softmax((s[t] + T[y_t-1]) / 2), T learned.

    And each given the one after, by the columns of T; the loss is the mean of both directions. At
    the first place of a direction it is softmax(s[t]). There is no sum over sequences: faster than
    `ConditionalRandomField`, and used as that is.

    Args:
        lr_multiplier: how many times faster the transitions learn than the rest; they are stored
            divided by it.
        hidden_dim: None, or the rank of T = L Rᵀ, for many tags.

    Source: bert4keras; kexue.fm/archives/7213.

    >>> memm = MaximumEntropyMarkovModel()
    >>> scores = memm(ops.array([[[9.0, 0.0], [0.0, 9.0]]]))
    >>> float(memm.sparse_accuracy(ops.array([[0, 1]]), scores))
    1.0
    """

    def __init__(self, lr_multiplier=1, hidden_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.lr_multiplier = lr_multiplier
        self.hidden_dim = hidden_dim
        self.supports_masking = True
        self._decode = None

    def build(self, input_shape):
        k = input_shape[-1]
        if self.hidden_dim is None:
            self._trans = self.add_transitions("trans", (k, k), self.lr_multiplier)
            return
        shape = (k, self.hidden_dim)
        self._l_trans = self.add_transitions("l_trans", shape, self.lr_multiplier)
        self._r_trans = self.add_transitions("r_trans", shape, self.lr_multiplier)

    @property
    def trans(self):
        """The transitions (k, k), from the tag of the row to that of the column."""
        if self.hidden_dim is None:
            return self.lr_multiplier * ops.convert_to_tensor(self._trans)
        left, right = (ops.convert_to_tensor(x) for x in (self._l_trans, self._r_trans))
        return self.lr_multiplier**2 * (left @ ops.transpose(right))

    def sparse_loss(self, y_true, y_pred):
        """The mean of -log p(y_t | ...) over directions and real places of ids (b, n): a scalar."""
        return -self._mean(_log_likelihood, y_true, y_pred)

    def sparse_accuracy(self, y_true, y_pred):
        """How often the best tag is right given the true one beside it, mean of both directions.

        Not for `metrics` of `compile` on JAX, where compiled steps show metrics no weights.

        Raises:
            ValueError: in such a step.
        """
        try:
            return self._mean(_is_best, y_true, y_pred)
        except TypeError as error:  # Keras has no value for the weight, nor an initializer any more
            if keras.backend.backend() != "jax":
                raise
            raise ValueError(
                "`sparse_accuracy` must not be a metric of `compile` on JAX, where metrics see no "
                "weights; compare `decode` with the labels in a callback. Received: no transitions"
            ) from error

    def _mean(self, function, y_true, y_pred):
        """Mean of function(ids, given scores) over directions and real places."""
        y_true, real = self.ids(y_true, y_pred), self.real(y_pred)
        scores = ops.where(real[..., None], backend.widened(y_pred), 0)
        y_true = ops.where(real, y_true, 0)
        values = sum(
            function(y_true, given) for given in _directions(y_true, scores, self.trans, real)
        )
        count = ops.sum(ops.cast(real, scores.dtype))
        return ops.divide_no_nan(ops.sum(ops.where(real, values, 0)), 2 * count)

    def decode(self, y_pred):
        """The tags (b, n) of the highest likelihood in both directions together, -1 at padding.

        A product of softmaxes over pairs of tags is a chain, so Viterbi's algorithm is exact.
        """
        if self._decode is None:

            def decode(y_pred, trans):
                real = self.real(y_pred)
                return viterbi(*_as_chain(y_pred, trans, real), real)[0]

            self._decode = backend.compiled(decode, [])
        return self._decode(y_pred, self.trans)

    def get_config(self):
        config = {"lr_multiplier": self.lr_multiplier, "hidden_dim": self.hidden_dim}
        return {**super().get_config(), **config}


def _log_likelihood(ids, scores):
    chosen = ops.take_along_axis(ops.log_softmax(scores, axis=-1), ids[..., None], axis=-1)
    return chosen[..., 0]


def _is_best(ids, scores):
    return ops.cast(ops.cast(ops.argmax(scores, axis=-1), "int32") == ids, scores.dtype)


def _backward(function, *sequences):
    """`function` of the sequences (b, n, ...) turned round, turned back."""
    return ops.flip(function(*(ops.flip(x, axis=1) for x in sequences)), axis=1)


def _joined(real):
    return previous(ops.cast(real, "int32"), real) > 0


def _directions(ids, scores, trans, real):
    """For each direction the scores (b, n, k) of the tags given the true one beside them."""
    trans = ops.cast(trans, scores.dtype)
    before, after = previous(ids, real), _backward(previous, ids, real)
    forward, backward = (
        ops.take(trans, before, axis=0),
        ops.take(ops.transpose(trans), after, axis=0),
    )
    return [
        ops.where(joined[..., None], (scores + given) / 2, scores)
        for given, joined in ((forward, _joined(real)), (backward, _backward(_joined, real)))
    ]


def _as_chain(scores, trans, real):
    """(scores, transitions) of the chain whose sequences score 2 log-likelihoods' sum.

    The softmax over the tags beside depends on the tag here alone: it belongs to the scores here.
    """
    scores = ops.where(real[..., None], backend.widened(scores), 0)
    trans = ops.cast(trans, scores.dtype)
    before, after = previous(scores, real), _backward(previous, scores, real)
    first, last = (~_joined(real))[..., None], (~_backward(_joined, real))[..., None]
    ahead = ops.logsumexp((after[:, :, None] + trans) / 2, axis=-1)
    behind = ops.logsumexp((before[:, :, None] + ops.transpose(trans)) / 2, axis=-1)
    whole = ops.logsumexp(scores, axis=-1, keepdims=True)
    forward = ops.where(first, scores - whole, scores / 2) - ops.where(last, 0, ahead)
    backward = ops.where(last, scores - whole, scores / 2) - ops.where(first, 0, behind)
    return forward + backward, trans
