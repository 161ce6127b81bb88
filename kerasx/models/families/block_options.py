"""Options of the blocks: a class for each, with its argument and its part of the graph.

A family with an option has the class before `Blocks` among its bases.
"""

from kerasx.checks import check_choice
from kerasx.layers import AttentionMask, MultiHeadAttention, TalkingHeadsAttention
from kerasx.models.deepnorm import deepnorm_constants, xavier
from kerasx.models.transformer import LM_Mask, UniLM_Mask


class NormPosition:
    """Option: the position of the normalizations.

    Args:
        norm_position: "post", as in BERT: sums are normalized; "pre": the inputs of the sublayers
            and the last sum are (kexue.fm/archives/9009); "deepnorm": sums are, and hundreds of
            blocks can be trained, see `deepnorm_constants`.
    """

    kernel_gain = None

    def __init__(self, *args, norm_position="post", **kwargs):
        super().__init__(*args, **kwargs)
        check_choice("norm_position", norm_position, ("post", "pre", "deepnorm"))
        self.norm_position = norm_position
        if norm_position == "deepnorm":
            self.residual_scale, self.kernel_gain = deepnorm_constants(self.num_hidden_layers)[0]

    @property
    def kernel_initializers(self):
        if self.kernel_gain is None:
            return super().kernel_initializers
        return xavier(), xavier(self.kernel_gain)


class TalkingHeads:
    """Option: attention whose heads mix their scores.

    Args:
        talking_heads: use `TalkingHeadsAttention`.
    """

    def __init__(self, *args, talking_heads=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.talking_heads = talking_heads
        if talking_heads:
            self.attention_layer = TalkingHeadsAttention


class HalfCausalHeads:
    """Option: attention with two directions, for encoders.

    Args:
        half_causal_heads: half of the heads see the tokens before each token, half the tokens
            after it, see `kerasx.ops.half_causal`.
    """

    def __init__(self, *args, half_causal_heads=False, **kwargs):
        super().__init__(*args, **kwargs)
        if half_causal_heads and isinstance(self, (LM_Mask, UniLM_Mask)):
            raise ValueError("`half_causal_heads` is for application='encoder' only.")
        self.half_causal_heads = half_causal_heads

    def compute_attention_bias(self, inputs=None):
        if self.half_causal_heads and self.attention_bias is None:
            self.attention_bias = self.apply(
                self.inputs[0],
                AttentionMask,
                kind="half_causal",
                heads=self.num_attention_heads,
                name="Attention-Mask",
            )
        return super().compute_attention_bias(inputs)


class ResidualScores:
    """Option: attention that starts from the scores of the block before.

    Args:
        residual_attention_scores: add each attention's scores to the next one's (RealFormer,
            arXiv 2012.11747).
    """

    def __init__(self, *args, residual_attention_scores=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.residual_attention_scores = residual_attention_scores
        self.attention_scores = None

    def apply(self, inputs=None, layer=None, arguments=None, **kwargs):
        attends = isinstance(layer, type) and issubclass(layer, MultiHeadAttention)
        if not (attends and self.residual_attention_scores):
            return super().apply(inputs, layer, arguments, **kwargs)
        kwargs["return_attention_scores"] = True
        if inputs is None:
            return super().apply(None, layer, **kwargs)
        if self.attention_scores is not None:
            inputs = [*inputs, self.attention_scores]
        outputs, self.attention_scores = super().apply(inputs, layer, arguments, **kwargs)
        return outputs


class BlockOptions(NormPosition, TalkingHeads, HalfCausalHeads, ResidualScores):
    """All options of the blocks."""
