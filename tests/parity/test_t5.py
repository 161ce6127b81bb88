"""T5 and mT5 equal transformers on folders that save_pretrained wrote."""

import json

import keras
import numpy as np
import pytest
import torch

from kerasx.models import build_transformer_model
from tests.parity.encoder_decoder import (
    SOURCES,
    TARGETS,
    assert_same,
    assert_same_generation,
    padded,
    reference,
)

CONFIG = {
    "vocab_size": 30,
    "d_model": 16,
    "d_kv": 5,
    "d_ff": 24,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 3,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 6,
    "decoder_start_token_id": 0,
}
SECOND = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
# {case: (head, its differences from CONFIG)}
CASES = {
    "1.0": ("T5ForConditionalGeneration", {}),
    "1.1": ("T5ForConditionalGeneration", SECOND),
    "gated_and_tied": ("T5ForConditionalGeneration", {"feed_forward_proj": "gated-silu"}),
    "mt5": ("MT5ForConditionalGeneration", {}),
    "vectors": ("T5Model", {}),
    "mt5_vectors": ("MT5Model", {}),
    "encoder": ("T5EncoderModel", {}),
    "mt5_encoder": ("MT5EncoderModel", {}),
}
SOURCE, TARGET = padded(SOURCES, 0), padded(TARGETS, 0)


def saved(case, folder, **more):
    """Write the reference of a case to the folder, and return it."""
    head, options = CASES[case]
    config = "MT5Config" if head.startswith("M") else "T5Config"
    model = reference(head, config, **{**CONFIG, **options, **more})
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("case", CASES)
def test_a_saved_folder_gives_the_same_outputs(case, tmp_path):
    model = saved(case, tmp_path / case)
    assert_same(tmp_path / case, model, [SOURCE] if "encoder" in case else [SOURCE, TARGET], pad=0)


def test_the_encoder_of_a_whole_model_loads_when_asked_for(tmp_path):
    model = saved("1.1", tmp_path)
    with torch.no_grad():
        mask = torch.tensor(SOURCE != 0).long()
        expected = model.encoder(torch.tensor(SOURCE), attention_mask=mask)[0].numpy()
    encoder = build_transformer_model(str(tmp_path), model="t5_encoder")
    got = keras.ops.convert_to_numpy(encoder(SOURCE))
    np.testing.assert_allclose(got[SOURCE != 0], expected[SOURCE != 0], atol=1e-4)


def test_kept_tokens_cut_the_table_and_the_scores(tmp_path):
    saved("1.1", tmp_path)
    keep = [0, 7, 3, 9, 5, 4]
    whole = build_transformer_model(str(tmp_path))
    cut = build_transformer_model(str(tmp_path), keep_tokens=keep, compound_tokens=[[1, 2]])
    source, target = np.array([[1, 3, 2]]), np.array([[0, 4]])
    kept = np.array(keep)
    expected = keras.ops.convert_to_numpy(whole([kept[source], kept[target]]))[..., kept]
    got = keras.ops.convert_to_numpy(cut([source, target]))
    np.testing.assert_allclose(got[..., :-1], expected, atol=1e-5)
    np.testing.assert_allclose(got[..., -1], expected[..., 1:3].mean(-1), atol=1e-5)


def test_outputs_are_scaled_where_they_meet_the_token_table_unless_told(tmp_path):
    model = saved("1.1", tmp_path)
    outputs = [
        keras.ops.convert_to_numpy(
            build_transformer_model(str(tmp_path), scale_decoder_outputs=scale)([SOURCE, TARGET])
        )
        for scale in (False, True)
    ]
    assert model.config.scale_decoder_outputs is False
    np.testing.assert_allclose(outputs[0] * 16**-0.5, outputs[1], atol=1e-5)


@pytest.mark.parametrize("case, tied", [("1.0", False), ("1.1", True)])
def test_a_folder_tied_in_another_way_is_refused(case, tied, tmp_path):
    saved(case, tmp_path)
    with pytest.raises(ValueError, match=f"`tie_word_embeddings` must be {not tied}"):
        build_transformer_model(str(tmp_path), tie_word_embeddings=tied)


def test_a_folder_of_another_family_is_refused(tmp_path):
    saved("1.0", tmp_path)
    with pytest.raises(ValueError, match="`model` must be left out or 't5'"):
        build_transformer_model(str(tmp_path), model="bert")
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["T5ForSequenceClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="`architectures` must name one of"):
        build_transformer_model(str(tmp_path))


def test_a_written_folder_is_read_by_transformers(tmp_path):
    model = saved("1.1", tmp_path)
    builder = build_transformer_model(str(tmp_path), return_keras_model=False)
    builder.save_weights_as_checkpoint(tmp_path / "model.safetensors", names="huggingface")
    again = type(model).from_pretrained(tmp_path)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)


def test_generated_sequences_are_those_of_transformers(tmp_path):
    # transformers' own cache has room for as many layers as the encoder's
    model = saved("1.1", tmp_path, num_decoder_layers=2)
    assert_same_generation(tmp_path, model, start=0, pad=0)


@pytest.mark.parametrize("case", ["1.0", "1.1", "mt5", "encoder"])
def test_float16_is_finite_where_transformers_is(case, tmp_path):
    """With sums beyond 65504, which float16 cannot hold, and a training step after them."""
    model = saved(case, tmp_path / case)
    with torch.no_grad():
        model.encoder.block[0].layer[1].DenseReluDense.wo.weight *= 3e4
    model.save_pretrained(tmp_path / case)
    inputs = [SOURCE] if case == "encoder" else [SOURCE, TARGET]
    before, found = keras.config.dtype_policy(), {}
    try:
        for policy in ("float32", "mixed_float16"):
            keras.config.set_dtype_policy(policy)
            built = build_transformer_model(str(tmp_path / case))
            found[policy] = keras.ops.convert_to_numpy(built(inputs if inputs[1:] else SOURCE))
        built.compile("sgd", "mse", jit_compile=False)
        loss = built.train_on_batch(inputs if inputs[1:] else SOURCE, 0 * found["float32"])
    finally:
        keras.config.set_dtype_policy(before)
    largest = keras.ops.convert_to_numpy(found["float32"])
    error = np.abs(found["mixed_float16"].astype("float32") - largest).max()
    assert error < 0.02 * np.abs(largest).max() and np.isfinite(float(np.ravel(loss)[0]))
    assert all(np.isfinite(w).all() for w in built.get_weights())


@pytest.mark.parametrize("case", ["1.0", "1.1"])
def test_a_decoder_sees_a_padding_id_that_it_has_generated(case, tmp_path):
    model = saved(case, tmp_path / case)
    target = np.array([[0, 5, 0, 7, 0, 0, 9], [0, 0, 4, 8, 0, 3, 3]])
    source = torch.tensor(SOURCE[:2])
    with torch.no_grad():
        expected = model(
            input_ids=source,
            attention_mask=(source != 0).long(),
            decoder_input_ids=torch.tensor(target),
        ).logits.numpy()
    got = build_transformer_model(str(tmp_path / case), with_lm="linear")([SOURCE[:2], target])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got), expected, atol=1e-4)
