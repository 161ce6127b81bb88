"""One row for each model family: how to build a tiny one, and what it can do."""

from dataclasses import dataclass, field

from kerasx.models.families import MODELS

SIZES = {
    "vocab_size": 24,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position": 24,
    "hidden_act": "gelu",
}


@dataclass
class Row:
    """A family under contract.

    config: what differs from SIZES; None removes a key.
    head: arguments that give an encoder a score for each token.
    applications: those of the family's own that are tried.
    pads: whether the family masks padding (id `pad_id`); if not, it must be causal.
    """

    config: dict = field(default_factory=dict)
    head: dict = field(default_factory=lambda: {"with_mlm": "linear"})
    applications: tuple = ("encoder", "lm", "unilm")
    pads: bool = True
    pad_id: int = 0

    def options(self):
        return {k: v for k, v in {**SIZES, **self.config}.items() if v is not None}


FAMILIES = {
    "bert": Row(),
    "albert": Row({"embedding_size": 4}),
    "albert_unshared": Row({"embedding_size": 4}, applications=("encoder", "unilm")),
    "deberta-v2": Row(
        {
            "relative_attention": True,
            "pos_att_type": "p2c|c2p",
            "position_buckets": 4,
            "norm_rel_ebd": "layer_norm",
            "conv_kernel_size": 3,
        },
        applications=("encoder",),
    ),
    "distilbert": Row({"hidden_act": "swish"}, applications=("encoder", "lm")),
    "electra": Row({"embedding_size": 4}, applications=("encoder",)),
    "gpt": Row(head={"final_activation": "linear"}, applications=("lm", "unilm")),
    "gpt2": Row(head={"final_activation": "linear"}, applications=("lm",)),
    "gpt2_ml": Row(
        {"num_hidden_layers": 1}, head={"final_activation": "linear"}, applications=("lm",)
    ),
    "llama": Row(
        {"hidden_act": "silu", "tie_word_embeddings": True},
        head={"final_activation": "linear"},
        applications=("lm",),
        pads=False,
    ),
    "modernbert": Row(
        {
            "hidden_size": 16,
            "hidden_act": ["gelu", "linear"],
            "global_attn_every_n_layers": 2,
            "local_attention": 4,
            "pad_id": 2,
        },
        applications=("encoder",),
        pad_id=2,
    ),
    "nezha": Row({"max_relative_position": 3}),
    "qwen2": Row(
        {"hidden_act": "silu", "num_key_value_heads": 1, "num_hidden_layers": 1},
        head={"final_activation": "linear"},
        applications=("lm",),
        pads=False,
    ),
    "qwen3": Row(
        {"hidden_act": "silu", "num_key_value_heads": 1, "attention_head_size": 6},
        head={"final_activation": "linear"},
        applications=("lm",),
        pads=False,
    ),
    "roberta": Row({"max_position": 26}, applications=("encoder", "lm"), pad_id=1),
    "roformer": Row(),
    "roformer_v2": Row({"embedding_size": 6}),
    "gau_alpha": Row({"num_attention_heads": None, "hidden_act": "swish", "attention_key_size": 4}),
}


# those of two sequences, for test_encoder_decoder.py: what differs from SIZES
ENCODER_DECODERS = {
    "t5.1.0": {"max_position": None, "hidden_act": "relu", "cross_position_bias": True},
    "t5.1.1": {"max_position": None, "hidden_act": ["gelu", "linear"], "num_decoder_layers": 1},
    "bart": {"num_decoder_layers": 1},
}


def test_every_family_has_a_row():
    def family(name):
        return MODELS[name].family or MODELS[name].__name__

    rows = {family(name) for name in (*FAMILIES, *ENCODER_DECODERS)}
    assert not {family(name) for name in MODELS} - rows
