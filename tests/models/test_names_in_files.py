"""Tensors are found under any names that people's files have; what is left out is named."""

import functools
import logging

import keras
import numpy as np
import pytest

from kerasx.checkpoints import open_checkpoint, save_safetensors
from kerasx.models import build_transformer_model, load_keras_weights, save_pretrained
from kerasx.models.families import MODELS
from kerasx.models.placement import Placement, ending, simplified
from tests.models.families import ENCODER_DECODERS, FAMILIES, SIZES

pytestmark = pytest.mark.once

# the blocks of an albert_unshared are in no folder of Hugging Face
ENCODERS = [n for n in FAMILIES if MODELS[n].huggingface.heads and n != "albert_unshared"]
ALL = [*ENCODERS, *ENCODER_DECODERS]


@functools.cache
def tiny(name, **options):
    """Return the builder of a tiny model with its head; loading replaces all its weights."""
    if name in ENCODER_DECODERS:
        own = {k: v for k, v in {**SIZES, **ENCODER_DECODERS[name]}.items() if v is not None}
        own.pop("cross_position_bias", None)
        own["with_lm"] = "linear"
    else:
        own = {**FAMILIES[name].options(), **FAMILIES[name].head}
    options = {**own, **options}
    return build_transformer_model(None, model=name, return_keras_model=False, **options)


def files_tensors(builder, seed=0):
    """Return random {Hugging Face's name: array} for a builder."""
    rng = np.random.default_rng(seed)
    tensors = builder.tensors()
    tensors = {k: rng.normal(size=v.shape).astype("float32") for k, v in tensors.items()}
    return builder.huggingface_tensors(tensors)


def loaded(name, tensors, ignore=(), allow_missing=(), **options):
    """Return the weights of a model filled with the tensors."""
    builder = tiny(name, **options)
    for weight in builder.model.weights:
        weight.assign(keras.ops.full_like(weight, 0.5))
    builder.load_weights_from_checkpoint(tensors, ignore=ignore, allow_missing=allow_missing)
    return builder.model.get_weights()


def assert_equal(weights, others):
    for x, y in zip(weights, others, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture
def lines(caplog):
    """Return a function that returns the lines of log since the last call."""

    def messages():
        found = [x.getMessage() for x in caplog.records if x.name == "kerasx"]
        caplog.clear()
        return found

    with caplog.at_level(logging.WARNING, "kerasx"):
        yield messages


@pytest.mark.parametrize("name", ALL)
def test_any_prefix_wrapper_and_age_of_names_loads(name, lines):
    builder = tiny(name)
    tensors, own = files_tensors(builder), builder.huggingface.prefix
    expected = loaded(name, tensors)
    assert_equal(expected, loaded(name, {f"module.{k}": v for k, v in tensors.items()}))
    for start in ("", "bert.", "module.bert_model.", "model._orig_mod.", "a.b.c."):
        wrapper = start[: start.rfind(".", 0, -1) + 1]
        older = {
            start + k.removeprefix(own) if k.startswith(own) else wrapper + k: v
            for k, v in tensors.items()
        }
        older = {
            k.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): v
            for k, v in older.items()
        }
        assert_equal(expected, loaded(name, older))
    assert lines() == []


def test_names_are_simplified_and_found_behind_anything():
    assert simplified("model._orig_mod.LayerNorm.gamma") == "model.LayerNorm.weight"
    assert simplified("q_scaleoffset/gamma") == "q_scaleoffset/weight"
    assert simplified("gamma_table") == "gamma_table"
    assert ending(["a.shared.weight", "unshared.weight"], "shared.weight") == ["a.shared.weight"]
    place = Placement(
        ["net.bert.a.x", "net.bert.b.x", "net.cls.x"], ["bert.a.x", "bert.b.x"], "bert."
    )
    assert place.find("cls.x") == "net.cls.x" and place.find("cls.y") is None
    assert place.is_backbone("net.bert.c.x") and not place.is_backbone("net.cls.x")


