"""A checkpoint of another family is recognised by the names of its tensors."""

import re

import numpy as np
import pytest

from kerasx.models import build_transformer_model
from kerasx.models.families import MODELS
from kerasx.models.recognise import _SIGNS, recognise
from tests.models.families import FAMILIES
from tests.models.helpers import CONFIG, build, random_checkpoint

pytestmark = pytest.mark.once

# families whose original names are BERT's, so that they cannot be told apart
ALIKE = {"albert_unshared": {"albert", "bert"}}


def names_of(name):
    """Return the original and the Hugging Face names of a tiny model's tensors."""
    row = FAMILIES[name]
    builder = build_transformer_model(
        None, model=name, return_keras_model=False, **{**row.options(), **row.head}
    )
    original = [v for _, v in builder.weights_and_variables()]
    if not builder.huggingface.rules:
        return original, None
    return original, [re.sub(r"\[.*\]$", "", builder.huggingface.name_of(v)) for v in original]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_recognised_by_its_own_names(name):
    for names in names_of(name):
        if names is not None:
            assert ALIKE.get(name, {name}) & {*recognise(names)}


@pytest.mark.parametrize(
    "names, found",
    [
        (["transformer.wte.weight", "lm_head.weight"], ("gpt2",)),
        (["wte.weight", "h.0.attn.c_attn.weight"], ("gpt2",)),
        (["tokens_embed.weight", "h.0.attn.c_attn.weight"], ("gpt",)),
        (["model.layers.0.self_attn.q_proj.weight", "model.layers.0.mlp.gate_proj.weight"],)
        + (("llama",),),
        (["layers.0.self_attn.q_norm.weight", "layers.0.mlp.gate_proj.weight"], ("qwen3",)),
        (["model.decoder.layers.0.encoder_attn.q_proj.weight"], ("bart",)),
        (["encoder.block.0.layer.0.SelfAttention.q.weight"], ("t5",)),
        (["nezha.encoder.layer.0.attention.self.query.weight"], ("nezha",)),
        (["deberta.encoder.layer.0.attention.self.query_proj.weight"], ("deberta-v2",)),
        (["deberta.encoder.layer.0.attention.self.in_proj.weight"], ()),
        (["module.transformer.tokens_embed.weight"], ("gpt",)),
        (["decoder.transformer.tokens_embed.weight", "lm_head.weight"], ("gpt",)),
        (["module.nezha.encoder.layer.0.attention.self.query.weight"], ("nezha",)),
        (["bert.encoder.layer.0.attention.self.relative_positions_encoding.positions_encoding"],)
        + (("nezha",),),
        (["layers/transformer_0/MultiHeadSelfAttention/q_dense/kernel"], ()),
        (["Transformer-0-MultiHeadSelfAttention/k_dense/kernel:0"], ()),
        (["conv1.weight", "fc.bias"], ()),
    ],
)
def test_names_of_published_checkpoints(names, found):
    assert recognise(names) == found


def test_every_family_of_the_table_can_be_passed():
    assert {name for models, *_ in _SIGNS for name in models} <= {*MODELS}


def test_a_checkpoint_of_another_family_is_refused_with_what_to_pass():
    gpt2 = build(None, model="gpt2")
    arrays = {v: np.array(w) for w, v in gpt2.weights_and_variables()}
    with pytest.raises(ValueError, match=r"like a gpt2 checkpoint: pass model='gpt2'.*\n.*missing"):
        build_transformer_model(CONFIG, arrays, model="bert")
    renamed = {"transformer.wte.weight": np.zeros((20, 8), "float32")}
    with pytest.raises(ValueError, match="like a gpt2 checkpoint"):
        build_transformer_model(CONFIG, renamed, model="bert")
    bert = {k: v for k, v in random_checkpoint().items() if "position" not in k}
    with pytest.raises(ValueError, match="pass model='nezha' or model='roformer'"):
        build_transformer_model(CONFIG, bert)
    build_transformer_model(CONFIG, arrays)


def test_a_checkpoint_of_the_same_family_that_does_not_fit_says_no_more():
    arrays = random_checkpoint()
    arrays.pop("bert/embeddings/LayerNorm/beta")
    with pytest.raises(ValueError) as caught:
        build_transformer_model(CONFIG, arrays)
    assert "looks like" not in str(caught.value)
    with pytest.raises(ValueError, match="^`checkpoint` must hold"):
        build_transformer_model(CONFIG, {"dense/kernel": np.zeros(3)})
