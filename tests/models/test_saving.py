"""Saved models come back equal, in every format, without an argument."""

import json
import os

import keras
import numpy as np
import pytest

from kerasx import checkpoints
from kerasx.models import build_transformer_model, load_model, save_model, save_pretrained
from kerasx.models.builder_arguments import arguments_of
from kerasx.tokenizers import JiebaCut, Tokenizer, jieba_cut
from tests.checkpoints.helpers import run_python
from tests.models.families import FAMILIES
from tests.models.test_families import batch, outputs, tiny

# weights are moved, in NumPy; what the layers compute has tests on every backend

CASES = [(name, FAMILIES[name].applications[-1]) for name in FAMILIES]
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "我", "爱", "play", "##ing"]
VOCAB = {token: i for i, token in enumerate(TOKENS)}


@pytest.mark.parametrize("name, application", CASES)
def test_every_family_comes_back_with_its_builder(name, application, tmp_path):
    builder = tiny(name, application)
    save_model(tmp_path, builder)
    saved = load_model(tmp_path)
    assert type(saved.builder).__name__ == type(builder).__name__
    assert arguments_of(saved.builder) == arguments_of(builder)
    expected = outputs(builder.model, *batch(name))
    np.testing.assert_array_equal(outputs(saved.model, *batch(name)), expected)
    np.testing.assert_array_equal(outputs(saved.builder.model, *batch(name)), expected)
    assert {id(w) for w in saved.builder.model.weights} == {id(w) for w in saved.model.weights}


@pytest.mark.parametrize(
    "file", ["model.ckpt", "model.safetensors", "model.keras", "model.weights.h5"]
)
def test_every_format_comes_back_equal(file, tmp_path):
    builder, path = tiny("bert", "unilm"), str(tmp_path / file)
    options = {"application": "unilm", **FAMILIES["bert"].options(), **FAMILIES["bert"].head}
    if file.endswith((".keras", ".h5")):
        (builder.model.save if file.endswith(".keras") else builder.model.save_weights)(path)
    else:
        builder.save_weights_as_checkpoint(path)
    if file.endswith(".keras"):
        loaded = keras.saving.load_model(path)
    else:
        loaded = build_transformer_model(None, path, **options)
    for new, old in zip(loaded.weights, builder.model.weights):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(new), keras.ops.convert_to_numpy(old)
        )
    np.testing.assert_array_equal(
        outputs(loaded, *batch("bert")), outputs(builder.model, *batch("bert"))
    )


def test_kept_and_compound_tokens_are_applied_once(tmp_path):
    options = FAMILIES["bert"].options() | {"with_mlm": "linear", "keep_tokens": [0, 5, 7, 3]}
    model = build_transformer_model(None, compound_tokens=[[1, 2]], **options)
    save_model(tmp_path, model)
    saved = load_model(tmp_path)
    assert saved.builder.vocab_size == 5 and saved.builder.keep_tokens is None
    ids = [np.array([[0, 1, 4]]), np.zeros((1, 3), "int32")]
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(saved.model(ids)), keras.ops.convert_to_numpy(model(ids))
    )


def test_a_model_with_layers_on_top_keeps_labels_vocabulary_and_optimizer(tmp_path):
    bert = build_transformer_model(None, **FAMILIES["bert"].options())
    x = keras.layers.Dense(2, name="Classes")(bert.output[:, 0])
    model = keras.Model(bert.inputs, x)
    model.compile("adam", "mse")
    tokenizer = Tokenizer(VOCAB, do_lower_case=True, pre_tokenize=jieba_cut, word_maxlen=9)
    save_model(tmp_path, model, tokenizer, ["差", "好"])
    saved = load_model(tmp_path)
    assert saved.labels == ["差", "好"] and saved.builder is None
    assert isinstance(saved.model.optimizer, keras.optimizers.Adam)
    assert saved.model.optimizer.get_config() == model.optimizer.get_config()
    assert saved.tokenizer.encode("我爱Playing") == tokenizer.encode("我爱Playing")
    assert saved.tokenizer._word_maxlen == 9 and saved.tokenizer._pre_tokenize is jieba_cut
    ids = [np.array(tokenizer.encode("我爱")[0])[None], np.zeros((1, 4), "int32")]
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(saved.model(ids)), keras.ops.convert_to_numpy(model(ids))
    )


def test_words_of_the_user_come_back(tmp_path):
    tokenizer = Tokenizer(VOCAB, pre_tokenize=JiebaCut([("我爱", 10)]))
    save_model(tmp_path, tiny("bert", "encoder"), tokenizer)
    assert load_model(tmp_path).tokenizer._pre_tokenize.user_words == [("我爱", 10)]


