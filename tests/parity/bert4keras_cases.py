"""Cases compared with bert4keras: {model name: {case: arguments of build_transformer_model}}.

A case's arguments are added to BASE and to its model's `DEFAULTS`; None takes one away. They are
given to both libraries, and stored as JSON.
"""

BASE = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "hidden_act": "gelu",
    "max_position": 6,
}
# {model name: what all its cases share}
DEFAULTS = {
    "albert": {"embedding_size": 4},
    "albert_unshared": {"embedding_size": 4},
    "electra": {"embedding_size": 4},
}
# bert4keras scales the outputs of every decoder, and adds its biases in attention to the source
T5 = {
    "max_position": None,
    "attention_head_size": 3,
    "hidden_act": ["gelu", "linear"],
    "scale_decoder_outputs": True,
    "cross_position_bias": True,
}
T5_NAMES = ("t5.1.0", "t5.1.1", "mt5.1.1", "t5.1.1_encoder", "t5.1.1_decoder")
DEFAULTS |= {name: T5 for name in T5_NAMES}
DEFAULTS["t5.1.0"] = T5 | {"hidden_act": "relu"}
KEPT_TOKENS = [0, 5, 1, 7, 9, 10, 11, 3]
COMPOUNDS = [[1, 2], [[3, 4, 5], [0.2, 0.3, 0.5]]]
# what every family inherits from the builder
COMMON = {
    "encoder": {},
    "lm": {"application": "lm"},
    "unilm": {"application": "unilm"},
    "mlm": {"with_mlm": True},
    "keep_tokens": {"with_mlm": "linear", "keep_tokens": KEPT_TOKENS},
    "compound_tokens": {
        "with_mlm": "linear",
        "keep_tokens": KEPT_TOKENS[:6],
        "compound_tokens": COMPOUNDS,
    },
    "layer_norm_cond": {"layer_norm_cond": 3},
}
ROFORMER = {
    "custom_position_ids": {"custom_position_ids": True},
    "attention_key_size": {"attention_key_size": 6},
    "no_segments": {"segment_vocab_size": 0, "with_mlm": "linear"},
}
DEFAULTS["gau_alpha"] = {"attention_key_size": 4, "hidden_act": "swish"}
# families that are language models without an application
GPT = {
    "encoder": {},
    "logits": {"final_activation": "linear"},
    "keep_tokens": {"keep_tokens": KEPT_TOKENS[:6], "compound_tokens": COMPOUNDS},
    "hierarchical_position": {"hierarchical_position": True},
    "layer_norm_cond": {"layer_norm_cond": 3},
}
CASES = {
    "bert": COMMON
    | {
        "pool": {"with_pool": True},
        "pool_linear": {"with_pool": "linear"},
        "nsp": {"with_nsp": True},
        "nsp_and_mlm_logits": {"with_nsp": True, "with_mlm": "linear"},
        "hierarchical_position": {"hierarchical_position": True},
        "custom_position_ids": {"custom_position_ids": True},
        "residual_attention_scores": {"residual_attention_scores": True},
        "attention_key_size": {"attention_key_size": 3},
        "embedding_size": {"embedding_size": 4, "with_mlm": "linear"},
        "no_segments": {"segment_vocab_size": 0},
        "layer_norm_cond_hidden": {
            "layer_norm_cond": 3,
            "layer_norm_cond_hidden_size": 5,
            "layer_norm_cond_hidden_act": "tanh",
        },
    },
    "gpt": GPT
    | {
        "unilm": {"application": "unilm"},
        "custom_position_ids": {"custom_position_ids": True},
    },
    "gpt2": GPT,
    "gpt2_ml": GPT,
    "t5.1.0": {
        "logits": {"with_lm": "linear"},
        "probabilities": {},
        "no_cross_position_bias": {"cross_position_bias": False},
        "keep_tokens": {"keep_tokens": KEPT_TOKENS[:6], "compound_tokens": COMPOUNDS},
    },
    "t5.1.1": {
        "logits": {"with_lm": "linear"},
        "keep_tokens": {"keep_tokens": KEPT_TOKENS[:6], "compound_tokens": COMPOUNDS},
        "key_size": {"attention_key_size": 5, "with_lm": False},
    },
    "mt5.1.1": {"logits": {"with_lm": "linear"}},
    "t5.1.1_encoder": {"encoder": {}, "layer_norm_cond": {"layer_norm_cond": 3}},
    "t5.1.1_decoder": {
        "logits": {"with_lm": "linear"},
        "vectors": {"with_lm": False},
        "layer_norm_cond": {"layer_norm_cond": 3},
    },
    "albert": COMMON | {"nsp": {"with_nsp": True}, "same_size": {"embedding_size": None}},
    "albert_unshared": COMMON,
    "electra": {
        name: COMMON[name] | {"with_discriminator": discriminator, "with_mlm": None}
        for name, discriminator in {
            "encoder": None,
            "keep_tokens": True,
            "compound_tokens": "linear",
            "layer_norm_cond": "linear",
        }.items()
    },
    "nezha": COMMON | {"embedding_size": {"embedding_size": 4, "with_nsp": True}},
    "roformer": COMMON
    | ROFORMER
    | {
        "embedding_size": {"embedding_size": 4, "with_nsp": True},
        "residual_attention_scores": {"residual_attention_scores": True},
    },
    "gau_alpha": {k: v for k, v in COMMON.items() if k != "layer_norm_cond"}
    | {"long": {"sequence_length": 20}, **ROFORMER},
    "roformer_v2": {k: v for k, v in COMMON.items() if k != "layer_norm_cond"} | ROFORMER,
}


def arguments(model, case):
    """Return the arguments of a case with tuples, which JSON stores as lists."""
    options = {**BASE, **DEFAULTS.get(model, {}), **case}
    options = {k: v for k, v in options.items() if v is not None}
    compounds = options.pop("compound_tokens", None)
    if compounds:
        options["compound_tokens"] = [
            tuple(item) if isinstance(item[0], list) else item for item in compounds
        ]
    return options
