"""Llama: a causal language model with rotary positions and gated networks."""

from kerasx.checks import check_number, invalid
from kerasx.layers import Embedding
from kerasx.models.families.bert_names import dense
from kerasx.models.families.gpt import LanguageModel
from kerasx.models.families.roformer import Rotary
from kerasx.models.leniency import has_own_scores
from kerasx.models.sources import HuggingFace, Original

_TABLE, _SCORES = "model.embed_tokens.weight", "lm_head.weight"


def causal_heads(name):
    """Return the model classes of transformers for a causal language model, see `HuggingFace`."""
    logits = {"final_activation": "linear"}
    return {f"{name}Model": {"final_activation": None}, f"{name}ForCausalLM": logits}


class Llama(Rotary, LanguageModel):
    """Llama 1 to 3 (arXiv 2302.13971, 2307.09288, 2407.21783).

    RMS normalization of the sublayers' inputs, rotary positions by halves, several query heads for
    each key and value head, feed-forward networks gated by SiLU, no biases and no padding.

    Args:
        hidden_act: activation of the gate; a list names both activations.
        num_key_value_heads: key and value heads; as many as query heads by default.
        attention_use_bias, feed_forward_use_bias: biases in their projections.
        tie_word_embeddings: logits are products with the token table, instead of a second table
            ("Output-LM").

    >>> llama = Llama(30, 8, 1, 2, 16, num_key_value_heads=1, final_activation="linear")
    >>> llama.build()
    >>> llama.model.output.shape
    (None, None, 30)
    """

    applications = ("lm",)
    norm_position = "pre"
    p_bias = "rotary_halves"
    norm_options = {"zero_mean": False, "offset": False}
    qk_norm = False  # whether queries and keys are normalized

    def __init__(
        self,
        *args,
        hidden_act="silu",
        num_key_value_heads=None,
        attention_use_bias=False,
        feed_forward_use_bias=False,
        tie_word_embeddings=False,
        layer_norm_eps=1e-6,
        pad_id=None,
        **kwargs,
    ):
        gated = hidden_act if isinstance(hidden_act, (list, tuple)) else [hidden_act, "linear"]
        options = {"hidden_act": list(gated), "layer_norm_eps": layer_norm_eps, "pad_id": pad_id}
        super().__init__(*args, **options, **kwargs)
        self.num_key_value_heads = num_key_value_heads or self.num_attention_heads
        self.attention_use_bias = attention_use_bias
        self.feed_forward_use_bias = feed_forward_use_bias
        self.tie_word_embeddings = tie_word_embeddings
        self.feed_forward_options = {"use_bias": feed_forward_use_bias}
        self.attention_options = {
            "kv_heads": self.num_key_value_heads,
            "use_bias": attention_use_bias,
            "qk_norm": layer_norm_eps if self.qk_norm else None,
            **self.attention_options,
        }

    def layout_rules(self):
        return {
            r"[^/]*Attention/[kv]_dense/(kernel|bias)": (-1, "num_key_value_heads"),
            **super().layout_rules(),
        }

    def compute_logits(self, x):
        if self.tie_word_embeddings:
            return super().compute_logits(x)
        return self.apply(
            x,
            Embedding,
            arguments={"mode": "dense"},
            input_dim=self.vocab_size,
            output_dim=self.hidden_size,
            embeddings_initializer=self.initializer,
            name="Output-LM",
        )

    def variable_mapping(self):
        mapping = {
            "Embedding-Token": ["model/embed_tokens/embeddings"],
            "Output-Norm": ["model/norm/gamma"],
        }
        if not self.tie_word_embeddings:
            mapping["Output-LM"] = ["lm_head/embeddings"]
        for i in range(self.num_hidden_layers):
            ours, theirs = f"Transformer-{i}-", f"model/layers_{i}"
            network = [f"{theirs}/mlp/{x}_proj" for x in ("gate", "up", "down")]
            mapping |= {
                f"{ours}MultiHeadSelfAttention-Norm": [f"{theirs}/input_layernorm/gamma"],
                f"{ours}MultiHeadSelfAttention": self._attention_variables(f"{theirs}/self_attn"),
                f"{ours}FeedForward-Norm": [f"{theirs}/post_attention_layernorm/gamma"],
                f"{ours}FeedForward": dense(*network, bias=self.feed_forward_use_bias),
            }
        return mapping

    def _attention_variables(self, place):
        out_bias = self.attention_options.get("out_bias", self.attention_use_bias)
        projections = [f"{place}/{x}_proj" for x in "qkv"]
        return [
            *dense(*projections, bias=self.attention_use_bias),
            *dense(f"{place}/o_proj", bias=out_bias),
            *[f"{place}/{x}_norm/gamma" for x in "qk" if self.qk_norm],
        ]

    @classmethod
    def arguments_in(cls, checkpoint):
        """Tell that scores have a table of their own, whatever the configuration says."""
        separate = has_own_scores(checkpoint, _SCORES, _TABLE.removeprefix("model."))
        return {"tie_word_embeddings": False} if separate else {}

    @classmethod
    def translate_config(cls, config):
        _check_windows(config)
        return _with_rotation(config)

    def create_config(self, config):
        activation, *gate = self.hidden_act
        scaling = dict(self.rotary_scaling or {"type": "default"})
        rope = {"rope_theta": self.rotary_base, "rope_type": scaling.pop("type")}
        rope |= {k.replace("length", "max_position_embeddings"): v for k, v in scaling.items()}
        act = {"hidden_act": activation} if gate == ["linear"] else {}
        return {**config, **act, "rope_parameters": rope}

    original = Original(
        token_rows=("model/embed_tokens/embeddings", "lm_head/embeddings"),
        heads=("lm_head/*",),
    )
    huggingface = HuggingFace(
        heads=causal_heads("Llama"),
        keys={
            "attention_bias": "attention_use_bias",
            "attention_dropout": "attention_dropout_rate",
            "head_dim": "attention_head_size",
            "max_position_embeddings": "max_position",
            "mlp_bias": "feed_forward_use_bias",
            "rms_norm_eps": "layer_norm_eps",
        },
        ignored=("pretraining_tp",),
        translated=tuple(
            """layer_types max_window_layers original_max_position_embeddings partial_rotary_factor
            rope_parameters rope_scaling rope_theta sliding_window use_sliding_window""".split()
        ),
        rules=(
            (r"layers_(\d+)", r"layers.\1"),
            (r"(kernel|gamma|embeddings)$", "weight"),
            ("/", "."),
        ),
        prefix="model.",
        tied={_TABLE: (_SCORES,)},
    )


