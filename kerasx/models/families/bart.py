"""BART: encoder and decoder in BERT's manner."""

from kerasx.layers import BiasAdd, Embedding, PositionEmbedding
from kerasx.models.families.encoder_decoder import Decoder, Encoder, EncoderDecoder, Half

__all__ = ["BART", "BART_Decoder", "BART_Encoder"]

_OFFSET = 2  # rows of the position table before that of the first place


class BART_Base(Half):
    """What BART's halves share (arXiv 1910.13461): trained positions, normalized embeddings and
    sums, biases everywhere, scores through the token table and a bias that is not trained.

    Also Chinese BART, with BERT's vocabulary (arXiv 2109.05729).

    Args:
        hidden_act, layer_norm_eps, max_position: as in `BERT`.
    """

    family = "bart"
    starts_with_end = True
    removed_arguments = (*Half.removed_arguments, "norm_position")
    config_names = {
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
    }
    required_config = {
        "add_final_layer_norm": False,
        "extra_pos_embeddings": _OFFSET,
        "normalize_before": False,
        "normalize_embedding": True,
        "scale_embedding": False,
        "static_position_embeddings": False,
        "tie_word_embeddings": True,
    }
    ignored_config = tuple(
        """activation_dropout add_bias_logits classif_dropout classifier_dropout
        decoder_attention_heads decoder_ffn_dim decoder_layerdrop decoder_start_token_id
        early_stopping encoder_layerdrop forced_bos_token_id forced_eos_token_id
        force_bos_token_to_be_generated length_penalty max_length min_length
        no_repeat_ngram_size num_beams num_hidden_layers prefix save_step""".split()
    )

    def create_config(self, config):
        names = ("attention_heads", "ffn_dim")
        return config | {f"decoder_{name}": config[f"encoder_{name}"] for name in names}

    @classmethod
    def translate_config(cls, config):
        """Halves of different widths cannot be built."""
        for ours, theirs in (
            ("encoder_attention_heads", "decoder_attention_heads"),
            ("encoder_ffn_dim", "decoder_ffn_dim"),
        ):
            if config.get(ours) != config.get(theirs):
                raise ValueError(
                    f"`{theirs}` must equal `{ours}`. "
                    f"Received: {theirs}={config.get(theirs)}, {ours}={config.get(ours)}"
                )
        if "model_type" in config:
            config["pad_id"] = config.get("pad_token_id", 1)
        return config

    def __init__(self, *args, layer_norm_eps=1e-5, pad_id=1, **kwargs):
        super().__init__(*args, layer_norm_eps=layer_norm_eps, pad_id=pad_id, **kwargs)

    def embed_positions(self, x, positions=None):
        x = self.apply(
            x,
            PositionEmbedding,
            input_dim=self.max_position + _OFFSET,
            output_dim=self.embedding_size,
            offset=_OFFSET,
            embeddings_initializer=self.embeddings_initializer,
            name=f"{self.side}-Embedding-Position",
        )
        return self.normalize(x, f"{self.side}-Embedding-Norm")

    def variable_mapping(self):
        def norm(name):
            return [f"{name}/beta", f"{name}/gamma"]

        def dense(*names):
            return [f"{name}/{x}" for name in names for x in ("kernel", "bias")]

        mapping = {
            "Embedding-Token": ["model/shared/embeddings"],
            "Decoder-Output-LM-Bias": ["final_logits_bias"],
        }
        # {sublayer: (where its projections lie, its normalization)}
        attention = {
            "MultiHeadSelfAttention": "self_attn",
            "MultiHeadCrossAttention": "encoder_attn",
        }
        blocks = {"Encoder": self.num_encoder_layers, "Decoder": self.num_decoder_layers}
        for side, count in blocks.items():
            half = f"model/{side.lower()}"
            mapping[f"{side}-Embedding-Position"] = [f"{half}/embed_positions/embeddings"]
            mapping[f"{side}-Embedding-Norm"] = norm(f"{half}/layernorm_embedding")
            for i in range(count):
                layer, theirs = f"{side}-Transformer-{i}", f"{half}/layers_{i}"
                for ours, name in list(attention.items())[: 1 + (side == "Decoder")]:
                    at = f"{theirs}/{name}"
                    projections = (f"{at}/{x}_proj" for x in ("q", "k", "v", "out"))
                    mapping[f"{layer}-{ours}"] = dense(*projections)
                    mapping[f"{layer}-{ours}-Norm"] = norm(f"{at}_layer_norm")
                mapping[f"{layer}-FeedForward"] = dense(f"{theirs}/fc1", f"{theirs}/fc2")
                mapping[f"{layer}-FeedForward-Norm"] = norm(f"{theirs}/final_layer_norm")
        return mapping

    token_variables = ("model/shared/embeddings",)
    optional_variables = (
        "final_logits_bias",
        "lm_head.weight",
        "*encoder.embed_tokens.weight",
        "*decoder.embed_tokens.weight",
    )
    huggingface_prefix = "model."
    huggingface_rules = (
        (r"layers_(\d+)", r"layers.\1"),
        (r"/(kernel|gamma|embeddings)$", "/weight"),
        (r"/beta$", "/bias"),
        ("/", "."),
    )

    def load_variable(self, checkpoint, name):
        value = super().load_variable(checkpoint, name)
        return self.load_embeddings(value[0]) if name == "final_logits_bias" else value

    def create_variable(self, name, value):
        value = super().create_variable(name, value)
        return value[None] if name == "final_logits_bias" else value

    def checkpoint_shape(self, name, shape):
        if name == "final_logits_bias":
            return (1, self.original_vocab_size)
        return super().checkpoint_shape(name, shape)


class BART_Encoder(Encoder, BART_Base):
    """BART's encoder alone: token ids to vectors.

    >>> encoder = BART_Encoder(30, 8, 1, 2, 16, max_position=10)
    >>> encoder.build()
    >>> encoder.model.output.shape
    (None, None, 8)
    """

    architectures = dict.fromkeys(("BartForConditionalGeneration", "BartModel"), {})
    optional_variables = (*BART_Base.optional_variables, "model/decoder/*")


class BART_Decoder(Decoder, BART_Base):
    """BART's decoder alone: the encoder's vectors and token ids to scores.

    >>> decoder = BART_Decoder(30, 8, 1, 2, 16, max_position=10)
    >>> decoder.build()
    >>> decoder.model.output.shape
    (None, None, 30)
    """

    architectures = {
        "BartForConditionalGeneration": {"with_lm": "linear"},
        "BartModel": {"with_lm": False},
    }
    optional_variables = (*BART_Base.optional_variables, "model/encoder/*")

    def score_tokens(self, x):
        x = self.apply(x, Embedding, arguments={"mode": "dense"}, name="Embedding-Token")
        x = self.apply(x, BiasAdd, trainable=False, name="Decoder-Output-LM-Bias")
        return self.activate(x)


class BART(EncoderDecoder, BART_Base):
    """BART: `.encoder`, `.decoder`, and `.model` from source and target ids to scores.

    >>> bart = BART(30, 8, 1, 2, 16, max_position=10)
    >>> bart.build()
    >>> [x.name for x in bart.model.inputs], bart.model.output.shape
    (['Encoder-Input-Token', 'Decoder-Input-Token'], (None, None, 30))
    """

    encoder_class = BART_Encoder
    decoder_class = BART_Decoder
    architectures = BART_Decoder.architectures
