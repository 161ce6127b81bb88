"""Recognise a model's family by the names of its tensors, or by the keys of its configuration."""

import re

# (models, signs): a sign is a regular expression that a tensor name must contain, or after "!" one
# that no name may contain. The first line whose signs all agree decides. "/" also matches "." and
# the start of a name.
_SIGNS = (
    (("gau_alpha",), "/GAU_alpha/"),
    (("gpt2_ml",), "/newslm/"),
    (("gpt2",), "/wte/|/gpt/.*attention/input/LayerNorm"),
    (("gpt",), "/tokens_embed/|/gpt/"),
    (("t5.1.1", "mt5.1.1"), "/SelfAttention/[kq](/|$)", "/Dense(Relu|GatedGelu)Dense/wi_0"),
    (("t5",), "/SelfAttention/[kq](/|$)"),
    (("bart",), "decoder/layers[/_]0/encoder_attn/"),
    (("modernbert",), "embeddings/tok_embeddings"),
    (("qwen3",), "self_attn/q_norm/"),
    (("qwen2",), "self_attn/q_proj/bias", "!self_attn/o_proj/bias", "mlp/gate_proj/"),
    (("llama",), "self_attn/q_proj/", "mlp/gate_proj/"),
    (("deberta-v2",), "/rel_embeddings|self/query_proj/", "!self/in_proj/"),
    (("distilbert",), "attention/q_lin/"),
    (("albert",), "albert_layer_groups|/inner_group_0/"),
    (("electra",), "/electra/|/generator_|/discriminator_"),
    (("roberta",), "/(xlm-)?roberta/"),
    (("nezha",), "/nezha/|/positions_encoding$"),
    (("roformer_v2",), "/attention/self/query/", "!/attention/self/query/bias", "!LayerNorm"),
    (("roformer",), "/roformer/|encoder/embed_positions"),
    (("bert",), "/bert/", "/position_embeddings"),
    (("nezha", "roformer"), "/bert/embeddings/", "/attention/self/query/"),
    # a Hugging Face backbone without a prefix
    (("bert", "roberta", "electra"), "/embeddings/position_embeddings", "/attention/self/query/"),
)

# (models, keys): the first line with one of the configuration's keys decides
_KEYS = (
    (("gpt",), "afn"),
    (("gpt2", "gpt"), "n_embd n_layer n_head n_positions scale_attn_weights"),
    (("distilbert",), "n_heads n_layers hidden_dim sinusoidal_pos_embds"),
    (("bart",), "encoder_layers decoder_layers encoder_ffn_dim"),
    (("t5", "t5.1.1", "mt5.1.1"), "d_kv d_ff feed_forward_proj"),
    (("modernbert",), "global_attn_every_n_layers local_attention classifier_activation"),
    (("llama", "qwen2", "qwen3"), "rms_norm_eps rope_theta rope_parameters num_key_value_heads"),
    (("deberta-v2",), "pos_att_type position_buckets relative_attention norm_rel_ebd"),
    (("albert",), "num_hidden_groups inner_group_num"),
    (("nezha",), "max_relative_position"),
    (("roformer",), "rotary_value"),
)


def recognise_keys(config):
    """Return the names of the models that a configuration with these keys may be of.

    >>> recognise_keys({"vocab_size": 30, "d_model": 8, "d_kv": 4})
    ('t5', 't5.1.1', 'mt5.1.1')
    >>> recognise_keys({"vocab_size": 30, "hidden_size": 8})
    ()
    """
    return next((models for models, keys in _KEYS if {*keys.split()} & config.keys()), ())


def recognise(names):
    """Return the names of the models that a checkpoint with these tensors may be of.

    Args:
        names: the tensors' names, from a TensorFlow checkpoint or a Hugging Face folder.

    Returns:
        A tuple of names for `build_transformer_model(model=...)`, empty if none fits.

    >>> recognise(["transformer.wte.weight", "transformer.h.0.attn.c_attn.weight"])
    ('gpt2',)
    >>> recognise(["layers/dense/vars/0"])
    ()
    """
    text = "\n".join(f"/{name}".replace(".", "/") for name in names)
    for models, *signs in _SIGNS:
        if all(_agrees(sign, text) for sign in signs):
            return models
    return ()


def _agrees(sign, text):
    found = re.search(sign.removeprefix("!"), text, re.MULTILINE) is not None
    return found != sign.startswith("!")
