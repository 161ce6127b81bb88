"""ModernBERT: an encoder with rotary positions and sliding windows."""

from kerasx.checks import invalid
from kerasx.layers import AttentionMask, SinusoidalPositionEmbedding
from kerasx.models.families.bert_names import dense
from kerasx.models.families.block_options import NormPosition, ResidualScores, TalkingHeads
from kerasx.models.families.encoder import NextSentence
from kerasx.models.families.input_embeddings import Embeddings, Segments
from kerasx.models.sources import HuggingFace, Original

_FULL, _SLIDING = "full_attention", "sliding_attention"


class ModernBERT(NextSentence, NormPosition, TalkingHeads, ResidualScores, Segments, Embeddings):
    """ModernBERT (arXiv 2412.13663), from Hugging Face folders.

    Rotary positions, norms before the sublayers (except the first attention, whose input is
    normalized already), gated feed-forward networks and no biases. Most blocks attend to a window
    around each token, with a second kind of rotations.

    Args:
        layer_types: for each block "full_attention" or "sliding_attention"; by default every
            `global_attn_every_n_layers`-th one is full, from the first on.
        global_attn_every_n_layers: see `layer_types`.
        local_attention: number of tokens in the window, half of them on each side.
        global_rope_theta, local_rope_theta: bases of the rotations in the two kinds of blocks.
        classifier_activation: activation of the token output.

    >>> modernbert = ModernBERT(30, 8, 1, 2, 16)
    >>> modernbert.build()
    >>> modernbert.model.output.shape
    (None, None, 8)
    """

    applications = ("encoder",)
    p_bias = "rotary_halves"
    attention_options = {"use_bias": False}
    feed_forward_options = {"use_bias": False}
    norm_options = {"offset": False}
    dense_options = {"use_bias": False}

    def __init__(
        self,
        *args,
        hidden_act=("gelu", "linear"),
        layer_types=None,
        global_attn_every_n_layers=3,
        local_attention=128,
        global_rope_theta=160000,
        local_rope_theta=10000,
        classifier_activation="gelu",
        segment_vocab_size=0,
        layer_norm_eps=1e-5,
        norm_position="pre",
        pad_id=50283,
        **kwargs,
    ):
        super().__init__(
            *args,
            hidden_act=list(hidden_act),
            segment_vocab_size=segment_vocab_size,
            layer_norm_eps=layer_norm_eps,
            norm_position=norm_position,
            pad_id=pad_id,
            **kwargs,
        )
        kinds = [_FULL] + [_SLIDING] * (global_attn_every_n_layers - 1)
        blocks = range(self.num_hidden_layers)
        self.layer_types = layer_types or [kinds[i % len(kinds)] for i in blocks]
        self.global_attn_every_n_layers = global_attn_every_n_layers
        self.local_attention = local_attention
        self.global_rope_theta = global_rope_theta
        self.local_rope_theta = local_rope_theta or global_rope_theta
        self.classifier_activation = classifier_activation

    @property
    def mlm_act(self):
        return self.classifier_activation

    def normalize(self, x, name):
        first = name == "Transformer-0-MultiHeadSelfAttention-Norm"
        return x if first else super().normalize(x, name)

    def is_local(self, index):
        """Return whether block `index` attends to a window."""
        return self.layer_types[index] == _SLIDING

    def compute_attention_bias(self, inputs=None):
        """Return the window mask of the block with index `inputs`; None if the block sees all."""
        if not self.is_local(inputs):
            return None
        width = self.local_attention // 2 + 1
        tokens, name = self.inputs[0], "Attention-Mask-Local"
        return self.apply(tokens, AttentionMask, kind="window", width=width, name=name)

    def self_attention(self, x, name, index):
        base = self.local_rope_theta if self.is_local(index) else self.global_rope_theta
        position = self.apply(
            self.simplify([x, self.position_ids]),
            SinusoidalPositionEmbedding,
            output_dim=self.attention_key_size,
            merge_mode="zero",
            base=base,
            name=f"Embedding-Rotary-Position{'-Local' * self.is_local(index)}",
        )
        return self.attention(x, x, name, self.compute_attention_bias(index), position)

    def variable_mapping(self):
        mapping = {
            "Embedding-Token": ["model/embeddings/tok_embeddings"],
            "Embedding-Norm": ["model/embeddings/norm/gamma"],
            "Output-Norm": ["model/final_norm/gamma"],
            "MLM-Dense": ["head/dense/kernel"],
            "MLM-Norm": ["head/norm/gamma"],
            "MLM-Bias": ["decoder/bias"],
        }
        for i in range(self.num_hidden_layers):
            ours, theirs = f"Transformer-{i}-", f"model/layers_{i}"
            attention = [f"{theirs}/attn/{x}" for x in ("query", "key", "value", "Wo")]
            network = [f"{theirs}/mlp/{x}" for x in ("input", "gate", "Wo")]
            mapping |= {
                f"{ours}MultiHeadSelfAttention-Norm": [f"{theirs}/attn_norm/gamma"],
                f"{ours}MultiHeadSelfAttention": dense(*attention, bias=False),
                f"{ours}FeedForward-Norm": [f"{theirs}/mlp_norm/gamma"],
                f"{ours}FeedForward": dense(*network, bias=False),
            }
        return mapping

    @classmethod
    def translate_config(cls, config):
        if "hidden_activation" in config:
            config["hidden_act"] = [config.pop("hidden_activation"), "linear"]
        if "pad_token_id" in config:
            config["pad_id"] = config.pop("pad_token_id")
        rotations = config.pop("rope_parameters", None) or {}
        for kind, name in ((_FULL, "global_rope_theta"), (_SLIDING, "local_rope_theta")):
            rotation = rotations.get(kind) or {}
            if rotation.get("rope_type", "default") != "default" or config.get("rope_scaling"):
                raise invalid(
                    "`rope_parameters` must be of rope_type 'default' in the configuration of a "
                    "`ModernBERT`.",
                    rope_parameters=rotations,
                )
            if "rope_theta" in rotation:
                config[name] = rotation["rope_theta"]
        return config

    def create_config(self, config):
        activation, *gate = self.hidden_act
        if gate == ["linear"]:
            config["hidden_activation"] = activation
        thetas = {_FULL: self.global_rope_theta, _SLIDING: self.local_rope_theta}
        rotations = {k: {"rope_type": "default", "rope_theta": v} for k, v in thetas.items()}
        return {**config, "rope_parameters": rotations}

    original = Original(
        token_rows=("model/embeddings/tok_embeddings", "decoder/bias"),
        heads=("head/*", "decoder/*"),
    )
    huggingface = HuggingFace(
        heads={"ModernBertModel": {}, "ModernBertForMaskedLM": {"with_mlm": "linear"}},
        keys={
            "norm_eps": "layer_norm_eps",
            "mlp_dropout": "dropout_rate",
            "attention_dropout": "attention_dropout_rate",
            "max_position_embeddings": "max_position",
        },
        required={
            "attention_bias": False,
            "mlp_bias": False,
            "norm_bias": False,
        },
        required_of_scores={
            "classifier_bias": False,
            "decoder_bias": True,
            "tie_word_embeddings": True,
        },
        ignored=tuple(
            """classifier_pooling deterministic_flash_attn embedding_dropout
            initializer_cutoff_factor layer_norm_eps reference_compile repad_logits_with_grad
            sparse_pred_ignore_index sparse_prediction""".split()
        ),
        translated=("hidden_activation", "pad_token_id", "rope_parameters", "rope_scaling"),
        absent=("hidden_act",),
        rules=(
            (r"layers_(\d+)", r"layers.\1"),
            (r"attn/query/kernel", "attn/Wqkv/weight[0 of 3]"),
            (r"attn/key/kernel", "attn/Wqkv/weight[1 of 3]"),
            (r"attn/value/kernel", "attn/Wqkv/weight[2 of 3]"),
            (r"mlp/input/kernel", "mlp/Wi/weight[0 of 2]"),
            (r"mlp/gate/kernel", "mlp/Wi/weight[1 of 2]"),
            (r"(kernel|gamma)$", "weight"),
            (r"tok_embeddings$", "tok_embeddings/weight"),
            ("/", "."),
        ),
        prefix="model.",
        tied={"model.embeddings.tok_embeddings.weight": ("decoder.weight",)},
    )
