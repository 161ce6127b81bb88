"""BERT: configuration to graph, and where its weights lie on disk."""

import keras

from kerasx.layers import (
    Add,
    AttentionMask,
    BiasAdd,
    Embedding,
    FeedForward,
    FirstToken,
    MultiHeadAttention,
    PositionEmbedding,
    TalkingHeadsAttention,
)
from kerasx.models.deepnorm import deepnorm_constants, xavier
from kerasx.models.transformer import LM_Mask, Transformer, UniLM_Mask
from kerasx.ops import get_activation

__all__ = ["BERT"]


class BERT(Transformer):
    """BERT (arXiv 1810.04805), also Chinese RoBERTa-wwm, MacBERT, WoBERT, SimBERT and LaBSE.

    Args:
        max_position: rows of the position table.
        segment_vocab_size: number of segments; 0 removes the segment input.
        with_pool: add the pooled output; True means tanh, a string names the activation.
        with_nsp: add the next-sentence output (and the pooled one under it); True means softmax.
        with_classes: number of classes: add their logits, of the sequence (b, classes) in place of
            the pooled output if there is one, else of each token (b, n, classes).
        with_mlm: add the token output; True means softmax, "linear" gives logits.
        hierarchical_position: None or α: positions beyond the table (kexue.fm/archives/7947).
        custom_position_ids: take the position ids as an input.
        shared_segment_embeddings: segments are looked up in the token table.
        layer_norm_eps: ε of the layer normalizations.
        pad_id: the token that is padding and masked, or None.
        norm_position: "post", as in BERT, or "pre": the sublayers' inputs are normalized instead
            of their sums, and the last sum (kexue.fm/archives/9009); or "deepnorm", which trains
            hundreds of layers, see `deepnorm_constants`.
        talking_heads: heads mix their scores, see `TalkingHeadsAttention`.
        half_causal_heads: half of the heads see what is before a token, half what is after it, as
            `backend.half_causal` says; for an encoder.

    The outputs are those asked for, in the order pooled or next-sentence, classes, tokens; without
    any of them, the last block's vectors (b, n, hidden_size).

    >>> bert = BERT(30, 8, 1, 2, 16, max_position=10, with_mlm="linear")
    >>> bert.build()
    >>> bert.model.output.shape
    (None, None, 30)
    """

    # what a family changes of the layers: the kind of position its attention takes, and arguments
    p_bias = None
    attention_layer = MultiHeadAttention
    position_options = {}
    attention_options = {}
    feed_forward_options = {}
    norm_options = {}
    dense_options = {}

    # variables with a row for each token, and those that lie transposed on disk
    token_variables = ("bert/embeddings/word_embeddings", "cls/predictions/output_bias")
    transposed_variables = ("cls/seq_relationship/output_weights",)

    # how its configuration files call the arguments, and what in them cannot be built otherwise
    config_names = {
        "hidden_dropout_prob": "dropout_rate",
        "attention_probs_dropout_prob": "attention_dropout_rate",
        "max_position_embeddings": "max_position",
        "type_vocab_size": "segment_vocab_size",
    }
    required_config = {"position_embedding_type": "absolute", "tie_word_embeddings": True}
    # what a Hugging Face head asks for
    architectures = {
        "BertModel": {},
        "BertForMaskedLM": {"with_mlm": "linear"},
        "BertLMHeadModel": {"with_mlm": "linear", "application": "lm"},
        "BertForNextSentencePrediction": {"with_nsp": "linear"},
        "BertForPreTraining": {"with_nsp": "linear", "with_mlm": "linear"},
        "BertForSequenceClassification": {"with_pool": True, "with_classes": True},
        "BertForTokenClassification": {"with_classes": True},
    }

    def __init__(
        self,
        *args,
        max_position=512,
        segment_vocab_size=2,
        with_pool=False,
        with_nsp=False,
        with_classes=None,
        with_mlm=False,
        hierarchical_position=None,
        custom_position_ids=False,
        shared_segment_embeddings=False,
        layer_norm_eps=1e-12,
        norm_position="post",
        talking_heads=False,
        half_causal_heads=False,
        pad_id=0,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        if half_causal_heads and isinstance(self, (LM_Mask, UniLM_Mask)):
            raise ValueError("`half_causal_heads` is for application='encoder' only.")
        if norm_position not in ("post", "pre", "deepnorm"):
            raise ValueError(
                "`norm_position` must be 'post', 'pre' or 'deepnorm'. "
                f"Received: norm_position={norm_position!r}"
            )
        if with_nsp and with_classes:
            raise ValueError(
                "`with_nsp` and `with_classes` both take the pooled output: ask for one. "
                f"Received: with_nsp={with_nsp!r}, with_classes={with_classes!r}"
            )
        self.max_position = max_position
        self.segment_vocab_size = segment_vocab_size
        self.with_pool = with_pool or bool(with_nsp)
        self.with_nsp = with_nsp
        self.with_classes = with_classes
        self.with_mlm = with_mlm
        self.hierarchical_position = hierarchical_position
        self.custom_position_ids = custom_position_ids
        self.shared_segment_embeddings = shared_segment_embeddings
        self.layer_norm_eps = layer_norm_eps
        self.norm_position = norm_position
        self.residual_scale, self.kernel_gain = 1, None
        if norm_position == "deepnorm":
            self.residual_scale, self.kernel_gain = deepnorm_constants(self.num_hidden_layers)[0]
        self.talking_heads = talking_heads
        if talking_heads:
            self.attention_layer = TalkingHeadsAttention
        self.half_causal_heads = half_causal_heads
        self.pad_id = pad_id

    @property
    def input_roles(self):
        """Token ids, and segment and position ids where the model takes them."""
        given = {"segment": self.segment_vocab_size, "position": self.custom_position_ids}
        return ["token", *(role for role, is_given in given.items() if is_given)]

    def get_inputs(self):
        """An input (b, n) int32 for each role."""
        shape, names = (self.sequence_length,), [f"Input-{x.title()}" for x in self.input_roles]
        return [keras.Input(shape, dtype="int32", name=self.prefixed(name)) for name in names]

    def apply_embeddings(self, inputs):
        """Token + segment + position embeddings, normalized."""
        x = self.normalize(self.sum_embeddings(inputs), "Embedding-Norm")
        x = self.dropout(x, "Embedding-Dropout")
        return self.dense(x, self.hidden_size, "Embedding-Mapping") if self._maps else x

    def sum_embeddings(self, inputs):
        """Token + segment + position embeddings."""
        x, *rest = inputs
        segments = rest.pop(0) if self.segment_vocab_size else None
        x = self.apply(
            x,
            Embedding,
            input_dim=self.vocab_size,
            output_dim=self.embedding_size,
            embeddings_initializer=self.embeddings_initializer,
            mask_zero=self.pad_id is not None,
            pad_id=self.pad_id or 0,
            name="Embedding-Token",
        )
        if segments is not None:
            x = self.apply([x, self._segments(segments)], Add, name="Embedding-Token-Segment")
        return self.embed_positions(x, rest[0] if self.custom_position_ids else None)

    def embed_positions(self, x, positions=None):
        """The vectors of the places, or of the given ids, added."""
        return self.apply(
            x if positions is None else [x, positions],
            PositionEmbedding,
            input_dim=self.max_position,
            output_dim=self.embedding_size,
            merge_mode="add",
            hierarchical=self.hierarchical_position,
            custom_position_ids=self.custom_position_ids,
            embeddings_initializer=self.embeddings_initializer,
            name="Embedding-Position",
            **self.position_options,
        )

    @property
    def _maps(self):
        return self.embedding_size != self.hidden_size

    def _segments(self, segments):
        if self.shared_segment_embeddings:
            return self.apply(segments, Embedding, name="Embedding-Token")
        return self.apply(
            segments,
            Embedding,
            input_dim=self.segment_vocab_size,
            output_dim=self.embedding_size,
            embeddings_initializer=self.embeddings_initializer,
            name="Embedding-Segment",
        )

    def dense(self, x, units, name, activation=None):
        """A dense layer with the model's initializer."""
        return self.apply(
            x,
            keras.layers.Dense,
            units=units,
            activation=None if activation is None else get_activation(activation),
            kernel_initializer=self.initializer,
            name=name,
            **self.dense_options,
        )

    def apply_main_layers(self, inputs, index):
        """Attention, Add & Norm, feed-forward, Add & Norm."""
        name = f"Transformer-{index}"
        x = self.sublayer(inputs, self.self_attention, f"{name}-MultiHeadSelfAttention", index)
        return self.sublayer(x, self.feed_forward, f"{name}-FeedForward", index)

    def sublayer(self, x, function, name, index):
        """Norm(αx + Dropout(f(x))); or x + Dropout(f(Norm(x))), the norm coming first."""
        first = self.norm_position == "pre"
        y = function(self.normalize(x, f"{name}-Norm") if first else x, name, index)
        y = self.dropout(y, f"{name}-Dropout")
        x = self.apply([x, y], Add, scale=self.residual_scale, name=f"{name}-Add")
        return x if first else self.normalize(x, f"{name}-Norm")

    @property
    def kernel_initializers(self):
        """That of the kernels, and another one, if any, of those that carry values."""
        if self.kernel_gain is None:
            return self.initializer, None
        return xavier(), xavier(self.kernel_gain)

    def compute_attention_bias(self, inputs=None):
        if self.half_causal_heads and self.attention_bias is None:
            self.attention_bias = self.apply(
                self.inputs[0],
                AttentionMask,
                kind="half_causal",
                heads=self.num_attention_heads,
                name="Attention-Mask",
            )
        return self.attention_bias

    def self_attention(self, x, name, index):
        """Attention of the sequence to itself, with the model's mask and positions."""
        mask = self.compute_attention_bias(index)
        return self.attention(x, x, name, mask, self.compute_position_bias(x))

    def attention(self, query, source, name, mask=None, position=None):
        """Attention from `query` to `source`, (b, n, d) and (b, m, d)."""
        arguments = {"a_bias": True} if mask is not None else {}
        arguments |= {"p_bias": self.p_bias} if position is not None else {}
        first, last = self.kernel_initializers
        return self.apply(
            self.simplify([query, source, source, mask, position]),
            self.attention_layer,
            arguments=arguments,
            heads=self.num_attention_heads,
            head_size=self.attention_head_size,
            out_dim=self.hidden_size,
            key_size=self.attention_key_size,
            attention_dropout=self.attention_dropout_rate,
            kernel_initializer=first,
            value_initializer=last,
            name=name,
            **self.attention_options,
        )

    def feed_forward(self, x, name, index):
        """The position-wise network."""
        first, last = self.kernel_initializers
        return self.apply(
            x,
            FeedForward,
            units=self.intermediate_size,
            activation=self.hidden_act,
            kernel_initializer=last or first,
            name=name,
            **self.feed_forward_options,
        )

    def normalize(self, x, name):
        """The family's layer normalization."""
        return super().normalize(x, name, epsilon=self.layer_norm_eps, **self.norm_options)

    def apply_final_layers(self, inputs):
        """The heads asked for."""
        if self.norm_position == "pre":
            inputs = self.normalize(inputs, "Output-Norm")
        outputs = []
        if self.with_pool:
            x = self.apply(inputs, FirstToken, name="Pooler")
            activation = "tanh" if self.with_pool is True else self.with_pool
            x = self.dense(x, self.hidden_size, "Pooler-Dense", activation)
            if self.with_nsp:
                activation = "softmax" if self.with_nsp is True else self.with_nsp
                x = self.dense(x, 2, "NSP-Proba", activation)
            outputs.append(x)
        if self.with_classes:
            x = self.dropout(outputs.pop() if outputs else inputs, "Classifier-Dropout")
            outputs.append(self.dense(x, self.with_classes, "Classifier"))
        if self.with_mlm:
            outputs.append(self._apply_mlm(inputs))
        return outputs or inputs

    @property
    def mlm_act(self):
        """The activation of the token output."""
        return self.hidden_act

    def _apply_mlm(self, x):
        """A score for each token at each place, through the transposed token table."""
        x = self.dense(x, self.embedding_size, "MLM-Dense", self.mlm_act)
        x = self.normalize(x, "MLM-Norm")
        x = self.apply(x, Embedding, arguments={"mode": "dense"}, name="Embedding-Token")
        x = self.apply(x, BiasAdd, name="MLM-Bias")
        return self.activate_scores(x, "MLM-Activation")

    def activate_scores(self, x, name):
        """Scores to what `with_mlm` says."""
        activation = "softmax" if self.with_mlm is True else self.with_mlm
        return self.apply(
            x, keras.layers.Activation, activation=activation, dtype="float32", name=name
        )

    def variable_mapping(self):
        norm, dense = (lambda s: [f"{s}/LayerNorm/beta", f"{s}/LayerNorm/gamma"]), _kernel_and_bias
        mapping = {
            "Embedding-Token": ["bert/embeddings/word_embeddings"],
            "Embedding-Segment": ["bert/embeddings/token_type_embeddings"],
            "Embedding-Position": ["bert/embeddings/position_embeddings"],
            "Embedding-Norm": norm("bert/embeddings"),
            "Embedding-Mapping": dense("bert/encoder/embedding_hidden_mapping_in"),
            "Pooler-Dense": dense("bert/pooler/dense"),
            "NSP-Proba": [f"cls/seq_relationship/output_{s}" for s in ("weights", "bias")],
            "Classifier": dense("classifier"),
            "MLM-Dense": dense("cls/predictions/transform/dense"),
            "MLM-Norm": norm("cls/predictions/transform"),
            "MLM-Bias": ["cls/predictions/output_bias"],
        }
        for i in range(self.num_hidden_layers):
            ours, theirs = f"Transformer-{i}-", f"bert/encoder/layer_{i}/"
            mixing = [f"{theirs}attention/self/mixing"] if self.talking_heads else []
            projections = ("self/query", "self/key", "self/value", "output/dense")
            mapping |= {
                f"{ours}MultiHeadSelfAttention": mixing
                + [v for p in projections for v in dense(f"{theirs}attention/{p}")],
                f"{ours}MultiHeadSelfAttention-Norm": norm(f"{theirs}attention/output"),
                f"{ours}FeedForward": [
                    v for p in ("intermediate", "output") for v in dense(f"{theirs}{p}/dense")
                ],
                f"{ours}FeedForward-Norm": norm(f"{theirs}output"),
            }
        return mapping

    huggingface_prefix = "bert."
    huggingface_rules = (
        (r"layer_(\d+)", r"layer.\1"),
        (r"gamma$", "weight"),
        (r"beta$", "bias"),
        (r"_embeddings$", "_embeddings/weight"),
        (r"kernel$", "weight"),
        (r"predictions/output_bias$", "predictions/bias"),
        (r"seq_relationship/output_weights$", "seq_relationship/weight"),
        (r"seq_relationship/output_bias$", "seq_relationship/bias"),
        ("/", "."),
    )
    # heads that a model may be built without, and Hugging Face's second names for tied tensors
    optional_variables = ("bert/pooler/*", "cls/*", "cls.predictions.decoder.*")


def _kernel_and_bias(name):
    return [f"{name}/kernel", f"{name}/bias"]
