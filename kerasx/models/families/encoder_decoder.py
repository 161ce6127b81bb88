"""Encoder-decoder models: an encoder of the source, and a decoder that attends to it."""

import keras

from kerasx.checks import invalid
from kerasx.layers import AttentionMask
from kerasx.models.families.blocks import Blocks


class Half(Blocks):
    """Base of encoder and decoder, which share one token table.

    Args:
        num_decoder_layers: blocks of the decoder; num_hidden_layers by default.
        with_lm: the decoder's outputs are scores of each token; True means softmax, "linear" gives
            logits, False gives vectors.
    """

    side = None  # "Encoder" or "Decoder", the start of most layer names
    starts_with_end = False  # whether the decoder starts with the end token
    applications = ("encoder",)

    def __init__(self, *args, num_decoder_layers=None, with_lm=True, **kwargs):
        super().__init__(*args, **kwargs)
        if self.pad_id is None:
            raise invalid("`pad_id` must be a token id: sources are padded.", pad_id=None)
        self.num_encoder_layers = self.num_hidden_layers
        self.num_decoder_layers = num_decoder_layers or self.num_hidden_layers
        self.with_lm = with_lm

    def token_input(self):
        """Return an input of token ids (b, n) int32."""
        name = self.prefixed(f"{self.side}-Input-Token")
        return keras.Input((self.sequence_length,), dtype="int32", name=name)

    def embed(self, tokens):
        """Embed token ids (b, n) and their positions."""
        x = self.embed_positions(self.embed_tokens(tokens))
        return self.dropout(x, f"{self.side}-Embedding-Dropout")

    def embed_positions(self, x):
        """Add what a family adds to the token embeddings; nothing by default."""
        return x

    def apply_final_layers(self, inputs):
        """Normalize the last sum where the sublayers normalize their inputs."""
        if self.norm_position == "post":
            return inputs
        x = self.normalize(inputs, f"{self.side}-Output-Norm")
        return self.dropout(x, f"{self.side}-Output-Dropout")


class Encoder(Half):
    """Token ids to vectors (b, n, hidden_size)."""

    side = "Encoder"
    input_roles = ("source",)
    scores_tokens = False

    def get_inputs(self):
        return [self.token_input()]

    def apply_embeddings(self, inputs):
        return self.embed(inputs[0])

    def apply_main_layers(self, inputs, index):
        """Apply self-attention and the feed-forward network."""
        name = f"Encoder-Transformer-{index}"
        x = self.sublayer(inputs, self.self_attention, f"{name}-MultiHeadSelfAttention", index)
        return self.sublayer(x, self.feed_forward, f"{name}-FeedForward", index)


class Decoder(Half):
    """The decoder: from encoder outputs and token ids to scores of the next tokens."""

    side = "Decoder"
    input_roles = ("context", "token")
    token_arguments = {"mode": "target"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.num_hidden_layers = self.num_decoder_layers

    def get_inputs(self):
        """Return inputs of the encoder's output (b, m, hidden_size) and of token ids (b, n)."""
        shape = (self.sequence_length, self.hidden_size)
        return [keras.Input(shape, name=self.prefixed("Input-Context")), self.token_input()]

    def call(self, inputs):
        """Build the graph; called twice, for the decoder alone and after the encoder."""
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
        return self.embed(inputs[1])

    def apply_main_layers(self, inputs, index):
        """Apply self-attention, attention to the source, and the feed-forward network."""
        name = f"Decoder-Transformer-{index}"
        x = self.sublayer(inputs, self.self_attention, f"{name}-MultiHeadSelfAttention", index)
        x = self.sublayer(x, self.cross_attention, f"{name}-MultiHeadCrossAttention", index)
        return self.sublayer(x, self.feed_forward, f"{name}-FeedForward", index)

    def self_attention(self, x, name, index):
        """Apply attention to the tokens before, whichever they are.

        Padding at the end comes after all tokens, and a padding id that the model itself has
        generated is a token like others.
        """
        bias, position = self.compute_attention_bias(index), self.compute_position_bias(x)
        return self.attention(x, x, name, bias, position, mask=[None] * 3)

    def cross_attention(self, x, name, index):
        """Apply attention of the target to the source."""
        return self.attention(x, self.context, name)

    def apply_final_layers(self, inputs):
        """Normalize the last sum, and score tokens if `with_lm`."""
        x = super().apply_final_layers(inputs)
        return self.score_tokens(x) if self.with_lm else x

    def score_tokens(self, x):
        """Score each token of the vocabulary at each position, (b, n, vocab_size)."""
        scores = self.compute_logits(x)
        return self.activate_scores(scores, self.with_lm, "Decoder-Output-LM-Activation")

    def compute_logits(self, x):
        """Compute logits (b, n, vocab_size) from the decoder's vectors."""
        return self.score_by_token_table(x)


class EncoderDecoder(Half):
    """Encoder and decoder: `.encoder`, `.decoder` and, from source and target ids, `.model`."""

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
        """Build the three models; the arguments are those of `Transformer.build`."""
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
