"""A bidirectional maximum-entropy Markov model on top of the scores of tags."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import invalid
from kerasx.layers.crf import TagLoss
from kerasx.layers.saved_methods import saved_with_model
from kerasx.ops import previous, viterbi


@keras.saving.register_keras_serializable("kerasx")
class MaximumEntropyMarkovModel(TagLoss):
    """Bidirectional MEMM: p(y_t | y_t-1) = softmax((s[t] + T[y_t-1]) / 2), and so from y_t+1.

    The transitions T are trained; the direction from y_t+1 takes their columns. The first position
    of a direction has softmax(s[t]). The loss is the mean of both directions; it has no sum over
    sequences, so the layer is faster than `ConditionalRandomField`, and is used in the same way.

    Args:
        lr_multiplier: how many times faster the transitions learn than other weights; they are
            stored divided by it.
        hidden_dim: None, or the rank of a factored T = L Rᵀ, for many tags.

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
        """The transitions (k, k), from the tag of the row to the tag of the column."""
        if self.hidden_dim is None:
            return self.lr_multiplier * ops.convert_to_tensor(self._trans)
        left, right = (ops.convert_to_tensor(x) for x in (self._l_trans, self._r_trans))
        return self.lr_multiplier**2 * (left @ ops.transpose(right))

    @saved_with_model
    def sparse_loss(self, y_true, y_pred):
        """Compute the mean of -log p over both directions and all labelled positions.

        Args:
            y_true: tag ids (b, n); positions of padding and of the id -100 are left out.
            y_pred: the layer's outputs (b, n, k).

        Returns:
            A scalar.
        """
        return -self._mean(_log_likelihood, y_true, y_pred)

    @saved_with_model
    def sparse_accuracy(self, y_true, y_pred):
        """Compute how often the best tag, given its true neighbour, is right, in both directions.

        Arguments as in `sparse_loss`; returns a scalar. It cannot be a metric of `compile` on JAX,
        where metrics of a compiled step see no weights.

        Raises:
            ValueError: in a compiled step on JAX.
        """
        try:
            return self._mean(_is_best, y_true, y_pred)
        except TypeError as error:  # the value of the weight is None while Keras traces
            if keras.backend.backend() != "jax":
                raise
            raise invalid(
                "`sparse_accuracy` must not be a metric of `compile` on JAX, where metrics see no "
                "weights; compare `decode` with the labels in a callback.",
                layer=self,
            ) from error

    def _mean(self, function, y_true, y_pred):
        """Return the mean of function(ids, scores) over directions and labelled positions."""
        y_true, real = self.labelled(y_true, y_pred)
        scores = ops.where(real[..., None], backend.widened(y_pred), 0)
        y_true = ops.where(real, y_true, 0)
        values = sum(
            function(y_true, given) for given in _directions(y_true, scores, self.trans, real)
        )
        count = ops.sum(ops.cast(real, scores.dtype))
        return backend.divided(ops.sum(ops.where(real, values, 0)), 2 * count)

    def decode(self, y_pred):
        """Find the tags of the highest likelihood in both directions together.

        The product of softmaxes over pairs of tags is a chain, so Viterbi's algorithm is exact.

        Args:
            y_pred: the layer's outputs (b, n, k).

        Returns:
            int32 (b, n), -1 at padding.
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
    """Apply a function to the sequences (b, n, ...) in reverse, and reverse its result."""
    return ops.flip(function(*(ops.flip(x, axis=1) for x in sequences)), axis=1)


def _joined(real):
    return previous(ops.cast(real, "int32"), real) > 0


def _directions(ids, scores, trans, real):
    """Return [forward, backward] scores (b, n, k), each given the true neighbouring tag."""
    trans = ops.cast(trans, scores.dtype)
    before, after = previous(ids, real), _backward(previous, ids, real)
    forward = ops.take(trans, before, axis=0)
    backward = ops.take(ops.transpose(trans), after, axis=0)
    return [
        ops.where(joined[..., None], (scores + given) / 2, scores)
        for given, joined in ((forward, _joined(real)), (backward, _backward(_joined, real)))
    ]


def _as_chain(scores, trans, real):
    """Return (scores, transitions) of a chain that scores y as the sum of both log-likelihoods.

    The normalizer of a neighbour's softmax depends on the tag at this position alone, so it is
    subtracted from the scores of this position.
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
