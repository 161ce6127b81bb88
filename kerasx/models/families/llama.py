"""Llama, and what its relatives share with it."""

from kerasx.layers import Embedding
from kerasx.models.families.gpt import GPT
from kerasx.models.families.roformer import RoFormer

__all__ = ["Llama"]


class Llama(GPT, RoFormer):
    """Llama 1 to 3 (arXiv 2302.13971, 2307.09288, 2407.21783): what a decoder has become.

    Root mean square norms come first, queries and keys turn by halves, several query heads share a
    key and value head, the feed-forward network is gated by SiLU, nothing has a bias, and nothing
    is padding.

    Args:
        hidden_act: of the gate; a list names both activations.
        num_key_value_heads: key and value heads; as many as query heads by default.
        attention_use_bias, feed_forward_use_bias: biases in their projections.
        tie_word_embeddings: the scores go through the transposed token table, instead of a table
            of their own ("Output-LM").

    >>> llama = Llama(30, 8, 1, 2, 16, num_key_value_heads=1, final_activation="linear")
    >>> llama.build()
    >>> llama.model.output.shape
    (None, None, 30)
    """

    applications = ("lm",)
    removed_arguments = (
        *GPT.removed_arguments,
        "hierarchical_position",
        "norm_position",
        "segment_vocab_size",
        "shared_segment_embeddings",
    )
    p_bias = "rotary_halves"
    norm_options = {"zero_mean": False, "offset": False}
    qk_norm = False  # queries and keys are normalized too

    config_names = {
        "attention_bias": "attention_use_bias",
        "attention_dropout": "attention_dropout_rate",
        "head_dim": "attention_head_size",
        "max_position_embeddings": "max_position",
        "mlp_bias": "feed_forward_use_bias",
        "rms_norm_eps": "layer_norm_eps",
    }
    required_config = {}
    ignored_config = tuple(
        "layer_types max_window_layers pretraining_tp sliding_window use_sliding_window".split()
    )
    architectures = {
        "LlamaModel": {"final_activation": None},
        "LlamaForCausalLM": {"final_activation": "linear"},
    }

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

    huggingface_type = None

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
        own = {"norm_position": "pre", "segment_vocab_size": 0, "layer_norm_eps": layer_norm_eps}
        gated = hidden_act if isinstance(hidden_act, (list, tuple)) else [hidden_act, "linear"]
        super().__init__(*args, hidden_act=list(gated), pad_id=pad_id, **own, **kwargs)
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

    def score_tokens(self, x):
        if self.tie_word_embeddings:
            return super().score_tokens(x)
        return self.apply(
            x,
            Embedding,
            arguments={"mode": "dense"},
            input_dim=self.vocab_size,
            output_dim=self.hidden_size,
            embeddings_initializer=self.initializer,
            name="Output-LM",
        )

    token_variables = ("model/embed_tokens/embeddings", "lm_head/embeddings")

    def variable_mapping(self):
        def dense(place, names, biased):
            return [f"{place}/{n}/{w}" for n in names for w in ["kernel", "bias"][: 1 + biased]]

        out_bias = self.attention_options.get("out_bias", self.attention_use_bias)
        mapping = {
            "Embedding-Token": ["model/embed_tokens/embeddings"],
            "Output-Norm": ["model/norm/gamma"],
            "Output-LM": ["lm_head/embeddings"],
        }
        for i in range(self.num_hidden_layers):
            ours, theirs = f"Transformer-{i}-", f"model/layers_{i}"
            attention, mlp = f"{theirs}/self_attn", f"{theirs}/mlp"
            mapping |= {
                f"{ours}MultiHeadSelfAttention-Norm": [f"{theirs}/input_layernorm/gamma"],
                f"{ours}MultiHeadSelfAttention": [
                    *dense(attention, ("q_proj", "k_proj", "v_proj"), self.attention_use_bias),
                    *dense(attention, ("o_proj",), out_bias),
                    *[f"{attention}/{x}_norm/gamma" for x in "qk" if self.qk_norm],
                ],
                f"{ours}FeedForward-Norm": [f"{theirs}/post_attention_layernorm/gamma"],
                f"{ours}FeedForward": dense(
                    mlp, ("gate_proj", "up_proj", "down_proj"), self.feed_forward_use_bias
                ),
            }
        return mapping

    huggingface_prefix = "model."
    huggingface_transposed = ("*kernel",)
    huggingface_rules = (
        (r"layers_(\d+)", r"layers.\1"),
        (r"(kernel|gamma|embeddings)$", "weight"),
        ("/", "."),
    )
    # tied scores are written by some, and a model without scores may read a folder with them
    optional_variables = ("lm_head.*", "lm_head/*")


def _check_windows(config):
    """Attention in windows is another graph."""
    on = config.get("use_sliding_window") and config.get("sliding_window")
    kinds = config.get("layer_types") or ["sliding_attention" if on else "full_attention"]
    if set(kinds) != {"full_attention"}:
        raise ValueError(
            "`layer_types` must all be 'full_attention': sliding windows are not built. Texts no "
            "longer than the window need none: set use_sliding_window to false and leave "
            f"layer_types out. Received: layer_types={kinds}"
        )


# the kinds of rotation of transformers that are built, and what they ask for
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
    """The keys `rope_*` of all versions of transformers as `rotary_base`, `rotary_scaling`."""
    names = ("rope_theta", "rope_scaling", "rope_parameters")
    theta, *parameters = (config.pop(name, None) for name in names)
    rope = {k: v for found in parameters for k, v in (found or {}).items()}
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind not in _ROTATIONS or rope.get("partial_rotary_factor", 1) != 1:
        raise ValueError(
            f"`rope_parameters` must be of a rope_type among {list(_ROTATIONS)}, and turn all of a "
            f"head. Received: rope_parameters={rope}"
        )
    base = rope.get("rope_theta", theta)
    config |= {} if base is None else {"rotary_base": base}
    if kind == "default":
        return config
    scaling = {k.replace("max_position_embeddings", "length"): rope[k] for k in _ROTATIONS[kind]}
    return config | {"rotary_scaling": {"type": kind, **scaling}}
