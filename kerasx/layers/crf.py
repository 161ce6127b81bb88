"""The conditional random field on top of scores for each tag."""

import keras
from keras import ops

from kerasx import backend
from kerasx.ops import chain_loss, chain_marginals, sequence_masking, viterbi, viterbi_n_best

__all__ = ["ConditionalRandomField", "TagLoss"]

PADDING = backend.mask_value("float16")  # where no tag scores above it


class TagLoss(keras.layers.Layer):
    """What the layers share that hand scores of tags on and bring losses of their own.

    Padding, as the Keras mask says it, is handed on as the finite "-inf" of the dtype; the
    functions that take `y_pred` count a place as padding where no tag scores above -32752. The
    output has no Keras mask, or Keras would weigh the losses of the sentences by it.
    """

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs, mask=None):
        return sequence_masking(inputs, mask, "-inf")

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def dense_loss(self, y_true, y_pred):
        """`sparse_loss` of one-hot labels (b, n, k)."""
        return self.sparse_loss(ops.argmax(y_true, axis=-1), y_pred)

    def dense_accuracy(self, y_true, y_pred):
        """`sparse_accuracy` of one-hot labels (b, n, k)."""
        return self.sparse_accuracy(ops.argmax(y_true, axis=-1), y_pred)

    def sparse_loss(self, y_true, y_pred):
        """The loss of ids (b, n) and the layer's outputs (b, n, k)."""
        raise ValueError(
            f"`{type(self).__name__}` must override sparse_loss(self, y_true, y_pred)."
        )

    def sparse_accuracy(self, y_true, y_pred):
        """The share of the real places whose tag is right."""
        raise ValueError(f"`{type(self).__name__}` must override sparse_accuracy.")

    def add_transitions(self, name, shape, lr_multiplier):
        """A weight that holds its value divided by `lr_multiplier`, and so learns faster.

        An optimizer that moves each weight by the learning rate, as Adam does, so moves the value
        by `lr_multiplier` times that.
        """
        glorot = keras.initializers.GlorotUniform()
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=lambda shape, dtype=None: glorot(shape, dtype) / lr_multiplier,
        )

    @staticmethod
    def real(y_pred):
        """Booleans (b, n): where a tag of y_pred (b, n, k) scores above the mask of float16."""
        return ops.max(y_pred, axis=-1) > PADDING

    @staticmethod
    def ids(y_true, y_pred):
        """y_true as integers (b, n)."""
        return ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:2])


@keras.saving.register_keras_serializable("kerasx")
class ConditionalRandomField(TagLoss):
    """A linear-chain CRF: p(y | x) ∝ exp(Σ s[t, y_t] + Σ T[y_t, y_t+1]), with T learned.

    The layer hands its scores (b, n, k) on, padding masked, and the losses are its methods:

        crf = ConditionalRandomField(lr_multiplier=100)
        model = keras.Model(bert.inputs, crf(Dense(k)(bert.output)))
        model.compile("adam", loss=crf.sparse_loss, metrics=[crf.sparse_accuracy])
        tags = crf.decode(model.predict(x))

    The transitions are a weight of the layer, saved with the model, and `decode` reads them anew.

    Args:
        lr_multiplier: how many times faster the transitions learn than the rest; they are stored
            divided by it.
        allowed: booleans (k+1, k+1) of `kerasx.spans.allowed_transitions`, which sequences
            there are, for the likelihood and for decoding; `None` for all. Labels that are not
            allowed cost a loss of 32752 each.

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
            raise ValueError(
                "`allowed` must be of shape (k+1, k+1) for the scores of k tags. "
                f"Received: {rows} rows, scores of shape {tuple(input_shape)}"
            )
        self._trans = self.add_transitions("trans", (k, k), self.lr_multiplier)

    @property
    def trans(self):
        """The transitions (k, k), from the tag of the row to that of the column."""
        return self.lr_multiplier * ops.convert_to_tensor(self._trans)

    def sparse_loss(self, y_true, y_pred):
        """-log p (b,) of the ids (b, n) of each sentence, NaN where an id is none of the k."""
        y_true = self.ids(y_true, y_pred)
        return chain_loss(y_true, y_pred, self.trans, PADDING, self.allowed)

    def sparse_accuracy(self, y_true, y_pred):
        """The share of real places whose best tag by itself is right: quick, and a little low."""
        real = self.real(y_pred)
        right = self.ids(y_true, y_pred) == ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        right = ops.sum(ops.cast(ops.logical_and(right, real), "float32"))
        return ops.divide_no_nan(right, ops.sum(ops.cast(real, "float32")))

    def marginals(self, y_pred):
        """The probability of each tag at each place, (b, n, k), 0 at padding."""
        return chain_marginals(y_pred, self.trans, PADDING, self.allowed)

    def decode(self, y_pred, n_best=None, return_scores=False):
        """The best tags by Viterbi's algorithm, all sentences at once, on the backend.

        Args:
            y_pred: the layer's outputs (b, n, k), such as of `model.predict`.
            n_best: None, or how many sequences to give for each sentence.
            return_scores: also return their scores, without the partition function.

        Returns:
            int32 (b, n), or (b, n_best, n), -1 at padding and where there are no more sequences.
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
