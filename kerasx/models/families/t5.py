"""T5, in its versions 1.0 and 1.1, and mT5: text to text."""

import itertools
from dataclasses import replace

import keras

from kerasx.checks import check_choice, invalid
from kerasx.layers import RelativePositionEmbeddingT5
from kerasx.models.families.encoder_decoder import Decoder, Encoder, EncoderDecoder, Half
from kerasx.models.leniency import has_own_scores
from kerasx.models.placement import ending
from kerasx.models.sources import HuggingFace, Original

VERSIONS = ("t5.1.0", "t5.1.1", "mt5.1.1")
_SCORES = "decoder/logits/kernel"
_TABLE = "shared.weight"
_TABLES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
# model classes of transformers
_HEADS = {
    "T5ForConditionalGeneration": {"with_lm": "linear"},
    "T5WithLMHeadModel": {"with_lm": "linear"},
    "T5Model": {"with_lm": False},
}
_HEADS |= {f"M{name}": arguments for name, arguments in _HEADS.items()}
_ENCODERS = ("T5EncoderModel", "MT5EncoderModel")


class T5_Base(Half):  # noqa: N801 - bert4keras's way of names
    """Base of T5's halves (arXiv 1910.10683; mT5, arXiv 2010.11934; kexue.fm/archives/7867).

    No biases, RMS normalization of the sublayers' inputs, attention scores not divided by
    sqrt(key_size), and a bias for each bucket of distances, the same in all blocks of a half.

    Args:
        version: "t5.1.0", "t5.1.1" or "mt5.1.1": the variables' names in a TensorFlow checkpoint,
            and the defaults of the next two arguments.
        hidden_act: "relu" in 1.0, gated ["gelu_new", "linear"] in 1.1.
        tie_word_embeddings: logits are products with the token table, as in 1.0.
        scale_decoder_outputs: multiply the decoder's outputs by hidden_size^(-1/2); by default
            where they meet the token table, as the original does. bert4keras always does;
            "scores" does where tokens are scored.
        cross_position_bias: use the decoder's biases also in attention to the source, as
            bert4keras does by default, but not the original.
        relative_attention_num_buckets, relative_attention_max_distance: see
            `RelativePositionEmbeddingT5`.
    """

    norm_position = "pre"
    p_bias = "t5_relative"
    attention_options = {"use_bias": False, "attention_scale": False}
    feed_forward_options = {"use_bias": False}
    norm_options = {"zero_mean": False, "offset": False}

    family = "t5"
    version = "t5.1.0"

    def __init__(
        self,
        *args,
        version=None,
        hidden_act=None,
        tie_word_embeddings=None,
        scale_decoder_outputs=None,
        cross_position_bias=False,
        relative_attention_num_buckets=32,
        relative_attention_max_distance=128,
        layer_norm_eps=1e-6,
        **kwargs,
    ):
        self.version = check_choice("version", version or self.version, VERSIONS)
        first = self.version == "t5.1.0"
        hidden_act = hidden_act or ("relu" if first else ["gelu_new", "linear"])
        super().__init__(*args, hidden_act=hidden_act, layer_norm_eps=layer_norm_eps, **kwargs)
        self.tie_word_embeddings = first if tie_word_embeddings is None else tie_word_embeddings
        check_choice("scale_decoder_outputs", scale_decoder_outputs, (None, False, True, "scores"))
        if scale_decoder_outputs is None:
            scale_decoder_outputs = "scores" if self.tie_word_embeddings else False
        scored = scale_decoder_outputs == "scores"
        self.scale_decoder_outputs = bool(self.with_lm) if scored else scale_decoder_outputs
        self.cross_position_bias = cross_position_bias
        self.relative_attention_num_buckets = relative_attention_num_buckets
        self.relative_attention_max_distance = relative_attention_max_distance

    def layout_rules(self):
        separate = self.with_lm and not self.tie_word_embeddings and self.side != "Encoder"
        scores = {"Decoder-Output-LM/kernel": (-1, "vocab_size")} if separate else {}
        return {**super().layout_rules(), **scores}

    def compute_position_bias(self, inputs=None):
        """Return the biases of the half's self-attention."""
        if self.position_bias is None:
            self.position_bias = self.relative_positions(inputs, inputs)
        return self.position_bias

    def relative_positions(self, query, key):
        """Return the biases (1, h, n, m) of the distances from queries to keys."""
        return self.apply(
            [query, key],
            RelativePositionEmbeddingT5,
            input_dim=self.relative_attention_num_buckets,
            output_dim=self.num_attention_heads,
            max_distance=self.relative_attention_max_distance,
            bidirectional=self.side == "Encoder",
            embeddings_initializer=self.initializer,
            name=f"{self.side}-Embedding-Relative-Position",
        )

    def apply_final_layers(self, inputs):
        """Normalize the last sum; scale the decoder's if `scale_decoder_outputs`."""
        x = super().apply_final_layers(inputs)
        if self.side == "Encoder" or not self.scale_decoder_outputs:
            return x
        scale = self.hidden_size**-0.5
        return self.apply(x, keras.layers.Rescaling, scale=scale, name="Decoder-Output-Scale")

    def variable_mapping(self):
        mt5 = self.version == "mt5.1.1"
        norm, last = ("rms_norm", "rms_norm") if mt5 else ("layer_norm", "final_layer_norm")
        gates = ["wi_0", "wi_1"] if isinstance(self.hidden_act, list) else ["wi"]
        variables = {
            "MultiHeadSelfAttention": [f"SelfAttention/{x}" for x in "qkvo"],
            "MultiHeadCrossAttention": [f"EncDecAttention/{x}" for x in "qkvo"],
            "FeedForward": [f"DenseReluDense/{x}/kernel" for x in (*gates, "wo")],
        }
        mapping = {"Embedding-Token": ["shared/embedding"]}
        if not self.tie_word_embeddings:
            mapping["Decoder-Output-LM"] = [_SCORES]
        blocks = {"Encoder": self.num_encoder_layers, "Decoder": self.num_decoder_layers}
        for side, count in blocks.items():
            half = side.lower()
            bias = f"{half}/block_000/layer_000/SelfAttention/relative_attention_bias"
            mapping[f"{side}-Embedding-Relative-Position"] = [bias]
            mapping[f"{side}-Output-Norm"] = [f"{half}/{last}/scale"]
            sublayers = [x for x in variables if side == "Decoder" or "Cross" not in x]
            for i, (j, x) in itertools.product(range(count), enumerate(sublayers)):
                theirs = f"{half}/block_{i:03d}/layer_{j:03d}"
                layer = f"{side}-Transformer-{i}-{x}"
                mapping[layer] = [f"{theirs}/{v}" for v in variables[x]]
                mapping[f"{layer}-Norm"] = [f"{theirs}/{norm}/scale"]
        return mapping

    def translated(self, checkpoint, ignore=()):
        """Refuse a file whose token table and logits are tied in another way than the model's."""
        tied = self.arguments_in(checkpoint).get("tie_word_embeddings", self.tie_word_embeddings)
        if self.scores_tokens and tied != self.tie_word_embeddings:
            raise invalid(
                f"`tie_word_embeddings` must be {tied}: the checkpoint has "
                f"{'no' if tied else 'a'} separate `lm_head.weight`.",
                tie_word_embeddings=self.tie_word_embeddings,
            )
        return super().translated(checkpoint, ignore)

    @classmethod
    def arguments_in(cls, checkpoint):
        """Tell whether logits are products with the token table."""
        if ending(checkpoint, _TABLE, *_TABLES):
            separate = has_own_scores(checkpoint, "lm_head.weight", _TABLE, *_TABLES)
        elif ending(checkpoint, "shared/embedding"):
            separate = bool(ending(checkpoint, _SCORES))
        else:
            return {}
        return {"tie_word_embeddings": not separate}

    @classmethod
    def translate_config(cls, config):
        """Read the activation, and whether the decoder's outputs are scaled.

        "gated-gelu" is the tanh form of GELU. Files of transformers 4 say by tie_word_embeddings
        whether outputs are scaled, and transformers 5 always writes it as true.
        """
        if "model_type" in config:
            second = config["model_type"] == "mt5"
            default = "gated-gelu" if second else "relu"
            gated, _, name = config.pop("feed_forward_proj", default).rpartition("-")
            name = "gelu_new" if gated and name == "gelu" else name
            config["hidden_act"] = [name, "linear"] if gated else name
            config["pad_id"] = config.get("pad_token_id", 0)
            scaled = not second and config.get("tie_word_embeddings", True)
            scaled = config.get("scale_decoder_outputs", scaled)
            config["scale_decoder_outputs"] = "scores" if scaled else False
        return config

    def create_config(self, config):
        name = config.pop("hidden_act")
        if isinstance(name, list):
            name = f"gated-{name[0]}".replace("gelu_new", "gelu")
        kind = "mt5" if self.version == "mt5.1.1" else "t5"
        return {**config, "feed_forward_proj": name, "model_type": kind}

    original = Original(
        token_rows=("shared/embedding",),
        token_columns=(_SCORES,),
        transposed=("*relative_attention_bias",),
        heads=(_SCORES,),
    )
    huggingface = HuggingFace(
        heads=_HEADS,
        keys={
            "dropout_rate": "dropout_rate",
            "hidden_dropout_prob": "dropout_rate",
            "attention_probs_dropout_prob": "attention_dropout_rate",
            "d_model": "hidden_size",
            "d_kv": "attention_head_size",
            "d_ff": "intermediate_size",
            "num_layers": "num_hidden_layers",
            "num_heads": "num_attention_heads",
            "layer_norm_epsilon": "layer_norm_eps",
        },
        ignored=tuple(
            """classifier_dropout initializer_factor dense_act_fn is_gated_act n_positions
            max_position max_position_embeddings""".split()
        ),
        translated=("feed_forward_proj", "pad_token_id"),
        rules=(
            (r"^(encoder|decoder)/rms_norm", r"\1/final_layer_norm"),
            (r"rms_norm", "layer_norm"),
            (r"^decoder/logits", "lm_head"),
            (r"(block|layer)_0*(\d+)", r"\1/\2"),
            (r"/(kernel|scale|embedding)$", "/weight"),
            (r"/([qkvo]|relative_attention_bias)$", r"/\1/weight"),
            ("/", "."),
        ),
        transposed=("*kernel", "*/[qkvo]", "*relative_attention_bias"),
        tied={_TABLE: (*_TABLES, "lm_head.weight")},
        optional=("*EncDecAttention?relative_attention_bias*",),
    )


