"""LoRA: the same model at first, few trainable variables, a plain model in the end."""

import keras
import numpy as np
import pytest

from kerasx.models import build_transformer_model, enable_lora, merge_lora
from kerasx.optimizers import lora_plus
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs

TARGETS = np.random.default_rng(0).normal(size=(*TOKENS.shape, 8)).astype("float32")


def shapes(model):
    return sorted(tuple(v.shape) for v in model.trainable_variables)


def trained(model, optimizer):
    """Return the model after some steps that pull its vectors to TARGETS."""
    model.compile(optimizer, loss="mse")
    model.fit([TOKENS, SEGMENTS], TARGETS, epochs=3, verbose=0)
    return outputs(model, TOKENS, SEGMENTS)


def test_an_adapted_model_says_the_same_and_trains_its_factors_alone():
    model = build().model
    before, variables = outputs(model, TOKENS, SEGMENTS), len(model.variables)
    chosen = enable_lora(model, rank=2, layers="MultiHead.*/[qv]_dense$")
    assert chosen == [
        f"Transformer-{i}-MultiHeadSelfAttention/{x}_dense" for i in range(2) for x in "qv"
    ]
    assert shapes(model) == sorted([(8, 2), (2, 8)] * 4)
    assert len(model.variables) == variables + 8
    np.testing.assert_array_equal(outputs(model, TOKENS, SEGMENTS), before)


def test_all_projections_are_adapted_by_default():
    model = build_transformer_model({**CONFIG, "hidden_act": ["gelu", "linear"]})
    assert len(enable_lora(model, rank=1)) == 2 * (4 + 3)


def test_only_the_factors_move_and_merging_keeps_the_outputs_and_leaves_a_plain_model(tmp_path):
    builder = build()
    model = builder.model
    plain, before = shapes(model), {v.path: np.array(v) for v in model.variables}
    names = [v.path for v in model.variables]
    enable_lora(model, rank=2, alpha=6)
    expected = trained(model, keras.optimizers.SGD(0.1))
    moved = {v.path for v in model.variables if (np.array(v) != before.get(v.path)).any()}
    factors = {v.path for v in model.trainable_variables}
    assert moved == factors and all("lora" in path for path in factors)
    model.save(tmp_path / "adapted.keras")

    merge_lora(model)
    np.testing.assert_allclose(outputs(model, TOKENS, SEGMENTS), expected, atol=1e-5)
    np.testing.assert_allclose(model.predict([TOKENS, SEGMENTS], verbose=0), expected, atol=1e-5)
    assert [v.path for v in model.variables] == names and shapes(model) == plain
    builder.save_weights_as_checkpoint(tmp_path / "merged.safetensors")
    again = build(str(tmp_path / "merged.safetensors")).model
    np.testing.assert_array_equal(
        outputs(again, TOKENS, SEGMENTS), outputs(model, TOKENS, SEGMENTS)
    )
    saved = keras.saving.load_model(tmp_path / "adapted.keras")
    assert shapes(saved) == plain
    np.testing.assert_allclose(outputs(saved, TOKENS, SEGMENTS), expected, atol=1e-5)


def test_a_layer_on_top_trains_too_and_merging_reaches_through_it():
    bert = build().model
    enable_lora(bert, rank=1, layers="FeedForward/o_dense$")
    model = keras.Model(bert.inputs, keras.layers.Dense(3, name="Head")(bert.output))
    names = {v.path.split("/")[-2] + "/" + v.name for v in model.trainable_variables}
    assert names == {
        "Head/kernel",
        "Head/bias",
        "o_dense/lora_kernel_a",
        "o_dense/lora_kernel_b",
    }
    model.compile("adam", loss="mse")
    model.fit([TOKENS, SEGMENTS], TARGETS[..., :3], epochs=2, verbose=0)
    expected = model.predict([TOKENS, SEGMENTS], verbose=0)
    merge_lora(model)
    np.testing.assert_allclose(model.predict([TOKENS, SEGMENTS], verbose=0), expected, atol=1e-5)
    assert len(bert.trainable_variables) == len(bert.variables)


def test_a_model_on_top_that_was_compiled_says_the_same_when_the_one_below_is_merged():
    bert = build().model
    enable_lora(bert, rank=1)
    model = keras.Model(bert.inputs, keras.layers.Dense(3)(bert.output))
    model.compile("adam", loss="mse")
    model.fit([TOKENS, SEGMENTS], TARGETS[..., :3], epochs=2, verbose=0)
    expected = model.predict([TOKENS, SEGMENTS], verbose=0)
    merge_lora(bert)
    np.testing.assert_allclose(model.predict([TOKENS, SEGMENTS], verbose=0), expected, atol=1e-5)


def test_lora_plus_moves_the_second_factor_that_much_further():
    steps = {}
    for ratio in (1, 4):
        keras.utils.set_random_seed(0)
        model = build().model
        enable_lora(model, rank=2, layers="/v_dense$")
        model.compile(lora_plus(keras.optimizers.SGD(0.01), ratio=ratio), loss="mse")
        model.fit([TOKENS, SEGMENTS], TARGETS, epochs=1, verbose=0)
        steps[ratio] = [np.array(v) for v in model.trainable_variables if v.name[-1] == "b"]
    assert len(steps[1]) == 2 and np.abs(steps[1][0]).max() > 0
    for x, y in zip(steps[1], steps[4]):
        np.testing.assert_allclose(4 * x, y, rtol=1e-4, atol=1e-8)


def test_recomputed_activations_have_the_gradients_of_kept_ones():
    found = []
    for recompute in (False, True):
        keras.utils.set_random_seed(0)
        model = build(recompute=recompute).model
        enable_lora(model, rank=2)
        found.append(trained(model, keras.optimizers.SGD(0.1)))
    np.testing.assert_allclose(*found, atol=1e-5)


@pytest.mark.parametrize("options", [{"rank": 0}, {"rank": 2, "layers": "Convolution"}])
def test_a_rank_of_zero_and_a_pattern_without_layers_are_refused(options):
    with pytest.raises(ValueError, match="`rank` must be|dense layers=.*FeedForward"):
        enable_lora(build().model, **options)


def test_twice_and_never_are_refused():
    model = build().model
    with pytest.raises(ValueError, match="must be adapted"):
        merge_lora(model)
    enable_lora(model, rank=1)
    with pytest.raises(ValueError, match="must not be adapted yet"):
        enable_lora(model, rank=1)
