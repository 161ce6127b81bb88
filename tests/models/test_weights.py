"""Weights go in and out by name, all or nothing, bit for bit."""

import keras
import numpy as np
import pytest

from kerasx.models import build_transformer_model
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs, random_checkpoint

CHECKPOINT = random_checkpoint()
EMBEDDINGS = "bert/embeddings/word_embeddings"
HEADS = {"with_mlm": True, "with_nsp": True}


def weights_of(builder):
    return [w.copy() for w in builder.model.get_weights()]


def assert_untouched(builder, before):
    assert all((x == y).all() for x, y in zip(weights_of(builder), before))


def test_every_weight_comes_from_the_checkpoint():
    builder = build(CHECKPOINT, **HEADS)
    loaded = {id(w) for w, _ in builder.weights_and_variables()}
    assert loaded == {id(w) for w in builder.model.weights}
    for weight, name in builder.weights_and_variables():
        value = builder.create_variable(name, keras.ops.convert_to_numpy(weight))
        assert (value == CHECKPOINT[name]).all()


def test_missing_unused_and_misshapen_tensors_are_all_listed_and_nothing_is_loaded():
    bad = dict(CHECKPOINT)
    del bad["bert/embeddings/LayerNorm/beta"]
    bad["bert/encoder/layer_2/output/dense/bias"] = np.zeros(8)
    bad["bert/encoder/layer_0/output/dense/bias"] = np.zeros(9)
    bad[EMBEDDINGS] = np.zeros((21, 8))
    builder = build()
    before = weights_of(builder)
    with pytest.raises(ValueError) as caught:
        builder.load_weights_from_checkpoint(bad)
    for line in (
        "1 missing:\n    bert/embeddings/LayerNorm/beta",
        "1 unused:\n    bert/encoder/layer_2/output/dense/bias",
        "2 of another shape:",
        f"{EMBEDDINGS}: model (20, 8), checkpoint (21, 8)",
        "bert/encoder/layer_0/output/dense/bias: model (8,), checkpoint (9,)",
    ):
        assert line in str(caught.value)
    assert_untouched(builder, before)


def test_a_mapping_with_too_few_variables_is_an_error():
    builder = build()
    mapping = {**builder.variable_mapping(), "Embedding-Norm": ["bert/embeddings/LayerNorm/beta"]}
    with pytest.raises(ValueError, match="a variable for each weight.*`Embedding-Norm`"):
        builder.load_weights_from_checkpoint(CHECKPOINT, mapping)


def test_heads_that_were_not_asked_for_may_stay_in_the_checkpoint():
    table = build(CHECKPOINT).layers["Embedding-Token"].weights[0]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(table), CHECKPOINT[EMBEDDINGS])


def test_heads_that_are_not_in_the_checkpoint_keep_their_weights_and_are_named(caplog):
    backbone = {k: v for k, v in CHECKPOINT.items() if not k.startswith("cls/")}
    build(backbone, with_mlm=True)
    (line,) = caplog.messages
    assert "not in the checkpoint" in line and "cls/predictions/output_bias" in line


def test_invalid_weights_are_skipped_only_when_told():
    bad = {**CHECKPOINT, EMBEDDINGS: np.ones((21, 8), "float32")}
    with pytest.raises(ValueError, match=EMBEDDINGS):
        build(bad)
    builder = build(bad, ignore_invalid_weights=True)
    table = keras.ops.convert_to_numpy(builder.layers["Embedding-Token"].weights[0])
    assert not (table == 1).any()
    norm = keras.ops.convert_to_numpy(builder.layers["Embedding-Norm"].weights[0])
    assert (norm == CHECKPOINT["bert/embeddings/LayerNorm/beta"]).all()


def test_resized_weights_keep_their_norm():
    wide = build(CHECKPOINT, autoresize_weights=True, hidden_size=16, intermediate_size=24)
    table = keras.ops.convert_to_numpy(wide.layers["Embedding-Token"].weights[0])
    assert table.shape == (20, 16)
    norm = np.linalg.norm(CHECKPOINT[EMBEDDINGS])
    np.testing.assert_allclose(np.linalg.norm(table), norm, rtol=1e-5)