def _check_windows(config):
    """Refuse attention in windows, which is another graph."""
    window = config.get("use_sliding_window") and config.get("sliding_window", True)
    first, count = config.get("max_window_layers", 28), config.get("num_hidden_layers", 0)
    all_full = isinstance(first, int) and isinstance(count, int) and first >= count
    kinds = ["sliding_attention" if window and not all_full else "full_attention"]
    kinds = config.get("layer_types") or kinds
    if set(kinds) != {"full_attention"}:
        raise invalid(
            "`layer_types` must all be 'full_attention': sliding windows are not built. Texts no "
            "longer than the window need none: set use_sliding_window to false and leave "
            "layer_types out.",
            layer_types=kinds,
        )


# the rotations of transformers that are built, with the keys that each needs
_ROTATIONS = {
    "default": (),
    "linear": ("factor",),
    "llama3": (
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
    ),
}


def _with_rotation(config):
    """Replace `rope_*` of any version of transformers by `rotary_base`, `rotary_scaling`."""
    rope = _rotation(config)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind not in _ROTATIONS or rope.get("partial_rotary_factor") not in (None, 1):
        raise invalid(
            f"`rope_parameters` must be of a rope_type among {list(_ROTATIONS)}, and turn all of a "
            "head.",
            rope_parameters=rope,
        )
    base = rope.get("rope_theta")
    config |= {} if base is None else {"rotary_base": check_number("rope_theta", base, above=0)}
    if kind == "default":
        return config
    scaling = {name: check_number(name, rope.get(name), above=0) for name in _ROTATIONS[kind]}
    scaling = {k.replace("max_position_embeddings", "length"): v for k, v in scaling.items()}
    return config | {"rotary_scaling": {"type": kind, **scaling}}


def _rotation(config):
    """Take the rotation's parameters out of the configuration, each from where it may stand."""
    outer = ("rope_theta", "partial_rotary_factor", "original_max_position_embeddings")
    outer = {name: config.pop(name, None) for name in outer}
    scaling, parameters = config.pop("rope_scaling", None), config.pop("rope_parameters", None)
    rope = scaling or parameters or {}
    if not isinstance(rope, dict):
        raise invalid("`rope_parameters` must be an object.", rope_parameters=rope)
    rope = rope.get("full_attention") or rope
    length = "original_max_position_embeddings"
    outer[length] = outer[length] or config.get("max_position_embeddings")
    return {**outer, **{k: v for k, v in rope.items() if v is not None}}
