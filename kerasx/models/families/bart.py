"""BART: an encoder-decoder with BERT's blocks."""

from dataclasses import replace

from kerasx.checks import invalid
from kerasx.layers import BiasAdd, PositionEmbedding
from kerasx.models.families.bert_names import dense, norm
from kerasx.models.families.encoder_decoder import Decoder, Encoder, EncoderDecoder, Half
from kerasx.models.sources import HuggingFace, Original

_OFFSET = 2  # unused rows at the start of the position table
_BIAS = "final_logits_bias"


class BART_Base(Half):  # noqa: N801 - bert4keras's way of names
    """Base of BART's halves (arXiv 1910.13461), also Chinese BART (arXiv 2109.05729).

    Trained positions, normalized embeddings and sums, biases everywhere, logits by the token table
    and a bias that is not trained.

    Args:
        hidden_act, layer_norm_eps, max_position: as in `BERT`.
    """

    family = "bart"
    starts_with_end = True

    def __init__(self, *args, max_position=512, layer_norm_eps=1e-5, pad_id=1, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, pad_id=pad_id, **kwargs)
        self.max_position = max_position

    def embed_positions(self, x):
        """Add the embeddings of the positions to x, and normalize."""
        x = self.apply(
            x,
            PositionEmbedding,
            input_dim=self.max_position + _OFFSET,
            output_dim=self.hidden_size,
            offset=_OFFSET,
            embeddings_initializer=self.embeddings_initializer,
            name=f"{self.side}-Embedding-Position",
        )
        return self.normalize(x, f"{self.side}-Embedding-Norm")

    def variable_mapping(self):
        mapping = {
            "Embedding-Token": ["model/shared/embeddings"],
            "Decoder-Output-LM-Bias": [_BIAS],
        }
        blocks = {"Encoder": self.num_encoder_layers, "Decoder": self.num_decoder_layers}
        for side, count in blocks.items():
            half = f"model/{side.lower()}"
            mapping[f"{side}-Embedding-Position"] = [f"{half}/embed_positions/embeddings"]
            mapping[f"{side}-Embedding-Norm"] = norm(f"{half}/layernorm_embedding")
            for i in range(count):
                mapping |= _block(f"{side}-Transformer-{i}", f"{half}/layers_{i}")
        return mapping

    def load_variable(self, checkpoint, name):
        value = super().load_variable(checkpoint, name)
        return self.load_embeddings(value[0]) if name == _BIAS else value

    def create_variable(self, name, value):
        value = super().create_variable(name, value)
        return value[None] if name == _BIAS else value

    def checkpoint_shape(self, name, shape):
        if name == _BIAS:
            return (1, self.original_vocab_size)
        return super().checkpoint_shape(name, shape)

    def is_of_tokens(self, name):
        return name == _BIAS or super().is_of_tokens(name)

    @classmethod
    def translate_config(cls, config):
        """Refuse halves of different widths, and read the padding id."""
        for name in ("attention_heads", "ffn_dim"):
            ours, theirs = f"encoder_{name}", f"decoder_{name}"
            if config.get(ours) != config.get(theirs):
                received = {key: config.get(key) for key in (theirs, ours)}
                raise invalid(f"`{theirs}` must equal `{ours}`.", **received)
        if "model_type" in config:
            config["pad_id"] = config.get("pad_token_id", 1)
        return config

    def create_config(self, config):
        names = ("attention_heads", "ffn_dim")
        return config | {f"decoder_{name}": config[f"encoder_{name}"] for name in names}

    original = Original(token_rows=("model/shared/embeddings",), heads=(_BIAS,))
    huggingface = HuggingFace(
        heads={
            "BartForConditionalGeneration": {"with_lm": "linear"},
            "BartModel": {"with_lm": False},
        },
        keys={
            "d_model": "hidden_size",
            "encoder_layers": "num_hidden_layers",
            "decoder_layers": "num_decoder_layers",
            "encoder_attention_heads": "num_attention_heads",
            "encoder_ffn_dim": "intermediate_size",
            "activation_function": "hidden_act",
            "dropout": "dropout_rate",
            "attention_dropout": "attention_dropout_rate",
            "max_position_embeddings": "max_position",
            "init_std": "initializer_range",
        },
        required={
            "add_final_layer_norm": False,
            "do_blenderbot_90_layernorm": False,
            "extra_pos_embeddings": _OFFSET,
            "normalize_before": False,
            "normalize_embedding": True,
            "scale_embedding": False,
            "static_position_embeddings": False,
        },
        required_of_scores={"tie_word_embeddings": True},
        defaults={"max_position_embeddings": 1024},
        ignored=tuple(
            """activation_dropout add_bias_logits classif_dropout classifier_dropout
            decoder_layerdrop encoder_layerdrop num_hidden_layers save_step""".split()
        ),
        translated=("decoder_attention_heads", "decoder_ffn_dim", "pad_token_id"),
        absent=("layer_norm_eps",),
        rules=(
            (r"layers_(\d+)", r"layers.\1"),
            (r"/(kernel|gamma|embeddings)$", "/weight"),
            (r"/beta$", "/bias"),
            ("/", "."),
        ),
        prefix="model.",
        tied={
            "model.shared.weight": (
                "model.encoder.embed_tokens.weight",
                "model.decoder.embed_tokens.weight",
                "lm_head.weight",
            )
        },
    )


