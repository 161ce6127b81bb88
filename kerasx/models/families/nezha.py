"""NEZHA: BERT with relative positions."""

from dataclasses import replace

from kerasx.layers import RelativePositionEmbedding
from kerasx.models.families.bert_names import BERT_FOLDER, tied
from kerasx.models.families.encoder import EncoderModel, NextSentence


class NEZHA(NextSentence, EncoderModel):
    """BERT whose attention uses distances instead of positions (arXiv 1909.00204), also WoNEZHA.

    Distances are clipped and have sinusoidal vectors, which are not trained and are in no
    checkpoint. Where queries and values differ in size, both use the vectors' first components.

    Args:
        max_relative_position: the distance at which distances are clipped.

    >>> nezha = NEZHA(30, 8, 1, 2, 16)
    >>> nezha.build()
    >>> nezha.model.output.shape
    (None, None, 8)
    """

    p_bias = "typical_relative"

    def __init__(self, *args, max_relative_position=64, layer_norm_eps=1e-7, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **kwargs)
        self.max_relative_position = max_relative_position

    def compute_position_bias(self, inputs=None):
        """Return the vectors of the distances between all pairs of positions."""
        if self.position_bias is None:
            self.position_bias = self.apply(
                [inputs, inputs],
                RelativePositionEmbedding,
                input_dim=2 * self.max_relative_position + 1,
                output_dim=max(self.attention_key_size, self.attention_head_size),
                name="Embedding-Relative-Position",
            )
        return self.position_bias

    huggingface = replace(
        BERT_FOLDER,
        heads={name.replace("Bert", "Nezha"): v for name, v in BERT_FOLDER.heads.items()},
        required={**BERT_FOLDER.required, "use_relative_position": True},
        defaults={"layer_norm_eps": 1e-12},
        rules=(("^bert/", "nezha/"), *BERT_FOLDER.rules),
        prefix="nezha.",
        tied=tied("nezha.", "cls.predictions."),
    )
