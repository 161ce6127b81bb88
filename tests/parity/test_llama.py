"""Llama, Qwen2 and Qwen3 equal transformers on folders that save_pretrained wrote."""

import pytest
import torch
import transformers

from kerasx.generation import Generator
from kerasx.models import build_transformer_model
from tests.parity.decoders import assert_same, greedy, randomized, vectors_or_logits

SIZES = {
    "vocab_size": 30,
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "max_position_embeddings": 32,
    "initializer_range": 0.3,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}
BIASES = {"attention_bias": True, "mlp_bias": True}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 20.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 24,
}
LINEAR = {"rope_type": "linear", "rope_theta": 1000.0, "factor": 3.0}
CASES = {
    "LlamaModel": {},
    "LlamaForCausalLM": {},
    "LlamaForCausalLM tied": {"tie_word_embeddings": True},
    "LlamaForCausalLM biases": BIASES,
    "LlamaForCausalLM llama3": {"rope_parameters": LLAMA3},
    "LlamaForCausalLM linear": {"rope_parameters": LINEAR, "num_key_value_heads": 4},
    "Qwen2Model": {},
    "Qwen2ForCausalLM": {"tie_word_embeddings": True},
    "Qwen3Model": {},
    "Qwen3ForCausalLM": {"tie_word_embeddings": True},
    "Qwen3ForCausalLM biases": {"attention_bias": True},
}


def reference(head, **options):
    cls = getattr(transformers, head)
    options = {**SIZES, **options}
    if head.startswith("Qwen2"):  # its heads are as wide as they are many
        del options["head_dim"]
    return randomized(cls(cls.config_class(**options)))


@pytest.mark.parametrize("case", CASES)
def test_a_saved_folder_gives_the_same_outputs(case, tmp_path):
    model = reference(case.split()[0], **CASES[case])
    model.save_pretrained(tmp_path)
    assert_same(build_transformer_model(str(tmp_path)), vectors_or_logits(model))


def test_rotations_as_older_versions_wrote_them(tmp_path):
    import json

    model = reference("LlamaForCausalLM", rope_parameters=LLAMA3)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert_same(build_transformer_model(str(tmp_path)), vectors_or_logits(model))


@pytest.mark.parametrize("head", ["LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"])
def test_generated_tokens_are_those_of_transformers(head, tmp_path):
    model = reference(head)
    model.save_pretrained(tmp_path)
    prompts = [[5, 3, 9, 0, 7], [4, 8], [0, 0, 6]]
    found = Generator(build_transformer_model(str(tmp_path)), max_new_tokens=8)(prompts).best
    assert found == [greedy(model, p, 8) for p in prompts]


def test_a_sharded_bfloat16_folder_is_computed_in_float32_on_the_stored_values(tmp_path):
    model = reference("Qwen3ForCausalLM").to(torch.bfloat16)
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 1
    model = transformers.Qwen3ForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert_same(build_transformer_model(str(tmp_path)), vectors_or_logits(model.eval()))


def test_the_backbone_of_a_model_with_scores_loads_when_asked_for(tmp_path):
    model = reference("LlamaForCausalLM")
    model.save_pretrained(tmp_path)
    ours = build_transformer_model(str(tmp_path), final_activation=None)
    assert_same(ours, vectors_or_logits(model.model))


def test_kept_tokens_have_their_rows_in_both_tables(tmp_path):
    model = reference("LlamaForCausalLM")
    model.save_pretrained(tmp_path)
    kept = [3, 0, 7, 21, 9, 5, 2, 1, 8]
    ours = build_transformer_model(str(tmp_path), keep_tokens=kept)
    inputs = [[0, 2, 1, 5]]
    expected = vectors_or_logits(model, [[kept[i] for i in inputs[0]]])[..., kept]
    assert_same(ours, expected, inputs=torch.tensor(inputs).numpy())


def test_transformers_reads_what_is_written_under_its_names(tmp_path):
    reference("Qwen3ForCausalLM").save_pretrained(tmp_path)
    ours = build_transformer_model(str(tmp_path), return_keras_model=False)
    for weight in ours.model.weights:
        weight.assign(weight + 0.1)
    ours.save_weights_as_checkpoint(tmp_path / "model.safetensors", names="huggingface")
    theirs, report = transformers.Qwen3ForCausalLM.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not any(report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert_same(ours.model, vectors_or_logits(theirs.eval()))


YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}
WINDOW = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}


@pytest.mark.parametrize(
    "head, options, match",
    [
        ("LlamaForCausalLM", {"rope_parameters": {**LLAMA3, **YARN}}, "`rope_parameters`.*yarn"),
        ("Qwen2ForCausalLM", WINDOW, "`layer_types` must all be 'full_attention'"),
        ("Qwen3ForSequenceClassification", {}, "`architectures`.*final_activation="),
    ],
)
def test_a_configuration_that_means_another_graph_is_refused(head, options, match, tmp_path):
    reference(head, **options).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=match):
        build_transformer_model(str(tmp_path))
