"""A conditional random field on top of the scores of tags."""

import keras
from keras import ops

from kerasx import backend
from kerasx.checks import invalid
from kerasx.layers.saved_methods import remember, saved_with_model
from kerasx.ops import chain_loss, chain_marginals, sequence_masking, viterbi, viterbi_n_best

PADDING = backend.mask_value("float16")  # a position is padding if no tag scores above this
UNLABELLED = -100  # the label that PyTorch and transformers leave out of losses


class TagLoss(keras.layers.Layer):
    """Base of layers that return the scores of tags and have losses as methods.

    The scores of padding, by the Keras mask, become the finite "-inf" of the dtype: methods that
    take `y_pred` treat a position as padding if no tag scores above -32752. The output has no Keras
    mask, since Keras would weigh the losses of the sentences by it. Losses and accuracies leave a
    position with the label -100 out, too, as if the sentence were shorter: [CLS], say, or the
    pieces of a word after its first.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        remember(self)

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs, mask=None):
        return sequence_masking(inputs, mask, "-inf")

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    @saved_with_model
    def dense_loss(self, y_true, y_pred):
        """Compute `sparse_loss` from one-hot labels (b, n, k)."""
        return self.sparse_loss(ops.argmax(y_true, axis=-1), y_pred)

    @saved_with_model
    def dense_accuracy(self, y_true, y_pred):
        """Compute `sparse_accuracy` from one-hot labels (b, n, k)."""
        return self.sparse_accuracy(ops.argmax(y_true, axis=-1), y_pred)

    @saved_with_model
    def sparse_loss(self, y_true, y_pred):
        """Compute the loss from tag ids (b, n) and the layer's outputs (b, n, k)."""
        raise invalid("`sparse_loss` must be overridden.", layer=self)

    @saved_with_model
    def sparse_accuracy(self, y_true, y_pred):
        """Compute the share of real positions whose tag is right."""
        raise invalid("`sparse_accuracy` must be overridden.", layer=self)

    def add_transitions(self, name, shape, lr_multiplier):
        """Add a weight that stores its value divided by `lr_multiplier`, and so learns faster.

        An optimizer that moves each weight by about the learning rate, as Adam does, moves the
        value by `lr_multiplier` times that.
        """
        glorot = keras.initializers.GlorotUniform()
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=lambda shape, dtype=None: glorot(shape, dtype) / lr_multiplier,
        )

    @staticmethod
    def real(y_pred):
        """Return which positions of y_pred (b, n, k) are not padding, (b, n)."""
        return ops.max(y_pred, axis=-1) > PADDING

    @classmethod
    def labelled(cls, y_true, y_pred):
        """Return y_true as integers (b, n), and which of them are neither padding nor -100."""
        ids = ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:2])
        return ids, ops.logical_and(cls.real(y_pred), ids != UNLABELLED)


@keras.saving.register_keras_serializable("kerasx")
class ConditionalRandomField(TagLoss):
    """Linear-chain CRF: p(y | x) ∝ exp(Σ s[t, y_t] + Σ T[y_t, y_t+1]) with trained transitions T.

    The layer returns the scores s (b, n, k) it is called on, with padding masked. Its losses are
    functions of the layer::

        crf = ConditionalRandomField(lr_multiplier=100)
        model = keras.Model(bert.inputs, crf(Dense(k)(bert.output)))
        model.compile("adam", loss=crf.sparse_loss, metrics=[crf.sparse_accuracy])
        tags = crf.decode(model.predict(x))

    The transitions are a weight of the layer and are saved with the model.

    Args:
        lr_multiplier: how many times faster the transitions learn than other weights; they are
            stored divided by it.
        allowed: booleans (k+1, k+1) of `kerasx.spans.allowed_transitions`, for the likelihood and
            for decoding; None allows all. Each transition in the labels that is not allowed adds
            32752 to the loss.

    Source: Lafferty et al. 2001; bert4keras; kexue.fm/archives/5542, 7196.

    >>> crf = ConditionalRandomField()
    >>> scores = crf(ops.array([[[5.0, 0.0], [0.0, 5.0]]]))
    >>> ops.convert_to_numpy(crf.decode(scores)).tolist()
    [[0, 1]]
    """

    def __init__(self, lr_multiplier=1, allowed=None, **kwargs):
        super().__init__(**kwargs)
        self.lr_multiplier = lr_multiplier
        self.allowed = None if allowed is None else [[bool(x) for x in row] for row in allowed]
        self.supports_masking = True
        self._decoders = {}

    def build(self, input_shape):
        k = input_shape[-1]
        rows = k + 1 if self.allowed is None else len(self.allowed)
        if rows != k + 1:
            text = "`allowed` must be of shape (k+1, k+1) for the scores of k tags."
            raise invalid(text, **{"len(allowed)": rows, "scores.shape": tuple(input_shape)})
        self._trans = self.add_transitions("trans", (k, k), self.lr_multiplier)

    @property
    def trans(self):
        """The transitions (k, k), from the tag of the row to the tag of the column."""
        return self.lr_multiplier * ops.convert_to_tensor(self._trans)

    @saved_with_model
    def sparse_loss(self, y_true, y_pred):
        """Compute -log p(y_true) of each sentence.

        Args:
            y_true: tag ids (b, n); positions of padding and of the id -100 are left out.
            y_pred: the layer's outputs (b, n, k).

        Returns:
            (b,); 0 for a sentence without labels, NaN for one with any other id outside [0, k).
        """
        backend.report_divisor(lambda: ops.shape(y_pred)[0])
        y_true, labelled = self.labelled(y_true, y_pred)
        return chain_loss(y_true, y_pred, self.trans, labelled, self.allowed)

    @saved_with_model
    def sparse_accuracy(self, y_true, y_pred):
        """Compute the share of labelled positions whose tag of the highest score is right.

        It ignores the transitions: faster than `decode`, and a little lower. Arguments as in
        `sparse_loss`; returns a scalar.
        """
        y_true, labelled = self.labelled(y_true, y_pred)
        right = y_true == ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        right = ops.sum(ops.cast(ops.logical_and(right, labelled), "float32"))
        return ops.divide_no_nan(right, ops.sum(ops.cast(labelled, "float32")))

    def marginals(self, y_pred):
        """Compute the probability of each tag at each position, (b, n, k), 0 at padding."""
        return chain_marginals(y_pred, self.trans, PADDING, self.allowed)

    def decode(self, y_pred, n_best=None, return_scores=False):
        """Find the best tags by Viterbi's algorithm, compiled, for all sentences at once.

        Args:
            y_pred: the layer's outputs (b, n, k), e.g. from `model.predict`.
            n_best: number of sequences for each sentence; None for the best alone.
            return_scores: also return the scores, before the partition function is subtracted.

        Returns:
            int32 (b, n), or (b, n_best, n); -1 at padding and where there are no more sequences.
        """
        if n_best not in self._decoders:
            self._decoders[n_best] = backend.compiled(self._decoder(n_best), [])
        tags, scores = self._decoders[n_best](y_pred, self.trans)
        return (tags, scores) if return_scores else tags

    def _decoder(self, n_best):
        def decode(y_pred, trans):
            if n_best is None:
                return viterbi(y_pred, trans, PADDING, self.allowed)
            return viterbi_n_best(y_pred, trans, n_best, PADDING, self.allowed)

        return decode

    def get_config(self):
        config = {"lr_multiplier": self.lr_multiplier, "allowed": self.allowed}
        return {**super().get_config(), **config}