def _block(ours, theirs):
    """Return {layer: variables} of a block, by the beginnings of layer and variable names."""
    attentions = {"MultiHeadSelfAttention": "self_attn"}
    if ours.startswith("Decoder"):
        attentions["MultiHeadCrossAttention"] = "encoder_attn"
    mapping = {
        f"{ours}-FeedForward": dense(f"{theirs}/fc1", f"{theirs}/fc2"),
        f"{ours}-FeedForward-Norm": norm(f"{theirs}/final_layer_norm"),
    }
    for layer, name in attentions.items():
        projections = [f"{theirs}/{name}/{x}_proj" for x in ("q", "k", "v", "out")]
        mapping[f"{ours}-{layer}"] = dense(*projections)
        mapping[f"{ours}-{layer}-Norm"] = norm(f"{theirs}/{name}_layer_norm")
    return mapping


class BART_Encoder(Encoder, BART_Base):  # noqa: N801
    """BART's encoder alone: token ids to vectors.

    >>> encoder = BART_Encoder(30, 8, 1, 2, 16, max_position=10)
    >>> encoder.build()
    >>> encoder.model.output.shape
    (None, None, 8)
    """

    original = replace(BART_Base.original, ignored=(_BIAS, "model/decoder/*"))
    huggingface = replace(
        BART_Base.huggingface, heads=dict.fromkeys(BART_Base.huggingface.heads, {})
    )


class BART_Decoder(Decoder, BART_Base):  # noqa: N801
    """BART's decoder alone: the encoder's vectors and token ids to scores.

    >>> decoder = BART_Decoder(30, 8, 1, 2, 16, max_position=10)
    >>> decoder.build()
    >>> decoder.model.output.shape
    (None, None, 30)
    """

    original = replace(BART_Base.original, ignored=("model/encoder/*",))

    def compute_logits(self, x):
        x = self.score_by_token_table(x)
        return self.apply(x, BiasAdd, trainable=False, name="Decoder-Output-LM-Bias")


class BART(EncoderDecoder, BART_Base):
    """BART: `.encoder`, `.decoder`, and `.model` from source and target ids to scores.

    >>> bart = BART(30, 8, 1, 2, 16, max_position=10)
    >>> bart.build()
    >>> [x.name for x in bart.model.inputs], bart.model.output.shape
    (['Encoder-Input-Token', 'Decoder-Input-Token'], (None, None, 30))
    """

    encoder_class = BART_Encoder
    decoder_class = BART_Decoder