def test_a_damaged_checkpoint_is_refused_and_nothing_is_loaded(tmp_path):
    build(CHECKPOINT).save_weights_as_checkpoint(tmp_path / "bert_model.ckpt")
    data = tmp_path / "bert_model.ckpt.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[-1] ^= 1
    data.write_bytes(content)
    builder = build()
    before = weights_of(builder)
    with pytest.raises(ValueError, match="CRC-32C"):
        builder.load_weights_from_checkpoint(tmp_path / "bert_model.ckpt")
    assert_untouched(builder, before)


@pytest.mark.parametrize("names", ["original", "huggingface"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("file", ["bert_model.ckpt", "model.safetensors"])
def test_large_weights_load_by_pieces(file, dtype, names, tmp_path, monkeypatch):
    from kerasx import backend

    first, path = build(CHECKPOINT, **HEADS), str(tmp_path / file)
    first.save_weights_as_checkpoint(path, dtype=dtype, names=names)
    fill = backend.fill
    monkeypatch.setattr(backend, "fill", lambda *args, **kwargs: fill(*args, **kwargs, piece=20))
    second = build(path, **HEADS)
    expected = [w.astype(dtype).astype("float32") for w in weights_of(first)]
    assert all((x == y).all() for x, y in zip(weights_of(second), expected))


def test_weights_do_not_share_memory_with_a_dict_of_arrays():
    arrays = {name: np.array(value) for name, value in CHECKPOINT.items()}
    builder = build(arrays)
    before = weights_of(builder)
    for value in arrays.values():
        value[...] = 7
    assert_untouched(builder, before)


@pytest.mark.parametrize("file", ["bert_model.ckpt", "model.safetensors"])
def test_a_written_checkpoint_is_the_same_bit_for_bit_and_loads_back(file, tmp_path):
    from kerasx.checkpoints import open_checkpoint

    first, path = build(CHECKPOINT, **HEADS), str(tmp_path / file)
    first.save_weights_as_checkpoint(path)
    with open_checkpoint(path) as written:
        assert set(written) == set(CHECKPOINT)
        assert all((np.asarray(written[k]) == v).all() for k, v in CHECKPOINT.items())
    second = build(path, **HEADS)
    assert_untouched(second, weights_of(first))


def test_a_checkpoint_written_in_half_precision_is_half_as_large(tmp_path):
    from kerasx.checkpoints import open_checkpoint

    path = str(tmp_path / "half.safetensors")
    build(CHECKPOINT).save_weights_as_checkpoint(path, dtype="float16")
    with open_checkpoint(path) as written:
        assert {str(written.dtype(name)) for name in written} == {"float16"}


@pytest.mark.parametrize("application", ["encoder", "lm", "unilm"])
def test_a_saved_keras_model_gives_the_same_outputs(application, tmp_path):
    options = {"with_mlm": "linear", "residual_attention_scores": True, "dropout_rate": 0.1}
    model = build(CHECKPOINT, application=application, **options).model
    model.save(tmp_path / "model.keras")
    revived = keras.saving.load_model(tmp_path / "model.keras")
    expected = outputs(model, TOKENS, SEGMENTS)
    assert (outputs(revived, TOKENS, SEGMENTS) == expected).all()


def test_keras_weights_load_through_the_builder(tmp_path):
    path = str(tmp_path / "best.weights.h5")
    first = build(CHECKPOINT, **HEADS, attention_dropout_rate=0.1)
    first.model.save_weights(path)
    second = build_transformer_model(CONFIG, path, **HEADS, attention_dropout_rate=0.1)
    assert all((x == y).all() for x, y in zip(second.get_weights(), weights_of(first)))


@pytest.mark.parametrize(
    "options, match",
    [
        ({"num_hidden_layers": 1, **HEADS}, "Transformer-1-FeedForward: unused"),
        ({"num_hidden_layers": 3, **HEADS}, "Transformer-2-FeedForward: missing in the file"),
        ({"prefix": "Teacher-", **HEADS}, "Teacher-Embedding-Token: missing in the file"),
        ({"hidden_size": 16, **HEADS}, "expects? .*shape|expected shape|shape"),
    ],
)
def test_keras_weights_of_another_model_are_refused_and_nothing_is_loaded(options, match, tmp_path):
    path = str(tmp_path / "best.weights.h5")
    build(CHECKPOINT, **HEADS).model.save_weights(path)
    builder = build(**options)
    before = weights_of(builder)
    with pytest.raises(ValueError, match=match):
        builder.load_weights_from_checkpoint(path)
    assert_untouched(builder, before)