@pytest.mark.parametrize("damage", ["model.keras", "vocab.txt"])
def test_a_file_of_another_version_is_refused(damage, tmp_path):
    save_model(tmp_path, tiny("bert", "encoder"), Tokenizer(VOCAB))
    with open(tmp_path / damage, "ab") as f:
        f.write(b"x")
    with pytest.raises(ValueError, match=f"{damage}' is another one or damaged"):
        load_model(tmp_path)
    os.remove(tmp_path / damage)
    with pytest.raises(ValueError, match=f"{damage}' is missing"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tokenizer": Tokenizer(VOCAB | {str(i): 9 + i for i in range(40)})}, "no more tokens"),
        ({"tokenizer": Tokenizer(VOCAB, pre_tokenize=list)}, "cannot be written to a file"),
        ({"tokenizer": "vocab.txt"}, "must be one of Tokenizer, SpTokenizer"),
        ({"labels": [object()]}, "strings, numbers or lists"),
    ],
)
def test_what_has_no_file_is_refused_before_anything_is_written(options, message, tmp_path):
    folder = tmp_path / "model"
    with pytest.raises(ValueError, match=message):
        save_model(folder, tiny("bert", "encoder"), **options)
    assert not folder.exists()


def test_a_failed_save_leaves_the_old_version(tmp_path, monkeypatch):
    save_model(tmp_path, tiny("bert", "encoder"), Tokenizer(VOCAB))
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr("kerasx.models.saving.write_vocabulary", full)
    with pytest.raises(OSError, match="no space"):
        save_model(tmp_path, tiny("nezha", "lm"), Tokenizer(VOCAB))
    assert before == {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ValueError, match="it has no artefact.json"):
        load_model(tmp_path)


def two_layers(units=3):
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1, name="score")]
    )


def own_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred))


class Scaled(keras.losses.Loss):
    def __init__(self, scale=2, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        return self.scale * own_loss(y_true, y_pred)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class OwnLayer(keras.layers.Dense):
    def loss(self, y_true, y_pred):
        return own_loss(y_true, y_pred)


OTHER_PROCESS = """
import sys, logging
from kerasx.models import load_model
logging.basicConfig(format="%(name)s %(message)s", stream=sys.stdout)
saved = load_model(sys.argv[1])
print(saved.model.compiled, saved.model.get_weights()[0].tolist())
"""


@pytest.mark.parametrize("loss", [own_loss, Scaled(3)])
def test_a_model_with_an_unregistered_loss_is_loaded_with_it_or_uncompiled(loss, tmp_path):
    model, data = two_layers(), (np.ones((4, 2)), np.ones(4))
    model.compile("adam", loss)
    model.fit(*data, verbose=0)
    save_model(tmp_path, model)
    known = {"own_loss": own_loss, "Scaled": Scaled}
    saved = load_model(tmp_path, custom_objects=known).model
    assert saved.evaluate(*data, verbose=0) == pytest.approx(model.evaluate(*data, verbose=0))
    assert int(saved.optimizer.iterations) == 1
    plain = load_model(tmp_path, compile=False).model
    assert not plain.compiled
    said = run_python(OTHER_PROCESS, tmp_path)
    log, rest = said.strip().rsplit("\n", 1)
    assert log.count("\n") == 0 and log.startswith("kerasx ") and "custom_objects=" in log
    assert rest == f"False {model.get_weights()[0].tolist()}"


def test_a_loss_that_is_a_method_of_a_users_layer_is_loaded_uncompiled(tmp_path, caplog):
    keras.saving.register_keras_serializable("tests")(OwnLayer)
    layer = OwnLayer(1)
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile("adam", layer.loss)
    save_model(tmp_path, model)
    saved = load_model(tmp_path).model
    assert not saved.compiled and "is loaded uncompiled" in caplog.text
    for new, old in zip(saved.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_an_unregistered_layer_is_an_error_that_says_what_to_pass(tmp_path):
    class Unknown(keras.layers.Dense):
        pass

    save_model(tmp_path, keras.Sequential([keras.Input((2,)), Unknown(1)]))
    with pytest.raises(ValueError, match="custom_objects=.*Unknown"):
        load_model(tmp_path)
    assert load_model(tmp_path, custom_objects={"Unknown": Unknown}).model.count_params() == 3


def test_a_folder_that_is_written_while_it_is_read_gives_one_version(tmp_path, monkeypatch):
    old, new = (tiny("bert", "encoder") for _ in range(2))
    new.initializer_range = 0.5
    save_pretrained(old, tmp_path)
    opened = []

    def open_checkpoint(path, **options):
        if not opened:
            save_pretrained(new, tmp_path)
        opened.append(path)
        return open_before(path, **options)

    open_before = checkpoints.open_checkpoint
    monkeypatch.setattr(checkpoints, "open_checkpoint", open_checkpoint)
    found = build_transformer_model(tmp_path, return_keras_model=False)
    assert found.initializer_range == 0.5 and opened[0] == opened[1]
    for a, b in zip(found.model.get_weights(), new.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("save", [save_model, lambda folder, model: save_pretrained(model, folder)])
def test_a_save_that_ends_between_its_renames_is_finished_by_the_reader(
    tmp_path, monkeypatch, save
):
    old, new = (tiny("bert", "encoder") for _ in range(2))
    save(tmp_path, old)
    replace, names = os.replace, []

    def fail(source, target):
        names.append(os.path.basename(target))
        if len(names) == 3:  # the journal, one file, ...
            raise RuntimeError("killed here")
        replace(source, target)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(os, "replace", fail)
        save(tmp_path, new)
    load = build_transformer_model if "config.json" in os.listdir(tmp_path) else load_model
    found = load(tmp_path)
    found = found.model if load is load_model else found
    for a, b in zip(found.get_weights(), new.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not [name for name in os.listdir(tmp_path) if name[0] == "."]
