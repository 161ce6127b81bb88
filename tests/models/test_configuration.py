"""Configurations of the open world: foreign and misspelt keys, values, overrides, recognition."""

import json
import logging
import math
import time

import numpy as np
import pytest

from kerasx.models import BERT, build_transformer_model
from kerasx.models.build import make_builder
from kerasx.models.choice import choose_family
from kerasx.models.families import MODELS
from kerasx.models.foreign_keys import nearest
from tests.models.helpers import CONFIG, build, outputs, random_checkpoint

SAVED = {  # as transformers saves a BERT
    "architectures": ["BertModel"],
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "intermediate_size": 12,
    "max_position_embeddings": 10,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "transformers_version": "5.0.0",
    "vocab_size": 20,
}
# public reports: keys that people's files have
REPORTED = """sbert_ce_default_activation_function sentence_transformers
_attn_implementation_autoset torchscript use_bfloat16 _num_labels xla_device max_length num_beams
unsloth_version auto_map attn_implementation do_sample is_composition tie_encoder_decoder
sequence_summary output_scores
bad_words_ids use_flash_attn custom_pipelines tf_legacy_loss model_name vocab_file""".split()
CDIAL_GPT = {  # of the LCCC models
    "afn": "gelu",
    "architectures": ["OpenAIGPTLMHeadModel"],
    "attn_pdrop": 0.1,
    "embd_pdrop": 0.1,
    "finetuning_task": None,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "n_ctx": 10,
    "n_embd": 8,
    "n_head": 2,
    "n_layer": 2,
    "n_positions": 10,
    "n_special": 0,
    "num_labels": 1,
    "output_attentions": False,
    "output_hidden_states": False,
    "output_past": True,
    "predict_special_tokens": True,
    "pruned_heads": {},
    "resid_pdrop": 0.1,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "torchscript": False,
    "use_bfloat16": False,
    "vocab_size": 20,
}
T5 = dict(d_model=8, d_kv=4, d_ff=12, num_layers=1, num_heads=2, vocab_size=20)
LLAMA = {**CONFIG, "model_type": "llama"}
BART = {f"{half}_{k}": 2 for half in ("encoder", "decoder") for k in ("attention_heads", "ffn_dim")}
BART |= dict(d_model=8, encoder_layers=1, decoder_layers=1, vocab_size=20)

once = pytest.mark.once


