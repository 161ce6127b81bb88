"""NEZHA and the models whose positions are relative."""

from kerasx.layers import RelativePositionEmbedding
from kerasx.models.families.bert import BERT

__all__ = ["NEZHA"]


class NEZHA(BERT):
    """BERT whose attention knows distances instead of places (arXiv 1909.00204), also WoNEZHA.

    Distances are clipped at 64 and have sinusoidal vectors, which are not trained and lie in no
    checkpoint. Where queries and values differ in size, both take the first components of these.

    Args:
        max_relative_position: distances are clipped here.

    >>> nezha = NEZHA(30, 8, 1, 2, 16)
    >>> nezha.build()
    >>> nezha.model.output.shape
    (None, None, 8)
    """

    p_bias = "typical_relative"
    ignored_config = ("use_relative_position",)
    architectures = {k.replace("Bert", "Nezha"): v for k, v in BERT.architectures.items()}

    def __init__(self, *args, max_relative_position=64, layer_norm_eps=1e-7, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **kwargs)
        self.max_relative_position = max_relative_position

    def embed_positions(self, x, positions=None):
        """Not here: attention takes them."""
        return x

    def compute_position_bias(self, inputs=None):
        if self.position_bias is None:
            self.position_bias = self.apply(
                [inputs, inputs],
                RelativePositionEmbedding,
                input_dim=2 * self.max_relative_position + 1,
                output_dim=max(self.attention_key_size, self.attention_head_size),
                name="Embedding-Relative-Position",
            )
        return self.position_bias
