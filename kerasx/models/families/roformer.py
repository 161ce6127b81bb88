"""RoFormer and RoFormerV2: the models whose positions are rotations."""

import keras

from kerasx.layers import Embedding, SinusoidalPositionEmbedding
from kerasx.models.families.bert import BERT

__all__ = ["RoFormer", "RoFormerV2"]


class RoFormer(BERT):
    """BERT whose queries and keys turn by their places (arXiv 2104.09864; kexue.fm/archives/8265).

    Args:
        rotary_base: the slowest rotation has a period of 2π rotary_base tokens.
        rotary_scaling: None, or what stretches a trained model to longer texts, e.g.
            {"type": "ntk", "factor": 4}; see `kerasx.ops.rotary_frequencies`.
        attention_normalization: of the scores; "softmax_plus" scales them by the logarithm of the
            length, which helps on texts longer than those trained on (kexue.fm/archives/8823).

    >>> roformer = RoFormer(30, 8, 1, 2, 16)
    >>> roformer.build()
    >>> roformer.model.output.shape
    (None, None, 8)
    """

    p_bias = "rotary"
    config_names = {**BERT.config_names, "embedding_size": "embedding_size"}
    required_config = {**BERT.required_config, "rotary_value": False}
    architectures = {
        "RoFormerModel": {},
        "RoFormerForMaskedLM": {"with_mlm": "linear"},
        "RoFormerForCausalLM": {"with_mlm": "linear", "application": "lm"},
    }

    def __init__(
        self,
        *args,
        rotary_base=10000,
        rotary_scaling=None,
        attention_normalization="softmax",
        layer_norm_eps=1e-7,
        **kwargs,
    ):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, **kwargs)
        self.rotary_base, self.rotary_scaling = rotary_base, rotary_scaling
        self.attention_normalization = attention_normalization
        self.attention_options = {
            **self.attention_options,
            "normalization": attention_normalization,
        }

    def embed_positions(self, x, positions=None):
        """Not here: attention takes them."""
        self.position_ids = positions
        return x

    def compute_position_bias(self, inputs=None):
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

    huggingface_prefix = "roformer."
    huggingface_rules = (
        (r"^bert/encoder/embedding_hidden_mapping_in", "bert/embeddings_project"),
        (r"^bert/", "roformer/"),
        *BERT.huggingface_rules,
    )
    # Hugging Face stores the sinusoids too
    optional_variables = (*BERT.optional_variables, "*encoder.embed_positions.weight")


class RoFormerV2(RoFormer):
    """RoFormer without biases, normalized by the root mean square alone (kexue.fm/archives/8998).

    No normalization has a scale, and the initial kernels have a variance of 1 / fan-in, times
    `num_hidden_layers`^(-2 / `initializer_order`).

    >>> roformer = RoFormerV2(30, 8, 1, 2, 16, with_mlm="linear")
    >>> roformer.build()
    >>> len(roformer.layers["Transformer-0-FeedForward"].weights)
    2
    """

    attention_options = {"use_bias": False}
    feed_forward_options = {"use_bias": False}
    dense_options = {"use_bias": False}
    norm_options = {"zero_mean": False, "scale": False, "offset": False}
    architectures = {}
    initializer_order = 2

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
        """Token + segment embeddings, normalized after their dropout."""
        x = self.dropout(self.sum_embeddings(inputs), "Embedding-Dropout")
        x = self.normalize(x, "Embedding-Norm")
        return self.dense(x, self.hidden_size, "Embedding-Mapping") if self._maps else x

    def _apply_mlm(self, x):
        """A score for each token at each place: the inner products with the token table."""
        x = self.dense(x, self.embedding_size, "Output-Mapping") if self._maps else x
        x = self.dropout(x, "Output-MLM-Dropout")
        x = self.apply(x, Embedding, arguments={"mode": "dense"}, name="Embedding-Token")
        return self.activate_scores(x, "Output-MLM-Activation")

    def variable_mapping(self):
        mapping = {
            **super().variable_mapping(),
            "Output-Mapping": ["bert/encoder/embedding_hidden_mapping_out/kernel"],
        }
        dropped = ("beta", "gamma", "bias")
        return {k: [v for v in names if not v.endswith(dropped)] for k, names in mapping.items()}
