"""What is compared with bert4keras: {model name: {case: arguments of build_transformer_model}}.

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
DEFAULTS = {}
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
# language models by birth, whatever the application
GPT = {
    "encoder": {},
    "lm": {"application": "lm", "final_activation": "linear"},
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
        "shared_segments": {"shared_segment_embeddings": True},
        "custom_position_ids": {"custom_position_ids": True},
    },
    "gpt2": GPT,
    "gpt2_ml": GPT,
    "nezha": COMMON | {"embedding_size": {"embedding_size": 4, "with_nsp": True}},
}


def arguments(model, case):
    """The arguments of a case as Python has them: JSON knows no tuples."""
    options = {**BASE, **DEFAULTS.get(model, {}), **case}
    options = {k: v for k, v in options.items() if v is not None}
    compounds = options.pop("compound_tokens", None)
    if compounds:
        options["compound_tokens"] = [
            tuple(item) if isinstance(item[0], list) else item for item in compounds
        ]
    return options
