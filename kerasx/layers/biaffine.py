"""Score all pairs of tokens by a bilinear form for each label."""

import keras
from keras import ops

from kerasx import backend
from kerasx.layers.parts import another
from kerasx.layers.pointers import GlobalPointer
from kerasx.ops import get_activation


def biaffine_scores(starts, ends, kernel):
    """Compute s[l, i, j] = [h_i; 1]ᵀ U_l [t_j; 1], bilinear, linear and constant terms in one.

    Args:
        starts, ends: vectors h and t, (b, n, m).
        kernel: U, (heads, m+1, m+1), one matrix for each label.

    Returns:
        (b, heads, n, n).

    >>> h, t = ops.array([[[2.0]]]), ops.array([[[3.0]]])
    >>> float(biaffine_scores(h, t, ops.array([[[1.0, 10.0], [100.0, 1000.0]]]))[0, 0, 0, 0])
    1326.0
    """
    starts, ends = (
        ops.concatenate([x, ops.ones_like(x[..., :1])], axis=-1)[:, None] for x in (starts, ends)
    )
    return starts @ kernel @ ops.swapaxes(ends, -1, -2)


@keras.saving.register_keras_serializable("kerasx")
class Biaffine(GlobalPointer):
    """Scores of a label l for each span, or arc, from token i to token j, by a bilinear form.

    s[l, i, j] = [h_i; 1]ᵀ U_l [t_j; 1] with h, t = activation(dense(x)). Masks, losses and decoding
    are those of `GlobalPointer`. Each label has (head_size + 1)² parameters; scores depend on the
    distance only if `RoPE` rotates h and t.

    Called on (b, n, d); returns (b, heads, n, n).

    Args:
        heads: number of labels.
        head_size: size of h and t.
        activation: activation of h and t.
        RoPE: rotate h and t by their positions.
        use_bias: use biases in the projections to h and t.
        tril_mask: mask spans that end before they start; False for pairs in any order.
        kernel_initializer: initializer of the kernels.
        recompute: as in `Recomputable`.

    Source: arXiv 1611.01734 (arcs); arXiv 2005.07150 (entities).

    >>> ops.shape(Biaffine(heads=3, head_size=4)(ops.ones((2, 5, 8))))
    (2, 3, 5, 5)
    """

    def __init__(self, heads, head_size, activation="relu", RoPE=False, **kwargs):
        super().__init__(heads, head_size, RoPE=RoPE, **kwargs)
        self.activation = get_activation(activation)

    def build(self, input_shape):
        self.start_dense = self.projection("start_dense", self.head_size, input_shape)
        self.end_dense = self.projection("end_dense", self.head_size, input_shape)
        self.kernel = self.add_weight(
            shape=(self.heads, self.head_size + 1, self.head_size + 1),
            initializer=another(self.kernel_initializer),
            name="kernel",
        )

    @backend.recompute_grad
    def call(self, inputs, mask=None):
        starts, ends = (self.activation(f(inputs)) for f in (self.start_dense, self.end_dense))
        scores = biaffine_scores(*self.rotated(starts, ends), self.kernel)
        return self.masked(scores, mask)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "activation": activation}
