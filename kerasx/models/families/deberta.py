"""DeBERTa-v2 and v3."""

import keras

from kerasx.layers import Add, DisentangledAttention, LayerNormalization, MaskedConv1D, VectorTable
from kerasx.models.families.bert import BERT
from kerasx.ops import get_activation

__all__ = ["DeBERTa"]

# what a table's vectors are projected by, and the token output of Microsoft's own releases
_PROJECTIONS = {"c2p": "pos_key", "p2c": "pos_query"}
_MICROSOFT_HEAD = (
    ("cls/predictions/transform", "lm_predictions/lm_head"),
    ("cls/predictions/output_bias", "lm_predictions/lm_head/bias"),
)


class DeBERTa(BERT):
    """DeBERTa-v2 and v3 (arXiv 2006.03654, 2111.09543), from Hugging Face folders.

    BERT whose attention is disentangled: contents and distances have vectors of their own.

    Args:
        relative_attention: whether distances count at all.
        pos_att_type: which terms of `DisentangledAttention`, a list or "p2c|c2p".
        position_buckets: its buckets on each side, logarithmically wider; none if not positive.
        max_relative_positions: distances are told apart below it; `max_position` if not positive.
        share_att_key: the distances' vectors are projected as the contents are.
        norm_rel_ebd: "layer_norm" normalizes the distances' vectors, "none" does not.
        position_biased_input: add vectors of the places to the input.
        conv_kernel_size: of a convolution of the embeddings beside the first block; 0 for none.
        conv_act: its activation.
        legacy: the names that the token output has in the checkpoint: those of BERT, or
            "lm_predictions", which Microsoft's releases have.

    >>> deberta = DeBERTa(30, 8, 1, 2, 16, relative_attention=True, pos_att_type="p2c|c2p")
    >>> deberta.build()
    >>> deberta.model.output.shape
    (None, None, 8)
    """

    applications = ("encoder",)
    p_bias = "disentangled"
    attention_layer = DisentangledAttention
    removed_arguments = ("talking_heads",)
    required_config = {"tie_word_embeddings": True, "conv_groups": 1}
    ignored_config = ("pooler_dropout", "pooler_hidden_act", "pooler_hidden_size")
    architectures = {"DebertaV2Model": {}, "DebertaV2ForMaskedLM": {"with_mlm": "linear"}}

    def __init__(
        self,
        *args,
        relative_attention=False,
        pos_att_type=None,
        position_buckets=-1,
        max_relative_positions=-1,
        share_att_key=False,
        norm_rel_ebd="none",
        position_biased_input=True,
        conv_kernel_size=0,
        conv_act="tanh",
        legacy=True,
        segment_vocab_size=0,
        layer_norm_eps=1e-7,
        **kwargs,
    ):
        super().__init__(
            *args, segment_vocab_size=segment_vocab_size, layer_norm_eps=layer_norm_eps, **kwargs
        )
        if isinstance(pos_att_type, str):
            pos_att_type = [kind.strip() for kind in pos_att_type.lower().split("|")]
        if bool(relative_attention) != bool(pos_att_type):
            raise ValueError(
                "`pos_att_type` must name a term where `relative_attention` is true, and none "
                f"where it is not. Received: relative_attention={relative_attention}, "
                f"pos_att_type={pos_att_type}"
            )
        if self.embedding_size != self.hidden_size:
            raise ValueError(
                "`embedding_size` must be `hidden_size` in a DeBERTa. Received: "
                f"embedding_size={self.embedding_size}, hidden_size={self.hidden_size}"
            )
        self.relative_attention = relative_attention
        self.pos_att_type, self.share_att_key = pos_att_type or (), share_att_key
        self.norm_rel_ebd = norm_rel_ebd
        self.position_biased_input = position_biased_input
        self.conv_kernel_size, self.conv_act = conv_kernel_size, conv_act
        self.legacy = legacy
        self.position_buckets = position_buckets
        self.max_relative_positions = max_relative_positions
        reach = max_relative_positions if max_relative_positions > 0 else self.max_position
        buckets = max(position_buckets, 0)
        self.relative_size = 2 * (buckets or reach)
        self.attention_options = {
            "pos_att_type": self.pos_att_type,
            "position_buckets": buckets,
            "max_distance": reach,
            "share_att_key": share_att_key,
        }

    def embed_positions(self, x, positions=None):
        return super().embed_positions(x, positions) if self.position_biased_input else x

    def compute_position_bias(self, inputs=None):
        """The table of the distances' vectors, (1, 2k, d), or None."""
        if self.relative_attention and self.position_bias is None:
            name = "Embedding-Relative-Position"
            self.position_bias = self.apply(
                inputs,
                VectorTable,
                input_dim=self.relative_size,
                output_dim=self.hidden_size,
                embeddings_initializer=self.initializer,
                name=name,
            )
            if "layer_norm" in self.norm_rel_ebd:
                epsilon = self.layer_norm_eps
                self.position_bias = self.apply(
                    self.position_bias, LayerNormalization, epsilon=epsilon, name=f"{name}-Norm"
                )
        return self.position_bias

    def self_attention(self, x, name, index):
        """Attention of the sequence to itself; the distances' vectors drop out in each block."""
        mask, table = self.compute_attention_bias(index), self.compute_position_bias(x)
        table = None if table is None else self.dropout(table, f"{name}-Position-Dropout")
        return self.attention(x, x, name, mask, table)

    def apply_main_layers(self, inputs, index):
        x = super().apply_main_layers(inputs, index)
        return self._add_convolution(inputs, x) if index == 0 and self.conv_kernel_size else x

    def _add_convolution(self, inputs, x):
        """Norm(x + act(Dropout(convolution of the embeddings)))."""
        y = self.apply(
            inputs,
            MaskedConv1D,
            filters=self.hidden_size,
            kernel_size=self.conv_kernel_size,
            padding="same",
            kernel_initializer=self.initializer,
            name="Embedding-Convolution",
        )
        y = self.dropout(y, "Embedding-Convolution-Dropout")
        activation = get_activation(self.conv_act)
        name = "Embedding-Convolution-Activation"
        y = self.apply(y, keras.layers.Activation, activation=activation, name=name)
        x = self.apply([x, y], Add, name="Embedding-Convolution-Add")
        return self.normalize(x, "Embedding-Convolution-Norm")

    def variable_mapping(self):
        """BERT's names, also for what BERT has not."""
        mapping = super().variable_mapping()
        norm = lambda s: [f"{s}/LayerNorm/beta", f"{s}/LayerNorm/gamma"]  # noqa: E731
        dense = lambda s: [f"{s}/kernel", f"{s}/bias"]  # noqa: E731
        kinds = () if self.share_att_key else self.pos_att_type
        projections = [name for kind, name in _PROJECTIONS.items() if kind in kinds]
        for i in range(self.num_hidden_layers):
            for name in projections:
                layer = f"bert/encoder/layer_{i}/attention/self/{name}"
                mapping[f"Transformer-{i}-MultiHeadSelfAttention"] += dense(layer)
        return mapping | {
            "Embedding-Relative-Position": ["bert/encoder/rel_embeddings"],
            "Embedding-Relative-Position-Norm": norm("bert/encoder"),
            "Embedding-Convolution": dense("bert/encoder/conv/conv"),
            "Embedding-Convolution-Norm": norm("bert/encoder/conv"),
        }

    huggingface_prefix = "deberta."
    optional_variables = (*BERT.optional_variables, "lm_predictions.*", "mask_predictions.*")

    @property
    def huggingface_rules(self):
        head = () if self.legacy else _MICROSOFT_HEAD
        return (
            ("^bert/", "deberta/"),
            (r"/self/(\w+)/", r"/self/\1_proj/"),
            *head,
            *BERT.huggingface_rules,
        )
