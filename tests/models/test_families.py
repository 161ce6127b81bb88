"""Contract of every model family, in each of its applications."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.generation import Generator
from kerasx.models import build_transformer_model
from tests.generation.models import naive_greedy, randomize
from tests.models.families import FAMILIES, test_every_family_has_a_row  # noqa: F401

CASES = [(name, a) for name in FAMILIES for a in FAMILIES[name].applications]
GENERATING = [(name, a) for name, a in CASES if a != "encoder"]
# every family on every backend
FIRST = [(name, FAMILIES[name].applications[0]) for name in FAMILIES]
LAST = [(name, a) for name in FAMILIES for a in FAMILIES[name].applications[-1:] if a != "encoder"]
each_family = pytest.mark.parametrize("name, application", sorted({*CASES, *FIRST}))
each_causal = pytest.mark.parametrize("name, application", sorted({*GENERATING, *LAST}))
each_case = pytest.mark.parametrize("name, application", CASES)
each_generating = pytest.mark.parametrize("name, application", GENERATING)
# two sequences, the second one shorter
LENGTHS, N = (7, 4), 9


def tiny(name, application, **options):
    """Return a tiny model of this family with large weights, the same on every backend."""
    row = FAMILIES[name]
    options = {**row.options(), **row.head, **options}
    builder = build_transformer_model(
        None, model=name, application=application, return_keras_model=False, **options
    )
    randomize(builder.model, seed=1)
    return builder


def inputs_of(model, tokens, segments):
    """Return the model's inputs, in its order."""
    places = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
    given = {"Token": tokens, "Segment": segments, "Position": places}
    inputs = [given[x.name.rsplit("Input-", 1)[-1]].astype("int32") for x in model.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


def outputs(model, tokens, segments=None):
    """Return the model's outputs for tokens, float32 NumPy (b, n, ...)."""
    segments = np.zeros_like(tokens) if segments is None else segments
    inputs = inputs_of(model, tokens, segments)
    # on JAX one compilation is quicker than one for each operation
    jax = keras.backend.backend() == "jax"
    out = model.predict_on_batch(inputs) if jax else model(inputs, training=False)
    return ops.convert_to_numpy(ops.cast(keras.tree.flatten(out)[-1], "float32"))


def batch(name, n=N):
    """Return token and segment ids (2, n), padded at the end."""
    rng, row = np.random.default_rng(0), FAMILIES[name]
    tokens = np.full((2, n), row.pad_id)
    segments = np.zeros((2, n), "int32")
    for i, length in enumerate(LENGTHS):
        tokens[i, :length] = rng.integers(3, 20, length)
        segments[i, length - 2 : length] = 1
    return tokens, segments


@each_family
def test_an_example_alone_is_as_in_a_batch_and_padding_changes_nothing(name, application):
    model = tiny(name, application).model
    tokens, segments = batch(name)
    together = outputs(model, tokens, segments)
    longer = outputs(model, *batch(name, N + 4))
    for i, length in enumerate(LENGTHS):
        alone = outputs(model, tokens[i : i + 1, :length], segments[i : i + 1, :length])[0]
        np.testing.assert_allclose(together[i, :length], alone, atol=1e-5)
        np.testing.assert_allclose(longer[i, :length], alone, atol=1e-5)


@each_case
def test_a_saved_model_is_the_same(name, application, tmp_path):
    model = tiny(name, application).model
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(loaded, *batch(name)), outputs(model, *batch(name)))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_written_checkpoint_loads_and_is_the_same(name, tmp_path):
    application = FAMILIES[name].applications[0]
    builder = tiny(name, application)
    builder.save_weights_as_checkpoint(tmp_path / "model.safetensors")
    options = {**FAMILIES[name].options(), **FAMILIES[name].head}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name, **options}))
    loaded = build_transformer_model(str(tmp_path), application=application)
    expected = outputs(builder.model, *batch(name))
    np.testing.assert_array_equal(outputs(loaded, *batch(name)), expected)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_half_precision_is_finite_and_near(name, policy):
    application, before = FAMILIES[name].applications[0], keras.config.dtype_policy()
    expected = outputs(tiny(name, application).model, *batch(name))
    try:
        keras.config.set_dtype_policy(policy)
        got = outputs(tiny(name, application).model, *batch(name))
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(got).all()
    real = batch(name)[0] != FAMILIES[name].pad_id
    scale = np.abs(expected[real]).max()
    assert (
        np.abs(got - expected)[real].max() < (0.1 if policy == "mixed_bfloat16" else 0.02) * scale
    )


@pytest.mark.parametrize("name", ["gpt2", "llama", "modernbert", "qwen3"])
def test_float16_holds_sums_that_are_normalized_only_before_the_next_block(name):
    """A feed-forward network whose outputs are beyond 65504 meets a normalization as it is."""
    found, before = {}, keras.config.dtype_policy()
    try:
        for policy in ("float32", "mixed_float16"):
            keras.config.set_dtype_policy(policy)
            model = tiny(name, FAMILIES[name].applications[0]).model
            network = model.get_layer("Transformer-0-FeedForward").o_dense
            network.kernel.assign(3e5 * network.kernel)
            found[policy] = outputs(model, *batch(name)).astype("float32")
    finally:
        keras.config.set_dtype_policy(before)
    real = batch(name)[0] != FAMILIES[name].pad_id
    expected, got = (found[policy][real] for policy in ("float32", "mixed_float16"))
    assert np.isfinite(got).all()
    assert np.abs(got - expected).max() < 0.02 * np.abs(expected).max()


@each_causal
def test_later_tokens_do_not_leak(name, application):
    model = tiny(name, application).model
    tokens, segments = batch(name)
    tokens, segments = tokens[:1, :7], segments[:1, :7]
    changed = tokens.copy()
    changed[0, 6] = 21
    before, after = outputs(model, tokens, segments), outputs(model, changed, segments)
    np.testing.assert_allclose(before[0, :6], after[0, :6], atol=1e-6)
    assert np.abs(before[0, 6] - after[0, 6]).max() > 1e-3


@each_generating
def test_cached_generation_equals_uncached(name, application):
    model = tiny(name, application).model
    prompts = [[5, 3, 9, 2, 7], [4, 8]]
    found = Generator(model, max_new_tokens=6, prompt_multiple=8)(prompts).best
    assert found == naive_greedy(model, prompts, 6)