def test_two_backbones_in_a_file_are_an_error_that_names_them_until_one_is_ignored():
    tensors = files_tensors(tiny("bert"))
    both = {f"{k}.{name}": v for k in ("query", "document") for name, v in tensors.items()}
    with pytest.raises(ValueError, match=r"one backbone.*document\.bert\.', 'query\.bert\."):
        loaded("bert", both)
    assert_equal(loaded("bert", both, ignore=["query.*"]), loaded("bert", tensors))


def test_two_names_of_one_tensor_are_an_error():
    tensors = files_tensors(tiny("bert"))
    tensors["bert.embeddings.LayerNorm.gamma"] = tensors["bert.embeddings.LayerNorm.weight"]
    with pytest.raises(ValueError, match="each tensor under one name"):
        loaded("bert", tensors)


BUFFERS = {
    "bert.embeddings.position_ids": np.arange(8)[None],
    "bert.embeddings.token_type_ids": np.zeros((1, 8), int),
    "bert.encoder.layer.0.attention.self.relative_positions_encoding.positions_encoding": np.ones(
        3
    ),
    "bert.encoder.layer.0.rotary_emb.inv_freq": np.ones(4),
    "bert.encoder.norm.num_batches_tracked": np.array(3),
}


def test_constants_are_passed_over_without_a_word(lines):
    tensors = files_tensors(tiny("bert"))
    assert_equal(loaded("bert", {**tensors, **BUFFERS}), loaded("bert", tensors))
    assert lines() == []


@pytest.mark.parametrize(
    "name", ["encoder.layer.0.attention.self.position_bias", "embeddings.position_ids.weight"]
)
def test_what_may_carry_weights_is_not_passed_over(name):
    with pytest.raises(ValueError, match=f"unused:\n +bert.{name}"):
        loaded("bert", {**files_tensors(tiny("bert")), f"bert.{name}": np.zeros(3)})


@pytest.mark.parametrize("name", ["gpt", "gpt2"])
def test_the_causal_masks_of_older_gpts_are_passed_over(name, lines):
    masks = {f"transformer.h.{i}.attn.bias": np.ones((1, 1, 8, 8), bool) for i in range(2)}
    loaded(name, {**files_tensors(tiny(name)), **masks})
    assert lines() == []


@pytest.mark.parametrize("name", ALL)
def test_a_tied_tensor_is_read_under_each_of_its_names(name):
    builder = tiny(name)
    tensors = files_tensors(builder)
    expected = loaded(name, tensors)
    for canonical, others in builder.huggingface.tied.items():
        for other in others:
            if canonical not in tensors or other in tensors:
                continue
            renamed = {other if k == canonical else k: v for k, v in tensors.items()}
            assert_equal(expected, loaded(name, renamed))
            both = {**tensors, other: tensors[canonical].copy()}
            assert_equal(expected, loaded(name, both))
            with pytest.raises(ValueError, match="these differ|`tie_word_embeddings` must be"):
                loaded(name, {**both, other: both[other] + 1})


def test_a_second_name_that_differs_can_be_ignored():
    tensors = files_tensors(tiny("bert"))
    both = {**tensors, "cls.predictions.decoder.weight": np.zeros((24, 8), "float32")}
    assert_equal(loaded("bert", both, ignore=["*decoder.weight"]), loaded("bert", tensors))


@pytest.mark.parametrize("name", ["ignore", "allow_missing"])
def test_one_pattern_in_place_of_a_list_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"`{name}` must be a list of str"):
        loaded("bert", files_tensors(tiny("bert")), **{name: "bert.*"})
    with pytest.raises(ValueError, match=f"`{name}` must be a list of str"):
        load_keras_weights(tiny("bert").model, tmp_path / "absent.h5", **{name: "dense*"})


def test_an_encoder_does_not_mind_scores_of_its_own():
    tensors = files_tensors(tiny("bert"))
    tensors["cls.predictions.decoder.weight"] = np.zeros((24, 8), "float32")
    plain = loaded("bert", files_tensors(tiny("bert")), with_mlm=False)
    assert_equal(loaded("bert", tensors, with_mlm=False), plain)


