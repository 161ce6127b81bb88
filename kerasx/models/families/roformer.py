"""RoFormer and RoFormerV2: encoders with rotary positions."""

from dataclasses import replace

import keras

from kerasx.layers import SinusoidalPositionEmbedding
from kerasx.models.families.bert_names import BERT_CHECKPOINT, BERT_FOLDER, bert_variables, tied
from kerasx.models.families.block_options import BlockOptions
from kerasx.models.families.encoder import EncoderModel, NextSentence
from kerasx.models.families.input_embeddings import Embeddings, Segments


class Rotary:
    """Mixin of `Embeddings` that rotates queries and keys by their positions (arXiv 2104.09864).

    Args:
        rotary_base: the slowest rotation has a period of 2π rotary_base tokens.
        rotary_scaling: None, or a dict that stretches a trained model to longer texts, such as
            {"type": "ntk", "factor": 4}; see `kerasx.ops.rotary_frequencies`.
        attention_normalization: of the scores; "softmax_plus" scales them by the logarithm of the
            length, which helps on texts longer than the training texts (kexue.fm/archives/8823).
    """

    p_bias = "rotary"

    def __init__(
        self,
        *args,
        rotary_base=10000,
        rotary_scaling=None,
        attention_normalization="softmax",
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.rotary_base, self.rotary_scaling = rotary_base, rotary_scaling
        self.attention_normalization = attention_normalization
        options = {"normalization": attention_normalization}
        self.attention_options = {**self.attention_options, **options}

    def compute_position_bias(self, inputs=None):
        """Return the sinusoids of the positions, or of the given position ids."""
        if self.position_bias is None:
            self.position_bias = self.apply(
                self.simplify([inputs, self.position_ids]),
                SinusoidalPositionEmbedding,
                output_dim=self.attention_key_size,
                merge_mode="zero",
                base=self.rotary_base,
                scaling=self.rotary_scaling,
                custom_position_ids=self.custom_position_ids,
                name="Embedding-Rotary-Position",
            )
        return self.position_bias


class RoFormer(Rotary, NextSentence, EncoderModel):
    """BERT with rotary positions (arXiv 2104.09864; kexue.fm/archives/8265).

    Args:
        rotary_base, rotary_scaling, attention_normalization: see `Rotary`.

    >>> roformer = RoFormer(30, 8, 1, 2, 16)
    >>> roformer.build()
    >>> roformer.model.output.shape
    (None, None, 8)
    """

    def __init__(self, *args, layer_norm_eps=1e-7, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **kwargs)

    huggingface = replace(
        BERT_FOLDER,
        heads={
            "RoFormerModel": {},
            "RoFormerForMaskedLM": {"with_mlm": "linear"},
            "RoFormerForCausalLM": {"with_mlm": "linear", "application": "lm"},
        },
        keys={**BERT_FOLDER.keys, "embedding_size": "embedding_size"},
        required={**BERT_FOLDER.required, "rotary_value": False},
        defaults={"layer_norm_eps": 1e-12},
        rules=(
            (r"^bert/encoder/embedding_hidden_mapping_in", "bert/embeddings_project"),
            (r"^bert/", "roformer/"),
            *BERT_FOLDER.rules,
        ),
        prefix="roformer.",
        tied=tied("roformer.", "cls.predictions."),
        # the sinusoids, which are computed here
        optional=("*encoder.embed_positions.weight",),
    )


class RoFormerV2_Base(Rotary, NextSentence, Segments, Embeddings):  # noqa: N801
    """Base of RoFormerV2 and GAU-α: no biases, normalization by the root mean square alone.

    No normalization has a scale, and the initial kernels have a variance of 1 / fan-in, times
    `num_hidden_layers`^(-2 / `initializer_order`).
    """

    attention_options = {"use_bias": False}
    feed_forward_options = {"use_bias": False}
    dense_options = {"use_bias": False}
    norm_options = {"zero_mean": False, "scale": False, "offset": False}
    initializer_order = 2

    def __init__(self, *args, layer_norm_eps=1e-7, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **kwargs)

    @property
    def initializer(self):
        return self._scaled("fan_in")

    @property
    def embeddings_initializer(self):
        return self._scaled("fan_out")

    def _scaled(self, mode):
        scale = self.num_hidden_layers ** (-2 / self.initializer_order)
        return keras.initializers.VarianceScaling(scale, mode, "truncated_normal")

    def apply_embeddings(self, inputs):
        """Embed the inputs, and normalize after the dropout."""
        x = self.dropout(self.sum_embeddings(inputs), "Embedding-Dropout")
        return self.map_embeddings(self.normalize(x, "Embedding-Norm"))

    def score_tokens(self, x):
        """Score each token of the vocabulary by its product with the token table."""
        if self.embedding_size != self.hidden_size:
            x = self.dense(x, self.embedding_size, "Output-Mapping")
        x = self.score_by_token_table(self.dropout(x, "Output-MLM-Dropout"))
        return self.activate_scores(x, self.with_mlm, "Output-MLM-Activation")

    def variable_mapping(self):
        mapping = bert_variables(self.num_hidden_layers, self.talking_heads) | {
            "Output-Mapping": ["bert/encoder/embedding_hidden_mapping_out/kernel"],
        }
        dropped = ("beta", "gamma", "bias")
        return {k: [v for v in names if not v.endswith(dropped)] for k, names in mapping.items()}

    original = BERT_CHECKPOINT
    huggingface = replace(RoFormer.huggingface, heads={})


class RoFormerV2(BlockOptions, RoFormerV2_Base):
    """RoFormer without biases, normalized by the root mean square alone (kexue.fm/archives/8998).

    >>> roformer = RoFormerV2(30, 8, 1, 2, 16, with_mlm="linear")
    >>> roformer.build()
    >>> len(roformer.layers["Transformer-0-FeedForward"].weights)
    2
    """
