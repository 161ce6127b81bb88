"""Contract of every encoder-decoder family."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.models import build_transformer_model
from tests.generation.models import randomize
from tests.models.families import ENCODER_DECODERS, SIZES

each_family = pytest.mark.parametrize("name", ENCODER_DECODERS)
SOURCES = [[5, 3, 9, 12, 7, 8, 4], [6, 11, 10, 4]]
TARGETS = [[3, 7, 5, 9, 8], [3, 9, 10]]


def tiny(name, **options):
    """Return a tiny builder of this family with large weights, the same on every backend."""
    options = {**SIZES, "with_lm": "linear", **ENCODER_DECODERS[name], **options}
    options = {k: v for k, v in options.items() if v is not None}
    builder = build_transformer_model(model=name, return_keras_model=False, **options)
    randomize(builder.model, seed=1)
    return builder


def calm(builder):
    """Halve the weights: scores not divided by sqrt(key_size) would magnify every rounding."""
    for v in builder.model.trainable_variables:
        v.assign(v * 0.5 if len(v.shape) > 1 else v)
    return builder


def padded(rows, n, pad):
    return np.array([row + [pad] * (n - len(row)) for row in rows], "int32")


def said(model, *inputs):
    """Return the outputs for inputs; on JAX one compilation is faster than one an operation."""
    jax = keras.backend.backend() == "jax"
    inputs = list(inputs) if len(inputs) > 1 else inputs[0]
    return ops.convert_to_numpy(model.predict_on_batch(inputs) if jax else model(inputs))


def outputs(builder, model=None, more=0):
    """Return the outputs for the sequences, padded to a length and `more`."""
    pad = builder.pad_id
    inputs = padded(SOURCES, 8 + more, pad), padded(TARGETS, 6 + more, pad)
    return said(model or builder.model, *inputs).astype("float32")


@each_family
def test_an_example_alone_is_as_in_a_batch_and_padding_changes_nothing(name):
    builder = calm(tiny(name))
    together, longer = outputs(builder), outputs(builder, more=3)
    for i, (source, target) in enumerate(zip(SOURCES, TARGETS)):
        alone = said(builder.model, np.array([source]), np.array([target]))[0]
        np.testing.assert_allclose(together[i, : len(target)], alone, atol=1e-5)
        np.testing.assert_allclose(longer[i, : len(target)], alone, atol=1e-5)


@each_family
def test_the_halves_together_are_the_model(name):
    builder = tiny(name)
    source, target = np.array([SOURCES[0]]), np.array([TARGETS[0]])
    whole = said(builder.model, source, target)
    halves = said(builder.decoder, said(builder.encoder, source), target)
    np.testing.assert_allclose(halves, whole, atol=1e-6)


@each_family
def test_later_tokens_do_not_leak_but_the_source_is_seen_whole(name):
    model = tiny(name).model
    source, target = np.array([SOURCES[0]]), np.array([TARGETS[0]])
    later, other = target.copy(), source.copy()
    later[0, -1], other[0, -1] = 21, 21
    first, changed, seen = (
        said(model, *x)[0] for x in ([source, target], [source, later], [other, target])
    )
    np.testing.assert_allclose(first[:-1], changed[:-1], atol=1e-6)
    assert np.abs(first[-1] - changed[-1]).max() > 1e-3
    assert np.abs(first[0] - seen[0]).max() > 1e-3


@each_family
def test_a_saved_model_is_the_same(name, tmp_path):
    builder = tiny(name)
    builder.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(builder, loaded), outputs(builder))


@each_family
def test_a_written_checkpoint_loads_and_is_the_same(name, tmp_path):
    builder = tiny(name)
    builder.save_weights_as_checkpoint(tmp_path / "model.ckpt")
    config = {**SIZES, **ENCODER_DECODERS[name], "with_lm": "linear"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = build_transformer_model(str(tmp_path), model=name)
    np.testing.assert_array_equal(outputs(builder, loaded), outputs(builder))


@each_family
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_finite_and_near(name, policy):
    before, expected = keras.config.dtype_policy(), outputs(calm(tiny(name)))
    try:
        keras.config.set_dtype_policy(policy)
        got = outputs(calm(tiny(name)))
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(got).all()
    real = padded(TARGETS, 6, -1) >= 0
    error, scale = np.abs(got - expected)[real].max(), np.abs(expected[real]).max()
    assert error < (0.1 if policy == "mixed_bfloat16" else 0.02) * scale


def test_arguments_of_other_families_are_refused():
    for argument in ("with_mlm", "segment_vocab_size", "with_poool"):
        with pytest.raises(ValueError, match=rf"unknown arguments \['{argument}'\]"):
            build_transformer_model(SIZES, model="t5.1.1", **{argument: 2})
    with pytest.raises(ValueError, match="`version` must be one of"):
        tiny("t5.1.0", version="t5.2")
    with pytest.raises(ValueError, match="`pad_id`"):
        build_transformer_model({**SIZES, "pad_id": None}, model="bart")
