"""Recognise the family of a checkpoint by the names of its tensors."""

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
