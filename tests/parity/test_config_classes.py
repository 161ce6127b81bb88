"""Every attribute of transformers' configuration classes: built, refused, or without effect.

The table says which; an attribute that a later version adds fails until it has its place.
"""

import dataclasses
import json

import pytest
import transformers

from kerasx.models.build import make_builder
from kerasx.models.builder_arguments import arguments_of
from kerasx.models.families import MODELS

pytestmark = pytest.mark.once

# attributes of every class: {attribute: another value}
EVERY = {
    "chunk_size_feed_forward": 2,
    "dtype": "float16",
    "is_encoder_decoder": False,
    "label2id": {"a": 0},
    "output_hidden_states": True,
    "problem_type": "regression",
    "return_dict": False,
    "transformers_version": "9.0",
    "bos_token_id": 3,
    "eos_token_id": 4,
    "use_cache": False,
    "is_decoder": False,
    "classifier_dropout": 0.4,
}
SIZES = {
    "vocab_size": 33,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 20,
    "initializer_range": 0.3,
}
BERT = {
    **SIZES,
    "hidden_act": "relu",
    "hidden_dropout_prob": 0.3,
    "attention_probs_dropout_prob": 0.3,
    "max_position_embeddings": 20,
    "type_vocab_size": 3,
    "layer_norm_eps": 1e-3,
    "pad_token_id": 1,
}
UNTIED, CROSS = {"tie_word_embeddings": False}, {"add_cross_attention": True}
LLAMA = {
    **SIZES,
    "num_key_value_heads": 1,
    "head_dim": 6,
    "hidden_act": "gelu",
    "max_position_embeddings": 20,
    "rms_norm_eps": 1e-3,
    "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0},
    "attention_dropout": 0.3,
    "tie_word_embeddings": True,
}
WINDOWS = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}
SLIDING = {
    "layer_types": ["full_attention", "sliding_attention"],
    ("layer_types", "use_sliding_window", "sliding_window", "max_window_layers"): (
        None,
        True,
        5,
        1,
    ),
}
T5 = {
    "vocab_size": 33,
    "d_model": 16,
    "d_kv": 6,
    "d_ff": 20,
    "num_layers": 3,
    "num_decoder_layers": 3,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 16,
    "dropout_rate": 0.3,
    "layer_norm_epsilon": 1e-3,
    "feed_forward_proj": "gated-silu",
    "pad_token_id": 1,
}
GPT = {
    "vocab_size": 33,
    "n_positions": 20,
    "n_embd": 16,
    "n_layer": 3,
    "n_head": 4,
    "resid_pdrop": 0.3,
    "attn_pdrop": 0.3,
    "layer_norm_epsilon": 1e-3,
    "initializer_range": 0.3,
}
SUMMARY = {
    "summary_type": "mean",
    "summary_use_proj": False,
    "summary_activation": "tanh",
    "summary_proj_to_labels": False,
    "summary_first_dropout": 0.4,
    "summary_last_dropout": 0.4,
}
NO_EFFECT = {"pad_token_id": 1, "embd_pdrop": 0.3}
# {head: (tiny configuration, what is built, what is refused, what has no effect)}, each as
# {attribute: another value}
CLASSES = {
    "BertForMaskedLM": ({}, BERT, UNTIED | CROSS, {}),
    "AlbertForMaskedLM": (
        {"embedding_size": 8},
        {**BERT, "embedding_size": 4},
        {**UNTIED, "num_hidden_groups": 2, "inner_group_num": 2},
        {"classifier_dropout_prob": 0.4},
    ),
    "DebertaV2ForMaskedLM": (
        {},
        {
            **BERT,
            ("relative_attention", "pos_att_type"): (True, ["c2p"]),
            "max_relative_positions": 5,
            "position_biased_input": False,
            "legacy": False,
            "pooler_hidden_act": "tanh",
        },
        UNTIED,
        {"pooler_dropout": 0.4},
    ),
    "DistilBertForMaskedLM": (
        {},
        {
            "vocab_size": 33,
            "dim": 16,
            "n_layers": 3,
            "n_heads": 4,
            "hidden_dim": 20,
            "initializer_range": 0.3,
            "activation": "relu",
            "dropout": 0.3,
            "attention_dropout": 0.3,
            "max_position_embeddings": 20,
            "pad_token_id": 1,
        },
        UNTIED,
        {"sinusoidal_pos_embds": True, "qa_dropout": 0.4, "seq_classif_dropout": 0.4},
    ),
    "ElectraForMaskedLM": (
        {"embedding_size": 8},
        {**BERT, "embedding_size": 4},
        {**UNTIED, **CROSS, "is_decoder": True},
        {k: v for k, v in SUMMARY.items() if k != "summary_proj_to_labels"},
    ),
    "OpenAIGPTLMHeadModel": ({}, {**GPT, "afn": "relu"}, UNTIED, {**SUMMARY, **NO_EFFECT}),
    "GPT2LMHeadModel": (
        {},
        {**GPT, "activation_function": "relu", "n_inner": 20},
        {
            **UNTIED,
            **CROSS,
            "scale_attn_weights": False,
            "scale_attn_by_inverse_layer_idx": True,
        },
        {**SUMMARY, **NO_EFFECT, "reorder_and_upcast_attn": True},
    ),
    "LlamaForCausalLM": (
        {},
        {**LLAMA, "attention_bias": True, "mlp_bias": True},
        {},
        {"pad_token_id": 1, "pretraining_tp": 2},
    ),
    "Qwen2ForCausalLM": (
        {"num_key_value_heads": 2},
        {k: v for k, v in LLAMA.items() if k != "head_dim"},
        SLIDING,
        {"pad_token_id": 1, **WINDOWS},
    ),
    "Qwen3ForCausalLM": (
        {"num_key_value_heads": 2, "head_dim": 4},
        {**LLAMA, "attention_bias": True},
        SLIDING,
        {"pad_token_id": 1, **WINDOWS},
    ),
    "ModernBertForMaskedLM": (
        {},
        {
            **SIZES,
            "hidden_activation": "relu",
            "max_position_embeddings": 20,
            "norm_eps": 1e-3,
            "pad_token_id": 1,
            "attention_dropout": 0.3,
            "layer_types": ["full_attention", "full_attention"],
            "rope_parameters": {"full_attention": {"rope_theta": 5000.0}},
            "local_attention": 4,
            "mlp_dropout": 0.3,
            "classifier_activation": "relu",
        },
        {
            **UNTIED,
            "norm_bias": True,
            "attention_bias": True,
            "mlp_bias": True,
            "decoder_bias": False,
            "classifier_bias": True,
        },
        {
            "classifier_pooling": "mean",
            "cls_token_id": 3,
            "sep_token_id": 3,
            "deterministic_flash_attn": True,
            "embedding_dropout": 0.3,
            "initializer_cutoff_factor": 3.0,
            "sparse_prediction": True,
            "sparse_pred_ignore_index": 3,
        },
    ),
    "RobertaForMaskedLM": ({}, {**BERT, "pad_token_id": 0}, UNTIED | CROSS, {}),
    "XLMRobertaForMaskedLM": ({}, {**BERT, "pad_token_id": 0}, UNTIED | CROSS, {}),
    "CamembertForMaskedLM": ({}, {**BERT, "pad_token_id": 0}, UNTIED | CROSS, {}),
    "RoFormerForMaskedLM": (
        {},
        {**BERT, "embedding_size": 4},
        {**UNTIED, **CROSS, "rotary_value": True},
        {},
    ),
    "BartForConditionalGeneration": (
        {},
        {
            "vocab_size": 33,
            "d_model": 16,
            "encoder_layers": 3,
            "decoder_layers": 3,
            ("encoder_attention_heads", "decoder_attention_heads"): (4, 4),
            ("encoder_ffn_dim", "decoder_ffn_dim"): (20, 20),
            "activation_function": "relu",
            "dropout": 0.3,
            "attention_dropout": 0.3,
            "max_position_embeddings": 20,
            "init_std": 0.3,
            "pad_token_id": 3,
        },
        {**UNTIED, "scale_embedding": True},
        {
            "activation_dropout": 0.3,
            "encoder_layerdrop": 0.3,
            "decoder_layerdrop": 0.3,
            "decoder_start_token_id": 3,
            "forced_eos_token_id": 3,
        },
    ),
    "T5ForConditionalGeneration": ({}, T5, {}, {"initializer_factor": 2.0}),
    "MT5ForConditionalGeneration": (
        {},
        {**T5, "feed_forward_proj": "relu"},
        {},
        {"initializer_factor": 2.0, "decoder_start_token_id": 3},
    ),
}
TINY = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
}
OTHER_NAMES = {
    "num_hidden_layers": ["encoder_layers", "decoder_layers", "num_layers", "num_decoder_layers"],
    "num_attention_heads": ["encoder_attention_heads", "decoder_attention_heads"],
    "intermediate_size": ["hidden_dim", "n_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"],
}


