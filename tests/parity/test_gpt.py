"""GPT and GPT-2 equal transformers on folders that save_pretrained wrote."""

import json

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasx.generation import Generator
from kerasx.models import build_transformer_model
from tests.parity.decoders import TOKENS, assert_same, greedy, randomized, vectors_or_logits

SIZES = {"vocab_size": 30, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 24}
HEADS = ["OpenAIGPTModel", "OpenAIGPTLMHeadModel", "GPT2Model", "GPT2LMHeadModel"]


def reference(head, **options):
    cls = getattr(transformers, head)
    options = {**SIZES, "initializer_range": 0.3, **options}
    return randomized(cls(cls.config_class(**options)))


@pytest.mark.parametrize("head", HEADS)
def test_a_saved_folder_gives_the_same_outputs(head, tmp_path):
    model = reference(head)
    model.save_pretrained(tmp_path)
    assert_same(build_transformer_model(str(tmp_path)), vectors_or_logits(model))


def test_the_width_of_the_feed_forward_network_and_the_activation_are_read(tmp_path):
    model = reference("GPT2LMHeadModel", n_inner=20, activation_function="relu")
    model.save_pretrained(tmp_path)
    assert_same(build_transformer_model(str(tmp_path)), vectors_or_logits(model))


def test_segments_are_looked_up_in_the_token_table_when_asked_for(tmp_path):
    model = reference("OpenAIGPTLMHeadModel")
    model.save_pretrained(tmp_path)
    options = {"segment_vocab_size": 2, "shared_segment_embeddings": True}
    ours = build_transformer_model(str(tmp_path), **options)
    segments = (np.arange(TOKENS.shape[1]) > 3) + np.zeros_like(TOKENS)
    expected = vectors_or_logits(model, token_type_ids=torch.tensor(segments))
    assert_same(ours, expected, inputs=[TOKENS, segments])


def test_generated_tokens_are_those_of_transformers(tmp_path):
    model = reference("GPT2LMHeadModel")
    model.save_pretrained(tmp_path)
    prompts = [[5, 3, 9, 0, 7], [4, 8]]
    found = Generator(build_transformer_model(str(tmp_path)), max_new_tokens=8)(prompts).best
    assert found == [greedy(model, p, 8) for p in prompts]


@pytest.mark.parametrize("head", ["OpenAIGPTLMHeadModel", "GPT2LMHeadModel"])
def test_transformers_reads_what_is_written_under_its_names(head, tmp_path):
    reference(head).save_pretrained(tmp_path)
    ours = build_transformer_model(str(tmp_path), return_keras_model=False)
    for weight in ours.model.weights:
        weight.assign(0.3 * keras.random.normal(weight.shape, seed=3))
    path = tmp_path / "model.safetensors"
    ours.save_weights_as_checkpoint(path, names="huggingface")
    theirs, report = getattr(transformers, head).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert_same(ours.model, vectors_or_logits(theirs.eval()))


@pytest.mark.parametrize(
    "key, value", [("scale_attn_by_inverse_layer_idx", True), ("scale_attn_weights", False)]
)
def test_a_configuration_that_means_another_graph_is_refused(key, value, tmp_path):
    reference("GPT2LMHeadModel", **{key: value}).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())[key] is value
    with pytest.raises(ValueError, match=f"`{key}` must be"):
        build_transformer_model(str(tmp_path))


def test_the_head_of_a_classifier_is_refused_with_what_to_do(tmp_path):
    reference("GPT2ForSequenceClassification").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"application=.*final_activation=.*Classification"):
        build_transformer_model(str(tmp_path))