class T5_Encoder(Encoder, T5_Base):  # noqa: N801
    """T5's encoder alone: token ids to vectors.

    >>> encoder = T5_Encoder(30, 8, 1, 2, 16)
    >>> encoder.build()
    >>> encoder.model.output.shape
    (None, None, 8)
    """

    original = replace(T5_Base.original, ignored=("decoder/*",))
    huggingface = replace(T5_Base.huggingface, heads=dict.fromkeys((*_HEADS, *_ENCODERS), {}))


class T5_Decoder(Decoder, T5_Base):  # noqa: N801
    """T5's decoder alone: the encoder's vectors and token ids to scores.

    >>> decoder = T5_Decoder(30, 8, 1, 2, 16)
    >>> decoder.build()
    >>> decoder.model.output.shape
    (None, None, 30)
    """

    original = replace(T5_Base.original, ignored=("encoder/*",))

    def cross_attention(self, x, name, index):
        if not self.cross_position_bias:
            return self.attention(x, self.context, name)
        if self.cross_bias is None:
            self.cross_bias = self.relative_positions(x, self.context)
        return self.attention(x, self.context, name, position=self.cross_bias)

    def compute_logits(self, x):
        if self.tie_word_embeddings:
            return self.score_by_token_table(x)
        return self.apply(
            x,
            keras.layers.Dense,
            units=self.vocab_size,
            use_bias=False,
            kernel_initializer=self.initializer,
            name="Decoder-Output-LM",
        )


