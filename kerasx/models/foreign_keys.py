"""Tell foreign keys of a configuration from misspelt ones.

A configuration file lives in an open world: many programs write keys of their own into it. A key
without meaning here is passed over, but one that is nearly a known one is a slip.
"""

import logging

from kerasx.checks import invalid

logger = logging.getLogger("kerasx")

# keys of transformers 2 to 5 and of programs around it that change no number of the model
HARMLESS = frozenset(
    # any configuration of transformers
    """architectures attention_type attn_implementation auto_map base_model_ep_plan
    base_model_fsdp_plan base_model_pp_plan base_model_tp_plan bos_token_id chunk_size_feed_forward
    classifier_dropout cls_token_id cross_attention_hidden_size custom_pipelines
    decoder_start_token_id dtype end_token_id eos_token_id experts_implementation finetuning_task
    gradient_checkpointing gradient_checkpointing_kwargs id2label is_composition is_decoder
    is_encoder_decoder keys_to_ignore_at_inference label2id language layer_norm_eps_type
    mask_token_id model_name model_type name_or_path num_labels output_attentions
    output_hidden_states output_past output_router_logits pad_token_id position_embedding_type
    prefix problem_type return_dict return_unused_kwargs sep_token_id start_token_id
    task_specific_params tf_legacy_loss tie_encoder_decoder tie_last_hidden_states
    tie_word_embeddings tokenizer_class tokenizer_file torch_dtype torchscript transformers_version
    unk_token_id use_bfloat16 use_cache use_flash_attention use_flash_attn use_return_dict
    vocab_file xla_device _attn_implementation _attn_implementation_autoset
    _attn_implementation_internal _commit_hash _experts_implementation
    _experts_implementation_internal _flash_attn_2_enabled _from_model_config _name_or_path
    _num_labels _output_attentions"""
    # Google's configurations
    """ directionality pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
    pooler_size_per_head pooler_type"""
    # the head of SequenceSummary
    """ sequence_summary summary_activation summary_first_dropout summary_last_dropout
    summary_proj_to_labels summary_type summary_use_proj"""
    # generation
    """ assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight
    assistant_lookbehind bad_words_ids begin_suppress_tokens cache_config cache_implementation
    compile_config constraints continuous_batching_config disable_compile diversity_penalty
    do_sample dola_layers early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty
    epsilon_cutoff eta_cutoff exponential_decay_length_penalty force_bos_token_to_be_generated
    force_words_ids forced_bos_token_id forced_decoder_ids forced_eos_token_id generation_config
    guidance_scale is_assistant length_penalty low_memory max_cache_len max_length
    max_matching_ngram_size max_new_tokens max_time min_length min_new_tokens min_p
    no_repeat_ngram_size num_assistant_tokens num_assistant_tokens_schedule num_beam_groups
    num_beams num_return_sequences output_logits output_scores penalty_alpha prefill_chunk_size
    prompt_lookup_num_tokens remove_invalid_values renormalize_logits repetition_penalty
    return_dict_in_generate sequence_bias speculation_type stop_strings suppress_tokens
    target_lookbehind temperature token_healing top_h top_k top_p typical_p use_mtp
    watermarking_config"""
    # sentence-transformers, unsloth, peft, adapters, transformers.js
    """ adapter_attn_dim adapter_config adapter_fusion_models adapters config_sentence_transformers
    custom_heads do_lower_case max_seq_length model_max_length peft_config peft_type
    prediction_heads sbert_ce_default_activation_function sentence_transformers
    transformers.js_config unsloth_fixed unsloth_tokenizer unsloth_version""".split()
)
# keys with a meaning for the model, whatever its family
_MEANINGFUL = frozenset(
    """add_cross_attention architectures id2label is_decoder model_type num_labels pad_token_id
    per_layer_config position_embedding_type pruned_heads quantization_config
    tie_word_embeddings""".split()
)
# keys that must be empty or false: {key: what they do}
_REFUSED = {
    "add_cross_attention": "attention to another model's outputs is not built",
    "per_layer_config": "all blocks are built alike",
    "pruned_heads": "all heads are built",
    **dict.fromkeys(
        ("quantization_config", "compression_config", "quantization"),
        "quantised weights are not read. Take the model's unquantised folder; if its weights are "
        "not quantised after all, leave the key out",
    ),
}


def check_refused(config):
    """Raise for a key whose value asks for another graph or for other weights."""
    for key, reason in _REFUSED.items():
        value = config.get(key)
        if value and not _loads_plain(value):
            raise invalid(
                f"`{key}` must be left out of the configuration: {reason}.", **{key: value}
            )


def _loads_plain(value):
    """Return whether a quantisation says that it is off, as bitsandbytes may."""
    if not isinstance(value, dict):
        return False
    switches = [value[key] for key in ("load_in_4bit", "load_in_8bit") if key in value]
    return bool(switches) and not any(switches)


def check_spelling(keys, known):
    """Raise for keys that are nearly a known one.

    >>> check_spelling(["unsloth_fixed", "my_key"], ["hidden_size"])
    >>> check_spelling(["hiden_size"], ["hidden_size"])
    Traceback (most recent call last):
    ...
    ValueError: The configuration has misspelt keys: hiden_size (did you mean hidden_size?).
    """
    known = {*known, *_MEANINGFUL}
    near = {key: nearest(key, known) for key in keys if key not in known}
    listed = ", ".join(f"{key} (did you mean {name}?)" for key, name in near.items() if name)
    if listed:
        raise ValueError(f"The configuration has misspelt keys: {listed}.")


def pass_over(keys):
    """Log in one line the keys that nothing here reads, but for those known to be harmless."""
    keys = [key for key in keys if key not in HARMLESS and key not in _REFUSED]
    if keys:
        logger.warning("The configuration has keys that are passed over: %s", ", ".join(keys))


def nearest(key, names):
    """Return the name that a key misspells, or None.

    Case, hyphens and underscores do not count. From seven letters on one slip (a wrong, missing,
    added or swapped letter) is allowed, from fourteen on two.

    >>> nearest("num_atention_heads", ["num_hidden_layers", "num_attention_heads"])
    'num_attention_heads'
    >>> nearest("num_beams", ["num_heads"])
    """
    plain = _plain(key)
    slips = {name: _slips(plain, _plain(name)) for name in sorted(names)}
    allowed = {name: len(_plain(name)) // 7 for name in slips}
    near = [name for name, count in slips.items() if count <= min(allowed[name], 2)]
    return min(near, key=slips.get, default=None)


def _plain(key):
    return str(key).lower().replace("_", "").replace("-", "")


def _slips(a, b):
    """Return the optimal string alignment distance, at most 3: edits and swaps of neighbours."""
    if abs(len(a) - len(b)) > 2:
        return 3
    before, last = None, list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y)))
            if i > 1 and j > 1 and (x, a[i - 2]) == (b[j - 2], y):
                row[-1] = min(row[-1], before[j - 2] + 1)
        before, last = last, row
    return min(last[-1], 3)
