"""DeBERTa-v2 and v3: encoders with disentangled attention."""

from dataclasses import replace

import keras

from kerasx.checks import invalid
from kerasx.layers import Add, DisentangledAttention, LayerNormalization, MaskedConv1D, VectorTable
from kerasx.models.families.bert_names import (
    BERT_CHECKPOINT,
    BERT_FOLDER,
    bert_variables,
    dense,
    norm,
    tied,
)
from kerasx.models.families.block_options import HalfCausalHeads, NormPosition, ResidualScores
from kerasx.models.families.encoder import NextSentence
from kerasx.models.families.input_embeddings import Embeddings, Segments, TrainedPositions
from kerasx.ops import get_activation

# projections of the distances' vectors, by the term of the attention
_PROJECTIONS = {"c2p": "pos_key", "p2c": "pos_query"}
# names of the token output in Microsoft's own releases
_MICROSOFT_HEAD = (
    ("cls/predictions/transform", "lm_predictions/lm_head"),
    ("cls/predictions/output_bias", "lm_predictions/lm_head/bias"),
)


class DeBERTa(
    NextSentence,
    NormPosition,
    HalfCausalHeads,
    ResidualScores,
    Segments,
    TrainedPositions,
    Embeddings,
):
    """DeBERTa-v2 and v3 (arXiv 2006.03654, 2111.09543), from Hugging Face folders.

    Attention is disentangled: contents and distances have separate vectors.

    Args:
        relative_attention: whether attention uses distances.
        pos_att_type: terms of `DisentangledAttention`, a list or "p2c|c2p".
        position_buckets: buckets of distances on each side, wider by the logarithm; none if not
            positive.
        max_relative_positions: the distance from which distances are equal; `max_position` if not
            positive.
        share_att_key: distances' vectors have the projections of the contents.
        norm_rel_ebd: "layer_norm" normalizes the distances' vectors, "none" does not.
        position_biased_input: add the embeddings of the positions to the input.
        conv_kernel_size: size of a convolution of the embeddings beside the first block; 0 for no
            convolution.
        conv_act: activation of the convolution.
        pooler_act: activation of the pooled output, if `with_pool` is True.
        legacy: the token output has BERT's names in the checkpoint; False for "lm_predictions", as
            in Microsoft's releases.

    >>> deberta = DeBERTa(30, 8, 1, 2, 16, relative_attention=True, pos_att_type="p2c|c2p")
    >>> deberta.build()
    >>> deberta.model.output.shape
    (None, None, 8)
    """

    applications = ("encoder",)
    p_bias = "disentangled"
    attention_layer = DisentangledAttention

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
        pooler_act="gelu",
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
        self._check(relative_attention, pos_att_type)
        if not legacy:
            rules = (*_MICROSOFT_HEAD, *self.huggingface.rules)
            self.huggingface = replace(self.huggingface, rules=rules)
        self.relative_attention = relative_attention
        self.pos_att_type = pos_att_type or ()
        self.share_att_key = share_att_key
        self.norm_rel_ebd = norm_rel_ebd
        self.position_biased_input = position_biased_input
        self.conv_kernel_size = conv_kernel_size
        self.conv_act = conv_act
        self.pooler_act = pooler_act
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

    def _check(self, relative_attention, pos_att_type):
        if bool(relative_attention) != bool(pos_att_type):
            raise invalid(
                "`pos_att_type` must name a term where `relative_attention` is true, and none "
                "where it is not.",
                relative_attention=relative_attention,
                pos_att_type=pos_att_type,
            )
        if self.embedding_size != self.hidden_size:
            raise invalid(
                "`embedding_size` must be `hidden_size` in a DeBERTa.",
                embedding_size=self.embedding_size,
                hidden_size=self.hidden_size,
            )

    def embed_positions(self, x, positions=None):
        return super().embed_positions(x, positions) if self.position_biased_input else x

    @property
    def pool_act(self):
        return self.pooler_act if self.with_pool is True else self.with_pool

    def compute_position_bias(self, inputs=None):
        """Return the table of the distances' vectors, (1, 2k, d), or None."""
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
        """Apply attention; each block has its own dropout of the distances' vectors."""
        mask, table = self.compute_attention_bias(index), self.compute_position_bias(x)
        table = None if table is None else self.dropout(table, f"{name}-Position-Dropout")
        return self.attention(x, x, name, mask, table)

    def apply_main_layers(self, inputs, index):
        x = super().apply_main_layers(inputs, index)
        return self._add_convolution(inputs, x) if index == 0 and self.conv_kernel_size else x

    def _add_convolution(self, inputs, x):
        """Compute Norm(x + act(Dropout(convolution of the embeddings)))."""
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
        """Return BERT's names, with names in the same manner for DeBERTa's own layers."""
        mapping = bert_variables(self.num_hidden_layers)
        kinds = () if self.share_att_key else self.pos_att_type
        projections = [name for kind, name in _PROJECTIONS.items() if kind in kinds]
        for i in range(self.num_hidden_layers):
            places = [f"bert/encoder/layer_{i}/attention/self/{name}" for name in projections]
            mapping[f"Transformer-{i}-MultiHeadSelfAttention"] += dense(*places)
        return mapping | {
            "Embedding-Relative-Position": ["bert/encoder/rel_embeddings"],
            "Embedding-Relative-Position-Norm": norm("bert/encoder/LayerNorm"),
            "Embedding-Convolution": dense("bert/encoder/conv/conv"),
            "Embedding-Convolution-Norm": norm("bert/encoder/conv/LayerNorm"),
        }

    original = BERT_CHECKPOINT
    huggingface = replace(
        BERT_FOLDER,
        heads={
            "DebertaV2Model": {},
            "DebertaV2ForMaskedLM": {"with_mlm": "linear"},
            "DebertaV2ForSequenceClassification": {"with_pool": True, "with_classes": True},
            "DebertaV2ForTokenClassification": {"with_classes": True},
        },
        keys={**BERT_FOLDER.keys, "pooler_hidden_act": "pooler_act"},
        required={"conv_groups": 1},
        causal_key=False,
        ignored=("cls_dropout", "pooler_dropout", "pooler_hidden_size"),
        rules=(
            ("^bert/pooler/", "pooler/"),
            ("^bert/", "deberta/"),
            (r"/self/(\w+)/", r"/self/\1_proj/"),
            *BERT_FOLDER.rules,
        ),
        prefix="deberta.",
        tied=tied("deberta.", "cls.predictions."),
    )