HEADS = ["classifier.weight", "qa_outputs.bias", "score.weight", "cls_dropout.a", "output_weights"]


@pytest.mark.parametrize("name", ALL)
def test_unknown_heads_are_left_out_and_named_in_one_line(name, lines):
    tensors = files_tensors(tiny(name))
    heads = {head: np.zeros(3, "float32") for head in HEADS}
    assert_equal(loaded(name, {**tensors, **heads}), loaded(name, tensors))
    (line,) = lines()
    assert all(head in line for head in HEADS)


def test_heads_of_a_tensorflow_checkpoint_are_left_out_and_named(lines):
    tensors = tiny("bert").tensors()
    heads = {"output_weights": np.zeros((2, 8)), "output_bias": np.zeros(2)}
    assert_equal(loaded("bert", {**tensors, **heads}), loaded("bert", tensors))
    (line,) = lines()
    assert "output_weights" in line and "output_bias" in line


@pytest.mark.parametrize("original", [True, False])
@pytest.mark.parametrize(
    "name", [n for n in ENCODERS if n != "modernbert" and "with_mlm" in FAMILIES[n].head]
)
def test_a_base_checkpoint_starts_a_classifier(name, original, lines):
    base = tiny(name, with_mlm=False)
    tensors = base.tensors() if original else files_tensors(base)
    options = {"with_mlm": False, "with_classes": 3, "with_pool": True}
    loaded(name, tensors, **options)
    (line,) = lines()
    assert "not in the checkpoint" in line and "classifier" in line
    assert (tiny(name, **options).layers["Classifier"].get_weights()[0] == 0.5).all()


def test_a_part_of_a_head_or_backbone_that_lacks_is_still_an_error():
    tensors = files_tensors(tiny("bert"))
    for name in ("cls.predictions.transform.dense.bias", "bert.encoder.layer.1.output.dense.bias"):
        part = {k: v for k, v in tensors.items() if k != name}
        with pytest.raises(ValueError, match="1 missing"):
            loaded("bert", part)
        original = name.replace(".", "/").replace("layer/", "layer_")
        for pattern in (name, original):
            loaded("bert", part, allow_missing=[pattern])


def test_deeper_and_adapted_backbones_are_refused_unless_ignored():
    tensors = files_tensors(tiny("bert"))
    for name in ("bert.encoder.layer.2.output.dense.bias", "bert.adapter.weight"):
        with pytest.raises(ValueError, match=f"1 unused:\n +{name}"):
            loaded("bert", {**tensors, name: np.zeros(3)})
        loaded("bert", {**tensors, name: np.zeros(3)}, ignore=[name])


def test_errors_name_arguments_that_exist():
    tensors = files_tensors(tiny("bert"))
    extra = {"bert.extra": np.zeros(3)}
    gone = "bert.embeddings.LayerNorm.bias"
    tensors.pop(gone)
    options = {**FAMILIES["bert"].options(), "with_mlm": "linear"}
    with pytest.raises(ValueError, match="ignore=.*allow_missing="):
        build_transformer_model(options, {**tensors, **extra})
    lenient = {"ignore": ["bert.extra"], "allow_missing": ["*LayerNorm/beta"]}
    build_transformer_model(options, {**tensors, **extra}, **lenient)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats_are_converted(dtype):
    tensors = files_tensors(tiny("bert"))
    stored = {k: v.astype(dtype) for k, v in tensors.items()}
    expected = {k: v.astype("float32") for k, v in stored.items()}
    assert_equal(loaded("bert", stored), loaded("bert", expected))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "bool"])
