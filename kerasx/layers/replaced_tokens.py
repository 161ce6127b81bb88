"""The layers between ELECTRA's two models: replaced tokens, and the loss of both."""

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.layers.loss import Loss


def put_places(ids, places, values, counted):
    """Return ids (b, n) with the values (b, p) at the places (b, p) where `counted` (b, p).

    >>> ids, places = ops.array([[7, 8, 9]]), ops.array([[1, 0]])
    >>> counted = ops.array([[True, False]])
    >>> ops.convert_to_numpy(put_places(ids, places, ops.array([[4, 5]]), counted)).tolist()
    [[7, 4, 9]]
    """
    positions = ops.arange(ops.shape(ids)[1], dtype="int32")
    here = ops.logical_and(ops.cast(places, "int32")[..., None] == positions, counted[..., None])
    values = ops.max(ops.where(here, ops.cast(values, "int32")[..., None], -1), axis=1)
    return ops.where(values < 0, ops.cast(ids, "int32"), values)


@keras.saving.register_keras_serializable("kerasx")
class SampledTokens(keras.layers.Layer):
    """Tokens sampled at the masked places from a generator's scores, and which of them are wrong.

    argmax_v(s_v + g_v) with Gumbel noise g has the distribution softmax(s). No gradient passes.

    Called on [token_ids (b, n), places, labels, weights (each (b, p)), scores (b, p, v)]; returns
    the ids (b, n) with the sampled tokens, and booleans (b, n), True where a token is not the
    original one. A place of weight 0 is none.

    Args:
        pad_id: the id of padding, which is never sampled; None if there is none.
        seed: seed of the noise.
    """

    def __init__(self, pad_id=None, seed=None, **kwargs):
        kwargs.setdefault("autocast", False)  # the scores of a large vocabulary are told apart
        super().__init__(**kwargs)
        self.pad_id, self.seed = pad_id, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return [None, None]

    def call(self, inputs):
        ids, places, labels, weights, scores = inputs
        scores = ops.stop_gradient(ops.cast(scores, "float32"))
        noise = keras.random.uniform(ops.shape(scores), seed=self.seed_generator)
        noisy = scores - ops.log(-ops.log(noise))
        if self.pad_id is not None:
            noisy = ops.where(ops.arange(scores.shape[-1]) == self.pad_id, -np.inf, noisy)
        sampled = ops.argmax(noisy, axis=-1)
        replaced = put_places(ids, places, sampled, weights > 0)
        return [replaced, replaced != put_places(ids, places, labels, weights > 0)]

    def compute_output_spec(self, inputs):
        shape = inputs[0].shape
        return [keras.KerasTensor(shape, dtype="int32"), keras.KerasTensor(shape, dtype="bool")]

    def get_config(self):
        return {**super().get_config(), "pad_id": self.pad_id, "seed": self.seed}


@keras.saving.register_keras_serializable("kerasx")
class ElectraLoss(Loss):
    """The loss of ELECTRA: L = Σ w CE / Σ w + λ Σ_t m_t BCE_t / Σ_t m_t.

    Called on [labels, weights (b, p), the generator's scores (b, p, v), replaced (b, n), the
    discriminator's logits (b, n, 1)]. The first sum is over the masked places, the second one over
    all tokens but padding, which the Keras mask of the logits tells. The logs have both losses,
    the accuracy of the generator, and the discriminator's at replaced tokens and at all tokens.

    Args:
        output_axis: as in `Loss`.
        discriminator_weight: λ.
    """

    def __init__(self, output_axis=None, discriminator_weight=50.0, **kwargs):
        super().__init__(output_axis, **kwargs)
        self.discriminator_weight = discriminator_weight

    def compute_loss(self, inputs, mask=None):
        labels, weights, scores, replaced, logits = inputs
        generator = backend.sparse_cross_entropy(labels, scores)
        generator = backend.divided(ops.sum(generator * weights), ops.sum(weights))
        logits, replaced = logits[..., 0], ops.cast(replaced, logits.dtype)
        real = None if mask is None else mask[-1]
        real = ops.ones_like(logits) if real is None else ops.cast(real, logits.dtype)
        losses = (ops.softplus(logits) - replaced * logits) * real
        discriminator = backend.divided(ops.sum(losses), ops.sum(real))
        right = ops.cast((logits > 0) == (replaced > 0), logits.dtype)
        found = ops.cast(ops.argmax(scores, -1) == ops.cast(labels, "int32"), weights.dtype)
        self.add_metric(generator, name="generator_loss")
        self.add_metric(_mean(found, weights), name="generator_accuracy")
        self.add_metric(discriminator, name="discriminator_loss")
        self.add_metric(_mean(right, real), name="discriminator_accuracy")
        self.add_metric(_mean(right, real * replaced), name="found_replaced")
        return generator + self.discriminator_weight * discriminator

    def get_config(self):
        return {**super().get_config(), "discriminator_weight": self.discriminator_weight}


def _mean(values, weights):
    sums = [ops.sum(values * weights), ops.sum(weights)]
    return ops.divide_no_nan(*backend.mean_over_replicas(sums))
