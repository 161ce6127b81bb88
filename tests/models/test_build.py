"""Configurations in, models out; what does not fit is refused with a reason."""

import json

import keras
import numpy as np
import pytest

from kerasx.models import BERT, build_transformer_model
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs, random_checkpoint

HUGGING_FACE = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "intermediate_size": 12,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 10,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "pad_token_id": 0,
    "transformers_version": "5.0.0",
    "type_vocab_size": 2,
    "vocab_size": 20,
}


def write_folder(path, config, checkpoint=None, vocabulary=None):
    (path / "config.json").write_text(json.dumps(config))
    if checkpoint is not None:
        build(checkpoint, with_nsp=True, with_mlm=True).save_weights_as_checkpoint(
            str(path / "bert_model.ckpt")
        )
    if vocabulary is not None:
        (path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("kind", ["dict", "file", "folder", "arguments"])
def test_a_configuration_is_a_dict_a_file_a_folder_or_arguments(kind, tmp_path):
    folder = write_folder(tmp_path, CONFIG)
    source = {"dict": CONFIG, "file": f"{folder}/config.json", "folder": folder}.get(kind)
    options = CONFIG if kind == "arguments" else {}
    model = build_transformer_model(source, False, **options)
    assert model.output.shape == (None, None, 8)


def test_arguments_override_the_configuration():
    assert build(num_hidden_layers=1).num_hidden_layers == 1


@pytest.mark.once
def test_a_misspelt_configuration_key_is_refused_with_a_hint():
    with pytest.raises(ValueError, match="hiden_dropout_prob .did you mean hidden_dropout_prob"):
        build_transformer_model({**CONFIG, "hiden_dropout_prob": 0.1})


@pytest.mark.once
def test_a_missing_configuration_key_is_named():
    with pytest.raises(ValueError, match=r"missing \['vocab_size'\]"):
        build_transformer_model({k: v for k, v in CONFIG.items() if k != "vocab_size"})


@pytest.mark.once
def test_a_misspelt_argument_is_named():
    with pytest.raises(ValueError, match=r"unknown arguments \['with_mln'\]"):
        build_transformer_model(CONFIG, with_mln=True)


def test_keys_of_hugging_face_are_understood():
    builder = build_transformer_model(HUGGING_FACE, return_keras_model=False)
    assert (builder.dropout_rate, builder.max_position, builder.layer_norm_eps) == (0.1, 10, 1e-12)


@pytest.mark.parametrize(
    "architecture, shapes",
    [
        ("BertModel", [(None, None, 8)]),
        ("BertForMaskedLM", [(None, None, 20)]),
        ("BertLMHeadModel", [(None, None, 20)]),
        ("BertForNextSentencePrediction", [(None, 2)]),
        ("BertForPreTraining", [(None, 2), (None, None, 20)]),
    ],
)
def test_the_architecture_says_which_heads_to_build(architecture, shapes):
    model = build_transformer_model({**HUGGING_FACE, "architectures": [architecture]})
    assert [x.shape for x in model.outputs] == shapes
    causal = "Attention-Mask" in [layer.name for layer in model.layers]
    assert causal == (architecture == "BertLMHeadModel")


def test_asking_for_something_overrides_the_architecture():
    assert build_transformer_model(HUGGING_FACE, with_pool=True).output.shape == (None, 8)
    encoder = build_transformer_model(HUGGING_FACE, application="encoder")
    assert encoder.output.shape == (None, None, 8)


@pytest.mark.once
def test_an_architecture_without_a_builder_says_what_to_do():
    with pytest.raises(ValueError, match="say what to build: .*BertForMultipleChoice"):
        build_transformer_model({**HUGGING_FACE, "architectures": ["BertForMultipleChoice"]})


@pytest.mark.once
def test_a_vocabulary_with_repeats_and_blank_lines_belongs_to_its_model(tmp_path, caplog):
    words = [f"word{i}" for i in range(20)]
    words[3], words[9], words[12] = words[7], "", ""
    folder = write_folder(tmp_path, CONFIG, vocabulary=[*words, "", ""])
    build_transformer_model(folder, False)
    assert "'word7' on lines 4 and 8, '' on lines 10 and 13" in caplog.text


def test_a_vocabulary_longer_than_the_table_is_refused(tmp_path):
    folder = write_folder(tmp_path, CONFIG, vocabulary=[f"word{i}" for i in range(21)])
    with pytest.raises(ValueError, match="21 tokens.*vocab_size=20"):
        build_transformer_model(folder, False)


def test_a_folder_without_weights_is_refused_unless_random_weights_are_asked_for(tmp_path):
    folder = write_folder(tmp_path, CONFIG)
    with pytest.raises(ValueError, match="must be a folder with a checkpoint"):
        build_transformer_model(folder)
    build_transformer_model(folder, False)


def test_a_folder_gives_the_model_of_its_checkpoint(tmp_path):
    checkpoint = random_checkpoint()
    folder = write_folder(tmp_path, CONFIG, checkpoint, [f"word{i}" for i in range(20)])
    x = [[2, 5, 7]], [[0, 0, 1]]
    ours = outputs(build_transformer_model(folder), *x)
    assert (ours == outputs(build(checkpoint).model, *x)).all()


@pytest.mark.once
@pytest.mark.parametrize("model", ["birt", dict, 3])
def test_an_unknown_model_is_refused(model):
    with pytest.raises(ValueError, match="`model` must be"):
        build_transformer_model(CONFIG, model=model)


@pytest.mark.parametrize("model", ["bert", BERT])
def test_a_model_is_a_name_or_a_class(model):
    builder = build_transformer_model(CONFIG, model=model, return_keras_model=False)
    assert isinstance(builder, BERT) and builder.model.built


def test_building_twice_lays_one_graph():
    builder = build()
    model = builder.model
    builder.build()
    assert builder.model is model


def test_a_lambda_gets_its_arguments_when_a_builder_makes_it():
    builder = build()
    x = builder.apply(
        builder.model.output,
        keras.layers.Lambda,
        function=lambda x, factor: x * factor,
        arguments={"factor": 3.0},
        name="Times",
    )
    assert builder.apply(x, keras.layers.Lambda, name="Times").shape == x.shape
    scaled = keras.Model(builder.inputs, x)
    np.testing.assert_allclose(
        outputs(scaled, TOKENS, SEGMENTS), 3 * outputs(builder.model, TOKENS, SEGMENTS), rtol=1e-5
    )