class T5(EncoderDecoder, T5_Base):
    """T5 and mT5: `.encoder`, `.decoder`, and `.model` from source and target ids to scores.

    >>> t5 = T5(30, 8, 1, 2, 16, version="t5.1.1")
    >>> t5.build()
    >>> [x.name for x in t5.model.inputs], t5.model.output.shape
    (['Encoder-Input-Token', 'Decoder-Input-Token'], (None, None, 30))
    """

    encoder_class = T5_Encoder
    decoder_class = T5_Decoder
    huggingface = replace(
        T5_Base.huggingface,
        heads={**_HEADS, **dict.fromkeys(_ENCODERS, {"model": "t5_encoder"})},
    )

    def __init__(self, *args, version=None, **kwargs):
        super().__init__(*args, version=version or self.version, **kwargs)


def _of_version(cls, version):
    """Return a subclass with another default version."""
    return type(cls.__name__, (cls,), {"__doc__": cls.__doc__, "version": version})


# bert4keras's names: a version, or "t5" for the first, and a half
T5_MODELS = {}
for cls, half in ((T5, ""), (T5_Encoder, "_encoder"), (T5_Decoder, "_decoder")):
    T5_MODELS |= {f"{name}{half}": cls for name in ("t5", VERSIONS[0])}
    T5_MODELS |= {f"{name}{half}": _of_version(cls, name) for name in VERSIONS[1:]}
T5_MODELS["mt5"] = T5_MODELS["mt5.1.1"]
