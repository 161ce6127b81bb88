"""Models of two halves: an encoder of the source, a decoder that looks at it."""

import keras

from kerasx.layers import AttentionMask, Embedding
from kerasx.models.families.bert import BERT

__all__ = ["Decoder", "Encoder", "EncoderDecoder", "Half"]


class Half(BERT):
    """What encoder and decoder share: one token table, blocks of named sublayers.

    Args:
        num_decoder_layers: blocks of the decoder; num_hidden_layers by default.
        with_lm: the decoder's outputs are a score for each token; True means softmax, "linear"
            gives logits, False vectors.
    """

    side = None
    starts_with_end = False  # whether the decoder starts with the end token
    applications = ("encoder",)
    removed_arguments = tuple(
        """with_pool with_nsp with_classes with_mlm segment_vocab_size embedding_size
        hierarchical_position custom_position_ids shared_segment_embeddings
        residual_attention_scores talking_heads half_causal_heads""".split()
    )

    def __init__(self, *args, num_decoder_layers=None, with_lm=True, **kwargs):
        super().__init__(*args, **kwargs)
        if self.pad_id is None:
            raise ValueError("`pad_id` must be a token id: sources are padded. Received: None")
        self.num_encoder_layers = self.num_hidden_layers
        self.num_decoder_layers = num_decoder_layers or self.num_hidden_layers
        self.with_lm = with_lm

    def token_input(self):
        """Token ids (b, n) int32."""
        name = self.prefixed(f"{self.side}-Input-Token")
        return keras.Input((self.sequence_length,), dtype="int32", name=name)

    def embed_tokens(self, tokens):
        """Token embeddings with what the family adds to them."""
        x = self.apply(
            tokens,
            Embedding,
            input_dim=self.vocab_size,
            output_dim=self.embedding_size,
            embeddings_initializer=self.embeddings_initializer,
            mask_zero=True,
            pad_id=self.pad_id,
            name="Embedding-Token",
        )
        return self.dropout(self.embed_positions(x), f"{self.side}-Embedding-Dropout")

    def last_norm(self, x):
        """The last sum's normalization, where sublayers normalize their inputs."""
        if self.norm_position == "post":
            return x
        x = self.normalize(x, f"{self.side}-Output-Norm")
        return self.dropout(x, f"{self.side}-Output-Dropout")


class Encoder(Half):
    """Token ids to vectors (b, n, hidden_size)."""

    side = "Encoder"
    input_roles = ("source",)

    def get_inputs(self):
        return [self.token_input()]

    def apply_embeddings(self, inputs):
        return self.embed_tokens(inputs[0])

    def apply_main_layers(self, inputs, index):
        """Attention and feed-forward network."""
        name = f"Encoder-Transformer-{index}"
        x = self.sublayer(inputs, self.self_attention, f"{name}-MultiHeadSelfAttention", index)
        return self.sublayer(x, self.feed_forward, f"{name}-FeedForward", index)

    def apply_final_layers(self, inputs):
        return self.last_norm(inputs)


class Decoder(Half):
    """The encoder's vectors and token ids to a score for the next token at every place."""

    side = "Decoder"
    input_roles = ("context", "token")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.num_hidden_layers = self.num_decoder_layers

    def get_inputs(self):
        """The encoder's output (b, m, hidden_size) and token ids (b, n)."""
        shape = (self.sequence_length, self.hidden_size)
        return [keras.Input(shape, name=self.prefixed("Input-Context")), self.token_input()]

    def call(self, inputs):
        """The graph, which is laid twice: for the decoder alone and behind the encoder."""
        self.context, self.tokens = inputs
        self.attention_bias = self.position_bias = self.cross_bias = None
        return super().call(inputs)

    def compute_attention_bias(self, inputs=None):
        if self.attention_bias is None:
            self.attention_bias = self.apply(
                self.tokens, AttentionMask, kind="causal", name="Attention-Mask"
            )
        return self.attention_bias

    def apply_embeddings(self, inputs):
        return self.embed_tokens(inputs[1])

    def apply_main_layers(self, inputs, index):
        """Attention to itself, attention to the source, feed-forward network."""
        name = f"Decoder-Transformer-{index}"
        x = self.sublayer(inputs, self.self_attention, f"{name}-MultiHeadSelfAttention", index)
        x = self.sublayer(x, self.cross_attention, f"{name}-MultiHeadCrossAttention", index)
        return self.sublayer(x, self.feed_forward, f"{name}-FeedForward", index)

    def cross_attention(self, x, name, index):
        """Attention of the target to the source."""
        return self.attention(x, self.context, name)

    def apply_final_layers(self, inputs):
        x = self.last_norm(inputs)
        return self.score_tokens(x) if self.with_lm else x

    def score_tokens(self, x):
        """Vectors to what `with_lm` says."""
        raise ValueError(f"`{type(self).__name__}` must override score_tokens(self, x).")

    def activate(self, scores):
        """Scores to probabilities, unless logits are wanted."""
        return self.apply(
            scores,
            keras.layers.Activation,
            activation="softmax" if self.with_lm is True else self.with_lm,
            dtype="float32",
            name="Decoder-Output-LM-Activation",
        )


class EncoderDecoder(Half):
    """Both halves: `.encoder`, `.decoder` and, from source and target ids, `.model`."""

    encoder_class = Encoder
    decoder_class = Decoder

    def __init__(self, *args, name=None, layers=None, **kwargs):
        super().__init__(*args, name=name, layers=layers, **kwargs)
        kwargs["layers"] = self.layers
        start = "" if name is None else f"{name}_"
        self._encoder = self.encoder_class(*args, name=f"{start}Encoder", **kwargs)
        self._decoder = self.decoder_class(*args, name=f"{start}Decoder", **kwargs)

    def build(
        self,
        layer_norm_cond=None,
        layer_norm_cond_hidden_size=None,
        layer_norm_cond_hidden_act=None,
        additional_input_layers=None,
    ):
        """Lay the three graphs; the arguments are those of `Transformer.build`."""
        if self.built:
            return
        condition = (layer_norm_cond, layer_norm_cond_hidden_size, layer_norm_cond_hidden_act)
        for half in (self._encoder, self._decoder):
            half.build(*condition, additional_input_layers)
        self.encoder, self.decoder = self._encoder.model, self._decoder.model
        tokens = self._decoder.inputs[1]
        self.set_inputs([self._encoder.inputs[0], tokens], additional_input_layers)
        self.set_outputs(self._decoder.call([self._encoder.outputs[0], tokens]))
        self.model = keras.Model(self.input, self.output, name=self.name)
        self.model.builder = self
        self.built = True
