"""transformers reads what kerasx writes, with equal outputs; so does kerasx."""

import json
import os

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasx.models import build_transformer_model, save_pretrained, widen
from kerasx.tokenizers import Tokenizer
from tests.generation.models import randomize
from tests.models.families import FAMILIES
from tests.models.test_families import batch, outputs, tiny
from tests.parity.record import record

ENCODER_DECODER_SIZES = """vocab_size hidden_size num_hidden_layers num_attention_heads
intermediate_size""".split()
# {head: (family, application, options)}
NO_PADDING = {"pad_id": None}
HEADS = {
    "BertModel": ("bert", "encoder", {"with_mlm": False}),
    "BertForMaskedLM": ("bert", "encoder", {}),
    "BertLMHeadModel": ("bert", "lm", {}),
    "BertForNextSentencePrediction": ("bert", "encoder", {"with_mlm": False, "with_nsp": True}),
    "AlbertForMaskedLM": ("albert", "encoder", {}),
    "DebertaV2ForMaskedLM": ("deberta-v2", "encoder", {}),
    "DistilBertForMaskedLM": ("distilbert", "encoder", {}),
    "ElectraForMaskedLM": ("electra", "encoder", {}),
    "GPT2LMHeadModel": ("gpt2", "lm", NO_PADDING),
    "LlamaForCausalLM": ("llama", "lm", {}),
    "ModernBertForMaskedLM": ("modernbert", "encoder", {}),
    "Qwen2ForCausalLM": ("qwen2", "lm", {}),
    "Qwen3ForCausalLM": ("qwen3", "lm", {}),
    "OpenAIGPTLMHeadModel": (
        "gpt",
        "lm",
        {"segment_vocab_size": 0, "hidden_act": "gelu_new", "intermediate_size": 32, **NO_PADDING},
    ),
    "RobertaForMaskedLM": ("roberta", "encoder", {}),
    "RobertaForCausalLM": ("roberta", "lm", {}),
    "RoFormerForMaskedLM": ("roformer", "encoder", {}),
    "RoFormerForCausalLM": ("roformer", "lm", {}),
}


def read_by_transformers(folder, tokens, pads):
    """Return the head that the folder names, and its first output."""
    head = json.loads((folder / "config.json").read_text())["architectures"][0]
    model, found = getattr(transformers, head).from_pretrained(folder, output_loading_info=True)
    made = ("pooler", "embed_positions")  # in no output, or sinusoids that are computed
    missing = [k for k in found["missing_keys"] if not any(x in k for x in made)]
    assert not missing and not found["unexpected_keys"] and not found["mismatched_keys"]
    mask = {"attention_mask": torch.tensor(tokens != pads).long()} if pads is not None else {}
    with torch.no_grad():
        return head, model.eval()(input_ids=torch.tensor(tokens), **mask)[0].numpy()


@pytest.mark.parametrize("head", HEADS)
def test_transformers_reads_it_with_equal_outputs(head, tmp_path):
    name, application, options = HEADS[head]
    builder = tiny(name, application, **options)
    save_pretrained(builder, tmp_path)
    tokens, _ = batch(name)
    pads = FAMILIES[name].pad_id if builder.pad_id is not None else None
    found, theirs = read_by_transformers(tmp_path, tokens, pads)
    assert found == head
    ours = outputs(builder.model, tokens)
    if builder_gives_probabilities(builder):
        theirs = np.exp(theirs) / np.exp(theirs).sum(-1, keepdims=True)
    if ours.ndim == 3:
        ours, theirs = (
            ours[tokens != FAMILIES[name].pad_id],
            theirs[tokens != FAMILIES[name].pad_id],
        )
    error = np.abs(ours - theirs).max()
    record(error)
    assert error < 1e-4
    again = outputs(build_transformer_model(str(tmp_path)), tokens)
    if not builder_gives_probabilities(builder):
        np.testing.assert_array_equal(again, outputs(builder.model, tokens))


def builder_gives_probabilities(builder):
    return getattr(builder, "with_nsp", False) is True


def test_a_widened_model_is_one_of_hugging_face_still(tmp_path):
    builder = tiny("bert", "encoder", layer_norm_eps=0.1)
    save_pretrained(widen(builder, 2, noise=0.5), tmp_path)
    tokens, _ = batch("bert")
    _, theirs = read_by_transformers(tmp_path, tokens, 0)
    real, ours = tokens != 0, outputs(builder.model, tokens)
    assert np.abs(theirs[real] - ours[real]).max() < 1e-4


def test_the_trimmed_vocabulary_goes_with_the_model(tmp_path):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "我", "爱", "play", "##ing"]
    tokenizer = Tokenizer({t: i for i, t in enumerate(tokens)}, do_lower_case=True)
    options = {**FAMILIES["bert"].options(), "keep_tokens": list(range(9))}
    model = build_transformer_model(None, **options)
    save_pretrained(model, tmp_path, tokenizer)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("我爱Playing")["input_ids"] == tokenizer.encode("我爱Playing")[0]
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == 9


@pytest.mark.parametrize(
    "name, application, options, message",
    [
        ("bert", "unilm", {}, "it is a BERT"),
        ("bert", "encoder", {"hierarchical_position": 0.4}, "hierarchical_position"),
        ("bert", "encoder", {"norm_position": "pre"}, "norm_position"),
        ("bert", "encoder", {"half_causal_heads": True}, "half_causal_heads"),
        ("bert", "encoder", {"talking_heads": True}, "talking_heads"),
        ("bert", "encoder", {"embedding_size": 4}, "embedding_size"),
        ("bert", "encoder", {"segment_vocab_size": 0}, "segment_vocab_size"),
        ("roformer", "encoder", {"rotary_base": 500}, "rotary_base"),
        ("gpt2_ml", "lm", {}, "no heads there"),
    ],
)
def test_what_hugging_face_has_not_is_refused_by_name(
    name, application, options, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        save_pretrained(tiny(name, application, **options), tmp_path / "model")
    assert not os.path.exists(tmp_path / "model")


@pytest.mark.parametrize(
    "name, options",
    [("t5.1.0", {}), ("t5.1.1", {}), ("mt5.1.1", {}), ("bart", {"max_position": 20})],
)
def test_transformers_reads_both_halves(name, options, tmp_path):
    sizes = {k: v for k, v in FAMILIES["bert"].options().items() if k in ENCODER_DECODER_SIZES}
    builder = build_transformer_model(
        None, model=name, with_lm="linear", return_keras_model=False, **sizes, **options
    )
    randomize(builder.model, 1)
    save_pretrained(builder, tmp_path)
    pad = builder.pad_id
    sources = np.array([[5, 3, 9, 7, pad], [4, 7, 8, pad, pad]])
    targets = np.array([[2, 4, 6, 3], [2, 8, 3, 9]])
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        theirs = theirs(
            input_ids=torch.tensor(sources),
            attention_mask=torch.tensor(sources != pad).long(),
            decoder_input_ids=torch.tensor(targets),
        ).logits.numpy()
    ours = keras.ops.convert_to_numpy(builder.model([sources, targets]))
    error = np.abs(ours - theirs).max()
    record(error)
    assert error < 1e-4
    again = build_transformer_model(str(tmp_path))([sources, targets])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(again), ours)