def tiny(head):
    """Return a tiny configuration of the head as its file has it, with every attribute."""
    cls = getattr(transformers, head).config_class
    names = {field.name for field in dataclasses.fields(cls)}
    sizes = {**TINY, "d_kv": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
    for name, others in OTHER_NAMES.items():
        sizes |= dict.fromkeys(others, TINY[name])
    given = {k: v for k, v in sizes.items() if k in names or k in cls.attribute_map}
    if "rope_parameters" in names and cls.model_type == "modernbert":
        given.pop("rope_parameters")
    config = json.loads(cls(**given, **CLASSES[head][0]).to_json_string(use_diff=False))
    return {**config, "architectures": [head]}, names


def arguments(config):
    return arguments_of(make_builder(config, from_file=True)[0])


def changed(config, key, value):
    """Return the configuration with another value, or with several ones of a tuple of keys."""
    both = isinstance(key, tuple)
    return {**config, **(dict(zip(key, value)) if both else {key: value})}


def flat(table):
    return {name for key in table for name in (key if isinstance(key, tuple) else (key,))}


@pytest.mark.parametrize("head", CLASSES)
def test_the_table_has_every_attribute(head):
    config, names = tiny(head)
    _, built, refused, harmless = CLASSES[head]
    table = {"architectures", "id2label", "tie_word_embeddings", *EVERY}
    assert names <= table | flat(built) | flat(refused) | flat(harmless)


@pytest.mark.parametrize("head", CLASSES)
def test_a_file_with_every_attribute_is_read_without_a_word(head, caplog):
    config, _ = tiny(head)
    arguments(config)
    assert not caplog.records


@pytest.mark.parametrize("head", CLASSES)
def test_each_attribute_does_what_the_table_says(head, caplog):
    config, names = tiny(head)
    _, built, refused, harmless = CLASSES[head]
    before = arguments(config)
    for key, value in built.items():
        assert arguments(changed(config, key, value)) != before, key
    for key, value in {**EVERY, **harmless}.items():
        assert arguments(changed(config, key, value)) == before, key
    for key, value in refused.items():
        with pytest.raises(ValueError, match="`"):
            arguments(changed(config, key, value))
    assert not caplog.records


def test_every_family_that_transformers_has_is_in_the_table():
    types = {getattr(transformers, head).config_class.model_type for head in CLASSES}
    assert {*transformers.CONFIG_MAPPING.keys()} & {*MODELS} <= types
