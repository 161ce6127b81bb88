"""Blocks of attention and feed-forward network, which nearly all families are made of."""

import keras

from kerasx.layers import Add, Embedding, FeedForward, MultiHeadAttention
from kerasx.models.transformer import Transformer
from kerasx.ops import get_activation


class Blocks(Transformer):
    """A Transformer whose blocks are two sublayers, each with a residual sum and a normalization.

    A sublayer computes Norm(αx + Dropout(f(x))), with α = 1, or x + Dropout(f(Norm(x))) where
    `norm_position` is "pre"; f is first self-attention, then the feed-forward network. A family
    changes the class attributes, overrides methods, and adds the classes of block_options.py.

    Args:
        layer_norm_eps: ε of the layer normalizations.
        pad_id: id of the padding token, which is masked; None if there is no padding.
    """

    # options, see block_options.py
    norm_position = "post"
    residual_scale = 1  # α
    residual_attention_scores = False
    talking_heads = False
    p_bias = None  # kind of positions in attention, see `MultiHeadAttention`
    attention_layer = MultiHeadAttention
    # arguments of the layers
    attention_options = {}
    feed_forward_options = {}
    norm_options = {}
    dense_options = {}
    token_arguments = {}  # of the call of the token table

    def __init__(self, *args, layer_norm_eps=1e-12, pad_id=0, **kwargs):
        super().__init__(*args, **kwargs)
        self.embedding_size = self.hidden_size
        self.layer_norm_eps = layer_norm_eps
        self.pad_id = pad_id

    def layout_rules(self):
        tables = "(Embedding-Token|Output-LM)/embeddings|(MLM|Decoder-Output-LM)-Bias/bias"
        heads, width = "num_attention_heads", "intermediate_size"
        return {
            tables: (0, "vocab_size"),
            r"[^/]*Attention/(pos_)?[qkv]_dense/(kernel|bias)": (-1, heads),
            r"[^/]*Attention/o_dense/kernel": (0, heads),
            r"[^/]*FeedForward/i\d+_dense/(kernel|bias)": (-1, width),
            r"[^/]*FeedForward/o_dense/kernel": (0, width),
        }

    @property
    def sum_options(self):
        """Options of the layers on residual sums: float32 where they would overflow float16.

        A sum that no normalization follows grows from block to block. As in transformers, float16
        is then for the kernels but the last one of each feed-forward network.
        """
        half = keras.config.dtype_policy().compute_dtype == "float16"
        return {"dtype": "float32"} if half and self.norm_position == "pre" else {}

    @property
    def kernel_initializers(self):
        """Initializers of the kernels of queries and keys, and of all other kernels (or None)."""
        return self.initializer, None

    def embed_tokens(self, tokens):
        """Look up token ids (b, n) in the token table."""
        return self.apply(
            tokens,
            Embedding,
            input_dim=self.vocab_size,
            output_dim=self.embedding_size,
            embeddings_initializer=self.embeddings_initializer,
            mask_zero=self.pad_id is not None,
            pad_id=self.pad_id or 0,
            name="Embedding-Token",
            arguments=self.token_arguments,
        )

    def score_by_token_table(self, x):
        """Multiply vectors (b, n, embedding_size) by the transposed token table."""
        return self.apply(x, Embedding, arguments={"mode": "dense"}, name="Embedding-Token")

    def activate_scores(self, x, activation, name):
        """Apply an activation in float32; True means softmax."""
        activation = "softmax" if activation is True else activation
        return self.apply(
            x, keras.layers.Activation, activation=activation, dtype="float32", name=name
        )

    def dense(self, x, units, name, activation=None):
        """Apply a dense layer with the model's initializer."""
        return self.apply(
            x,
            keras.layers.Dense,
            units=units,
            activation=None if activation is None else get_activation(activation),
            kernel_initializer=self.initializer,
            name=name,
            **self.dense_options,
        )

    def normalize(self, x, name):
        """Apply the family's layer normalization."""
        options = {**self.norm_options, **self.sum_options}
        return super().normalize(x, name, epsilon=self.layer_norm_eps, **options)

    def apply_main_layers(self, inputs, index):
        """Apply block `index`: self-attention, then the feed-forward network."""
        name = f"Transformer-{index}"
        x = self.sublayer(inputs, self.self_attention, f"{name}-MultiHeadSelfAttention", index)
        return self.sublayer(x, self.feed_forward, f"{name}-FeedForward", index)

    def apply_final_layers(self, inputs):
        """Normalize the last sum where the sublayers normalize their inputs."""
        return self.normalize(inputs, "Output-Norm") if self.norm_position == "pre" else inputs

    def sublayer(self, x, function, name, index):
        """Apply `function(x, name, index)` with dropout, residual sum and normalization."""
        first = self.norm_position == "pre"
        y = function(self.normalize(x, f"{name}-Norm") if first else x, name, index)
        y = self.dropout(y, f"{name}-Dropout", **self.sum_options)
        options = {"scale": self.residual_scale, **self.sum_options}
        x = self.apply([x, y], Add, name=f"{name}-Add", **options)
        return x if first else self.normalize(x, f"{name}-Norm")

    def self_attention(self, x, name, index):
        """Apply attention of the sequence to itself, with the model's mask and positions."""
        bias = self.compute_attention_bias(index)
        return self.attention(x, x, name, bias, self.compute_position_bias(x))

    def attention(self, query, source, name, bias=None, position=None, **arguments):
        """Apply attention from `query` (b, n, d) to `source` (b, m, d).

        Args:
            bias, position: as `compute_attention_bias`, `compute_position_bias` return them.
            arguments: further keyword arguments of the layer's call.
        """
        arguments |= {"a_bias": True} if bias is not None else {}
        arguments |= {"p_bias": self.p_bias} if position is not None else {}
        first, last = self.kernel_initializers
        return self.apply(
            self.simplify([query, source, source, bias, position]),
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
        """Apply the position-wise feed-forward network."""
        first, last = self.kernel_initializers
        return self.apply(
            x,
            FeedForward,
            units=self.intermediate_size,
            activation=self.hidden_act,
            kernel_initializer=last or first,
            out_dtype=self.sum_options.get("dtype"),
            name=name,
            **self.feed_forward_options,
        )