def test_quantised_weights_are_refused_by_their_dtype(dtype):
    tensors = files_tensors(tiny("bert"))
    name = "bert.encoder.layer.0.output.dense.weight"
    with pytest.raises(ValueError, match=rf"quantised.*{dtype}"):
        loaded("bert", {**tensors, name: tensors[name].astype(dtype)})


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "bart", "t5.1.1"])
def test_rows_that_pad_a_vocabulary_are_cut(name):
    options = {"vocab_size": 21}
    tensors = files_tensors(tiny(name, **options))
    padded = {k: _grown(v, 21, 24) for k, v in tensors.items()}
    assert_equal(loaded(name, padded, **options), loaded(name, tensors, **options))
    for rows in (20, 23, 25, 119):
        other = {k: _grown(v, 21, rows) for k, v in tensors.items()}
        with pytest.raises(ValueError, match="of another shape"):
            loaded(name, other, **options)


def test_a_padded_file_builds_a_model_of_the_configurations_vocabulary():
    tensors = files_tensors(tiny("bert", vocab_size=21))
    padded = {f"module.{k}": _grown(v, 21, 64) for k, v in tensors.items()}
    options = {**FAMILIES["bert"].options(), "vocab_size": 21, "with_mlm": "linear"}
    model = build_transformer_model(options, padded)
    assert model.output.shape[-1] == 21
    kept = build_transformer_model(options, padded, keep_tokens=[0, 20])
    np.testing.assert_array_equal(kept.get_weights()[0], model.get_weights()[0][[0, 20]])


def _grown(value, size, rows):
    """Return an array whose axes of this size have `rows` entries."""
    for axis in (i for i, n in enumerate(value.shape) if n == size):
        value = np.take(value, np.arange(rows) % size, axis)
    return value


def test_a_nezha_is_written_and_read_under_its_own_prefix(tmp_path):
    nezha, path = tiny("nezha"), tmp_path / "model.safetensors"
    nezha.save_weights_as_checkpoint(path, names="huggingface")
    expected = nezha.model.get_weights()
    with open_checkpoint(path) as written:
        assert {name.split(".")[0] for name in written} == {"nezha", "cls"}
    assert_equal(expected, loaded("nezha", path))


@pytest.mark.parametrize("original", [True, False])
def test_an_albert_of_equal_widths_is_mapped_where_the_file_maps(original):
    for mapped in (True, False) if original else (True,):  # transformers always maps
        builder = tiny("albert", embedding_size=8, embedding_mapping=mapped)
        tensors = builder.tensors() if original else files_tensors(builder)
        options = {**FAMILIES["albert"].options(), "embedding_size": 8, "with_mlm": "linear"}
        found = build_transformer_model(options, tensors, model="albert", return_keras_model=False)
        assert found.embedding_mapping == mapped


def test_an_albert_without_a_mapping_is_written_with_an_identity(tmp_path):
    builder = tiny("albert", embedding_size=8)
    assert not builder.embedding_mapping
    save_pretrained(builder, tmp_path)
    tokens = np.array([[2, 5, 7, 9]])
    inputs = [tokens, tokens * 0]
    expected = keras.ops.convert_to_numpy(builder.model(inputs))
    again = build_transformer_model(tmp_path, return_keras_model=False)
    assert again.embedding_mapping
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(again.model(inputs)), expected)


def test_names_that_a_file_maps_to_others_are_read_from_them(tmp_path):
    tensors = files_tensors(tiny("bert"))
    names = [f"bert.encoder.layer.{i}.output.dense.weight" for i in range(2)]
    tensors[names[1]] = tensors[names[0]]
    expected = loaded("bert", tensors)
    path = tmp_path / "model.safetensors"
    del tensors[names[1]]
    save_safetensors(path, tensors, metadata={"format": "pt", names[1]: names[0]})
    assert_equal(loaded("bert", path), expected)


@pytest.mark.parametrize("name", FAMILIES)
def test_original_names_are_found_behind_anything(name):
    tensors = tiny(name).tensors()
    tensors = {k: np.full_like(v, i) for i, (k, v) in enumerate(tensors.items())}
    wrapped = {f"teacher/{k}": v for k, v in tensors.items()}
    assert_equal(loaded(name, wrapped), loaded(name, tensors))