def from_file(tmp_path, config, *args, **options):
    """Return the builder of a configuration file."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return build_transformer_model(path, *args, return_keras_model=False, **options)


def made(config, **options):
    """Return a builder that has not built its graph."""
    return make_builder(config, **options)[0]


def lines(caplog):
    return [r.getMessage() for r in caplog.records if r.name == "kerasx"]


@once
def test_keys_of_the_programs_around_transformers_pass_silently(tmp_path, caplog):
    builder = from_file(tmp_path, {**SAVED, **dict.fromkeys(REPORTED, "x")})
    assert builder.hidden_size == 8 and not lines(caplog)


@once
def test_other_foreign_keys_are_listed_in_one_line_of_log(tmp_path, caplog):
    from_file(tmp_path, {**SAVED, "my_project": 1, "n_embd": 4, "transformers_weights": "w.bin"})
    (line,) = lines(caplog)
    assert line.endswith(": n_embd, my_project, transformers_weights") or "my_project" in line
    assert caplog.records[0].levelno == logging.WARNING


@once
@pytest.mark.parametrize(
    "key, name",
    [
        ("hiden_size", "hidden_size"),
        ("num_atention_heads", "num_attention_heads"),
        ("layernorm_eps", "layer_norm_eps"),
        ("hiddenDropoutProb", "hidden_dropout_prob"),
        ("type_vocab_sizes", "type_vocab_size"),
        ("max_postion_embedding", "max_position_embeddings"),
        ("is_decodr", "is_decoder"),
        ("tie_words_embeddings", "tie_word_embeddings"),
        ("posiiton_embedding_type", "position_embedding_type"),
    ],
)
def test_a_misspelt_key_is_refused_with_a_hint(key, name, tmp_path):
    with pytest.raises(ValueError, match=rf"{key} \(did you mean {name}\?\)"):
        from_file(tmp_path, {**SAVED, key: 3})


@once
def test_short_keys_are_not_taken_for_each_other():
    pairs = [("num_beams", "num_heads"), ("n_embed", "n_embd"), ("d_inner", "n_inner")]
    assert not any(nearest(key, [name]) for key, name in pairs)


@once
@pytest.mark.parametrize("key", ["prefix", "name", "layers", "layer_norm_cond"])
@pytest.mark.parametrize("marked", [True, False])
def test_arguments_that_say_how_to_build_are_taken_from_no_file(key, marked, tmp_path):
    builder = from_file(tmp_path, {**(SAVED if marked else CONFIG), key: "summarize: "})
    assert list(builder.layers)[0] == "Embedding-Token" and builder.name is None


@once
@pytest.mark.parametrize(
    "key, value",
    [("sequence_length", 4), ("with_pool", True), ("keep_tokens", [1]), ("version", 2)],
)
def test_a_file_of_transformers_is_read_as_transformers_reads_it(key, value, tmp_path, caplog):
    builder = from_file(tmp_path, {**SAVED, key: value})
    assert builder.model.output.shape == (None, None, 8) and builder.vocab_size == 20
    assert [key in line for line in lines(caplog)] == [True]


@once
def test_dicts_in_code_and_files_of_bert4keras_name_our_arguments(tmp_path):
    assert made({**SAVED, "prefix": "A-", "with_pool": True}).prefix == "A-"
    config = {**CONFIG, "dropout_rate": 0.3, "embedding_size": 4, "keep_tokens": [0, 3]}
    builder = from_file(tmp_path, config)
    assert (builder.dropout_rate, builder.embedding_size, builder.vocab_size) == (0.3, 4, 2)


@once
@pytest.mark.parametrize("name", ["t5", "mt5", "t5.1.1"])
@pytest.mark.parametrize("key", ["max_position_embeddings", "max_position", "n_positions"])
def test_a_t5_has_no_longest_text(name, key, caplog):
    made({**T5, "model_type": name, key: 512})
    made({**T5, "model_type": name}, **{key: 512})
    assert not lines(caplog)


@once
@pytest.mark.parametrize(
    "key, value, message",
    [
        ("add_cross_attention", True, "another model's outputs"),
        ("pruned_heads", {"0": [1]}, "all heads"),
        ("per_layer_config", {"0": {"hidden_act": "relu"}}, "all blocks"),
        ("quantization_config", {"quant_method": "gptq", "bits": 4}, "quantised weights"),
        (
            "quantization_config",
            {"load_in_8bit": False, "load_in_4bit": True},
            "quantised",
        ),
        ("quantization", {"group_size": 64, "bits": 4}, "quantised weights"),
        ("position_embedding_type", "relative_key", "must be 'absolute'"),
        ("hidden_act", "quick_silu", "`hidden_act` must be the name of an activation"),
        ("architectures", "BertForMultipleChoice", "say what to build"),
        ("architectures", [3], "must be a list of str"),
        ("model_type", "mpnet", "`model_type` must be one of"),
        ("model_type", 3, "`model_type` must be one of"),
    ],
)
def test_keys_that_ask_for_another_graph_are_refused(key, value, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        from_file(tmp_path, {**SAVED, key: value})


@once
@pytest.mark.parametrize(
    "key, value",
    [
        ("quantization_config", None),
        ("quantization_config", {"load_in_4bit": False, "load_in_8bit": False}),
        ("pruned_heads", {}),
        ("add_cross_attention", False),
        ("position_embedding_type", None),
        ("tie_word_embeddings", False),  # a model without scores
        ("architectures", "BertModel"),
    ],
)
def test_keys_that_ask_for_nothing_are_passed_over(key, value, tmp_path, caplog):
    from_file(tmp_path, {**SAVED, key: value})
    assert not lines(caplog)


@once
def test_untied_scores_are_refused_where_there_are_scores():
    with pytest.raises(ValueError, match="`tie_word_embeddings` must be True"):
        made({**SAVED, "tie_word_embeddings": False}, with_mlm=True)


# values ---------------------------------------------------------------------------------------

BAD = {
    "vocab_size": [0, -1, None, "many", True, 2.5, math.nan, math.inf, 10**12, [20]],
    "hidden_size": [0, -8, 9, None, "8", 10**12, {}],
    "num_hidden_layers": [-1, None, "12", 10**9, 1.5],
    "num_attention_heads": [0, -2, None, "2"],
    "intermediate_size": [0, None, "12", 10**12],
    "max_position_embeddings": [0, -1, None, 10**12],
    "type_vocab_size": [-1, None, "2", 10**12],
    "hidden_dropout_prob": [-0.1, 1.5, "0.1", math.nan, True],
    "attention_probs_dropout_prob": [-1, 2],
    "initializer_range": [math.nan, math.inf, -1, None, "0.02"],
    "layer_norm_eps": [math.nan, math.inf, -1e-12, None, "1e-12"],
    "hidden_act": [None, 3, "", "no_such", ["gelu", 4], []],
    "pad_token_id": [-1, "0", 1.5],
    "is_decoder": ["no", 2],
}


@once
@pytest.mark.parametrize("key, value", [(k, v) for k, values in BAD.items() for v in values])
def test_a_bad_value_is_refused_by_its_key(key, value, tmp_path):
    start = time.process_time()
    with pytest.raises(ValueError, match=rf"`{key}` .*must") as error:
        from_file(tmp_path, {**SAVED, key: value})
    assert " must be equal" not in str(error.value)  # NaN is not equal to itself
    assert time.process_time() - start < 2


@once
@pytest.mark.parametrize(
    "config, key",
    [
        ({"model_type": "gpt2", "n_embd": 0, "n_layer": 1, "n_head": 2}, "n_embd"),
        ({**T5, "model_type": "t5", "d_model": "8"}, "d_model"),
        ({**T5, "model_type": "t5", "num_decoder_layers": 0}, "num_decoder_layers"),
        (
            {**T5, "relative_attention_num_buckets": 0},
            "relative_attention_num_buckets",
        ),
        ({**LLAMA, "model_type": "qwen2", "num_key_value_heads": 0}, "num_key_value_heads"),
        ({**LLAMA, "rope_theta": -1}, "rope_theta"),
        ({**LLAMA, "rope_scaling": "linear"}, "rope_parameters"),
        ({**LLAMA, "rope_scaling": {"type": "linear"}}, "factor"),
        (
            {**LLAMA, "rope_scaling": {"type": "yarn", "factor": 2}},
            "rope_parameters",
        ),
        ({**LLAMA, "attention_bias": "yes"}, "attention_bias"),
        (
            {**CONFIG, "model_type": "nezha", "max_relative_position": 10**9},
            "max_relative_position",
        ),
    ],
)
def test_a_bad_value_of_a_family_is_refused_by_its_key(config, key):
    with pytest.raises(ValueError, match=rf"`{key}` "):
        made({"vocab_size": 20, **config})


@once
def test_whole_numbers_of_any_kind_are_integers():
    config = {**SAVED, "hidden_size": 8.0, "vocab_size": np.int64(20), "num_hidden_layers": 2.0}
    builder = made(config, max_position_embeddings=np.int32(12))
    sizes = builder.hidden_size, builder.vocab_size, builder.num_hidden_layers, builder.max_position
    assert sizes == (8, 20, 2, 12) and {type(size) for size in sizes} == {int}


@once
@pytest.mark.parametrize("key", ["vocab_size", "hidden_size", "intermediate_size"])
@pytest.mark.parametrize("kind", ["max_position_embeddings", "type_vocab_size", None])
def test_sizes_beyond_the_checkpoints_are_refused_before_anything_is_built(key, kind, tmp_path):
    checkpoint, start = random_checkpoint(), time.process_time()
    key = kind or key
    with pytest.raises(ValueError, match=rf"`{key}`.* must .*the checkpoint has"):
        from_file(tmp_path, {**SAVED, key: 10**9}, checkpoint)
    with pytest.raises(ValueError, match=r"`num_hidden_layers`.* must .*the checkpoint has"):
        from_file(tmp_path, {**SAVED, "num_hidden_layers": 10_000}, checkpoint)
    assert time.process_time() - start < 2


@once
def test_sizes_that_no_machine_holds_are_refused():
    with pytest.raises(ValueError, match="`vocab_size` × `hidden_size` must give at most"):
        made({**SAVED, "vocab_size": 10**9, "hidden_size": 10**5})


# overrides ------------------------------------------------------------------------------------


@once
def test_the_configurations_own_names_override_it():
    builder = made(SAVED, hidden_dropout_prob=0.0, max_position_embeddings=1024)
    assert (builder.dropout_rate, builder.max_position) == (0, 1024)
    assert made(CONFIG, max_position_embeddings=12).max_position == 12  # under another name there
    gpt2 = made({"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 20}, n_embd=16)
    assert (gpt2.hidden_size, gpt2.intermediate_size) == (16, 64)
    assert made({**T5, "model_type": "t5"}, feed_forward_proj="gated-gelu").hidden_act == [
        "gelu_new",
        "linear",
    ]
    assert made(SAVED, is_decoder=True).application == "lm"


@once
def test_a_configuration_of_mt5_in_the_names_of_bert4keras_keeps_its_activation():
    sizes = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = {**sizes, "intermediate_size": 12, "hidden_act": ["gelu", "linear"]}
    model = made({**config, "relative_attention_num_buckets": 32}, model="mt5.1.1")
    assert model.hidden_act == ["gelu", "linear"]
    assert not model.scale_decoder_outputs


@once
def test_an_override_under_two_names_must_be_one():
    made(SAVED, hidden_dropout_prob=0.2, dropout_rate=0.2)
    with pytest.raises(ValueError, match="`hidden_dropout_prob` and `dropout_rate` must be equal"):
        made(SAVED, hidden_dropout_prob=0.0, dropout_rate=0.2)
    with pytest.raises(
        ValueError, match="`n_positions` and `max_position_embeddings` must be equal"
    ):
        made({"model_type": "gpt2", "n_positions": 8, "max_position_embeddings": 9})


# recognition ----------------------------------------------------------------------------------


@once
@pytest.mark.parametrize(
    "config, family",
    [
        (CDIAL_GPT, "GPT"),
        ({k: v for k, v in CDIAL_GPT.items() if k != "architectures"}, "GPT"),
        ({"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 20}, "GPT2"),
        (T5, "T5"),
        ({**T5, "architectures": ["MT5ForConditionalGeneration"]}, "T5"),
        ({**T5, "architectures": ["T5EncoderModel"]}, "T5_Encoder"),
        (BART, "BART"),
        (dict(dim=8, n_heads=2, n_layers=1, hidden_dim=12, vocab_size=20), "DistilBERT"),
        ({**CONFIG, "rms_norm_eps": 1e-6}, "Llama"),
        ({**CONFIG, "num_hidden_groups": 1}, "ALBERT"),
        ({**CONFIG, "pos_att_type": "c2p", "relative_attention": True}, "DeBERTa"),
        ({**CONFIG, "architectures": ["XLMRobertaModel"]}, "RoBERTa"),
        (CONFIG, "BERT"),
    ],
)
def test_a_configuration_without_a_type_is_recognised_by_its_keys(config, family):
    assert type(made(config)).__name__ == family


def test_cdial_gpt_without_a_type_loads(caplog):
    checkpoint = {
        k: np.array(w) for w, k in build(model="gpt", segment_vocab_size=0).weights_and_variables()
    }
    config = {k: v for k, v in CDIAL_GPT.items() if k != "architectures"}
    builder = build_transformer_model(
        {**config, "n_inner": 12}, checkpoint, return_keras_model=False
    )
    assert type(builder).__name__ == "GPT" and not lines(caplog)


@once
def test_the_checkpoint_decides_where_the_keys_do_not():
    tensors = ["gpt/embeddings/word_embeddings", "gpt/transformer/layer_0/intermediate/dense/bias"]
    assert choose_family(None, {"n_embd": 8}, tensors)[0] is MODELS["gpt"]
    assert choose_family(None, CONFIG, ["nezha.encoder.layer.0.x"])[0] is MODELS["nezha"]
    with pytest.raises(ValueError, match="keys of gpt2 or gpt, but the checkpoint has .* of t5"):
        choose_family(None, {"n_embd": 8}, ["encoder.block.0.layer.0.SelfAttention.q.weight"])


@once
def test_keys_of_another_family_are_named_where_the_type_says_else():
    with pytest.raises(ValueError, match="The configuration has keys of gpt2 or gpt"):
        made({"model_type": "bert", "n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 20})


@once
@pytest.mark.parametrize(
    "name", ["BERT", "XLM-RoBERTa", "xlm_roberta", "DeBERTa_v2", "camembert", "GPT2-ML", "T5.1.1"]
)
def test_names_of_models_have_letters_of_any_size(name):
    assert made(CONFIG | {"max_position": 20}, model=name)
    assert made({**CONFIG, "model_type": name}) if "T5" not in name else True


# depth ----------------------------------------------------------------------------------------


@once
def test_the_first_blocks_of_a_deeper_checkpoint_load_where_the_depth_is_overridden(
    tmp_path, caplog
):
    checkpoint = random_checkpoint()
    whole = from_file(tmp_path, CONFIG, checkpoint, with_mlm=True, with_nsp=True)
    assert not lines(caplog)
    builder = from_file(tmp_path, CONFIG, checkpoint, num_hidden_layers=1)
    assert sum("first 1 of 2 blocks" in line for line in lines(caplog)) == 1
    for name, layer in builder.layers.items():
        for ours, theirs in zip(layer.get_weights(), whole.layers[name].get_weights()):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="unused"):
        from_file(tmp_path, {**CONFIG, "num_hidden_layers": 1}, checkpoint)


@once
def test_paths_and_numpy_integers_are_taken(tmp_path):
    builder = build()
    builder.save_weights_as_checkpoint(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    x = [[2, 5, 7]], [[0, 0, 1]]
    expected = outputs(builder.model, *x)
    folder = build_transformer_model(tmp_path, num_hidden_layers=np.int64(2))
    files = build_transformer_model(tmp_path / "config.json", tmp_path / "model.safetensors")
    np.testing.assert_array_equal(outputs(folder, *x), expected)
    np.testing.assert_array_equal(outputs(files, *x), expected)
    assert isinstance(made({k: np.int32(v) for k, v in CONFIG.items()}), BERT)
