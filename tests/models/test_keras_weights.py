"""Weights files of Keras 2 and 3 load by the names of the layers."""

import logging
import shutil

import h5py
import keras
import numpy as np
import pytest

from kerasx.callbacks import save_weights
from kerasx.layers import Loss
from kerasx.models import build_transformer_model, load_keras_weights
from tests.checkpoints.helpers import run_python
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs

pytestmark = pytest.mark.once

HEADS = {"with_mlm": True, "with_nsp": True}


def write_keras_2(path, model, root="", pieces=1, names=None, without=()):
    """Write the weights of a model as Keras 2 does."""
    with h5py.File(path, "w") as file:
        top = file.require_group(root) if root else file
        layers = {(names or {}).get(x.name, x.name): x for x in model.layers}
        text = [name.encode() for name in layers]
        for i, part in enumerate(np.array_split(np.array(text), pieces)):
            top.attrs[f"layer_names{i}" if pieces > 1 else "layer_names"] = part
        for name, layer in layers.items():
            group = top.create_group(name)
            weights = [w for w in layer.weights if not any(w is x for x in without)]
            keys = [f"{w.path}:0" for w in weights]
            group.attrs["weight_names"] = [key.encode() for key in keys]
            for key, weight in zip(keys, weights):
                group[key] = keras.ops.convert_to_numpy(weight)
        top.create_group("top_level_model_weights").attrs["weight_names"] = []


def assert_same_weights(model, other):
    for x, y in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("file", ["best.h5", "best_model.weights", "best.weights.h5", "x.model"])
@pytest.mark.parametrize("root, pieces", [("", 1), ("model_weights", 1), ("", 3)])
def test_files_of_keras_2_load(file, root, pieces, tmp_path):
    first = build(**HEADS).model
    write_keras_2(tmp_path / file, first, root, pieces)
    second = build_transformer_model(CONFIG, str(tmp_path / file), **HEADS)
    assert_same_weights(first, second)
    third = build(**HEADS).model
    load_keras_weights(third, tmp_path / file)
    assert_same_weights(first, third)


def test_the_older_format_of_keras_itself_loads(tmp_path):
    first = build(**HEADS).model
    first.save(tmp_path / "model.h5")
    assert_same_weights(first, build_transformer_model(CONFIG, tmp_path / "model.h5", **HEADS))


def classifier(name=None):
    """Return a tiny BERT with layers of Keras on top, whose names Keras numbers."""
    bert = build().model
    x = keras.layers.Dense(5, activation="tanh", name=name)(bert.output)
    return keras.Model(bert.inputs, keras.layers.Dense(2)(x))


@pytest.mark.parametrize("file", ["best.h5", "best.weights.h5", "best.safetensors"])
def test_layers_that_keras_numbered_load_in_their_order(file, tmp_path):
    keras.utils.clear_session()
    first = classifier()
    path = tmp_path / file
    if file == "best.h5":
        write_keras_2(path, first)
    else:
        save_weights(first, path)
    second = classifier()
    assert first.layers[-1].name != second.layers[-1].name
    load_keras_weights(second, path)
    assert_same_weights(first, second)
    assert (outputs(first, TOKENS, SEGMENTS) == outputs(second, TOKENS, SEGMENTS)).all()
    with pytest.raises(ValueError, match="dense.*(unused|missing)"):
        load_keras_weights(classifier("features"), path)


@pytest.mark.parametrize("file", ["best.h5", "best.weights.h5", "best.safetensors"])
def test_a_fine_tuned_file_starts_an_encoder_and_a_base_a_classifier(file, tmp_path, caplog):
    models, path = [classifier(), build(**HEADS).model], tmp_path / file
    for model in models:
        if file == "best.h5":
            write_keras_2(path, model)
        else:
            save_weights(model, path)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "kerasx"):
            found = build_transformer_model(CONFIG, path)
        assert len(caplog.records) == 1
        for layer in found.layers:
            for x, y in zip(layer.get_weights(), model.get_layer(layer.name).get_weights()):
                np.testing.assert_array_equal(x, y)
    if file == "best.h5":
        write_keras_2(path, build().model)
    else:
        save_weights(build().model, path)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "kerasx"):
        build_transformer_model(CONFIG, path, with_mlm=True)
    (line,) = caplog.messages
    assert "MLM-Dense" in line


@pytest.mark.parametrize("file", ["best.h5", "best.weights.h5", "best.safetensors"])
def test_files_of_other_layers_are_refused_and_nothing_is_loaded(file, tmp_path):
    path = tmp_path / file
    if file == "best.h5":
        write_keras_2(path, build(num_hidden_layers=3).model)
    else:
        save_weights(build(num_hidden_layers=3).model, path)
    model = build().model
    before = model.get_weights()
    with pytest.raises(ValueError, match="Transformer-2-FeedForward: unused"):
        build_transformer_model(CONFIG, path)
    with pytest.raises(ValueError, match="Transformer-2-FeedForward: unused"):
        load_keras_weights(model, path)
    with pytest.raises(ValueError, match="Transformer-3-FeedForward: missing in the file"):
        build_transformer_model({**CONFIG, "num_hidden_layers": 4}, path)
    with pytest.raises(ValueError, match="shape"):
        build_transformer_model({**CONFIG, "num_hidden_layers": 3, "intermediate_size": 9}, path)
    load_keras_weights(model, path, ignore=["Transformer-2-*"])
    deep = build_transformer_model(CONFIG | {"num_hidden_layers": 4})
    load_keras_weights(deep, path, allow_missing=["Transformer-3-*"])
    assert not all((x == y).all() for x, y in zip(before, model.get_weights()))


def nested():
    """Return a model with a tiny BERT as one of its layers."""
    bert, inputs = build().model, [keras.Input((None,)), keras.Input((None,))]
    return keras.Model(inputs, keras.layers.Dense(2, name="Classes")(bert(inputs)))


def write_nested_keras_2(path, model):
    """Write the weights of `nested()` as Keras 2 does: those of BERT in one group."""
    (bert,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"model", b"Classes"]
        for name, layer in {"model": bert, "Classes": model.layers[-1]}.items():
            group, weights = file.create_group(name), {f"{w.path}:0": w for w in layer.weights}
            group.attrs["weight_names"] = [key.encode() for key in weights]
            for key, weight in weights.items():
                group[key] = keras.ops.convert_to_numpy(weight)


def test_a_model_within_the_model_of_keras_2_loads(tmp_path):
    first, second = nested(), nested()
    write_nested_keras_2(tmp_path / "best.h5", first)
    load_keras_weights(second, tmp_path / "best.h5")
    assert_same_weights(first, second)


# Write the checkpoint of each path in argv from the arrays of path.npz, keyed as tf.keras does by
# the places of layers. A name is that of the model within the model, if any, "|" and the path.
TENSORFLOW = """
import sys
import numpy as np
import tensorflow as tf

def child(parent, name, modules):
    if (id(parent), name) not in modules:
        modules[id(parent), name] = tf.Module()
        setattr(parent, name, modules[id(parent), name])
    return modules[id(parent), name]

for target in sys.argv[1:]:
    root, places, modules = tf.Module(), {}, {}
    for name, value in np.load(f"{target}.npz").items():
        *outer, path = name.split("|")
        layer, *rest = path.split("/")
        node = root
        for place in (*outer, layer):
            numbers = places.setdefault(id(node), {})
            number = numbers.setdefault(place, len(numbers))
            node = child(node, f"layer_with_weights-{number}", modules)
        for part in rest[:-1]:
            node = child(node, part, modules)
        setattr(node, rest[-1], tf.Variable(value, name=path))
    tf.train.Checkpoint(root).write(target)
"""
MAKERS = {"BERT": lambda: build(**HEADS).model, "nested": nested}


def arrays_of(model):
    """Return {name: array}, as `TENSORFLOW` takes them; a `BiasAdd` as bert4keras names it."""
    inner = {id(w) for x in model.layers if isinstance(x, keras.Model) for w in x.weights}
    return {
        f"{'model|' * (id(w) in inner)}{w.path.replace('MLM-Bias/bias', 'MLM-Bias/beta')}": (
            keras.ops.convert_to_numpy(w)
        )
        for w in model.weights
    }


@pytest.fixture(scope="module")
def tf_keras(tmp_path_factory):
    """Write checkpoints as tf.keras does; return their folder and {name: model}."""
    folder = tmp_path_factory.mktemp("tf_keras")
    models = {name: make() for name, make in MAKERS.items()}
    for name, model in models.items():
        np.savez(folder / f"{name}.weights.npz", **arrays_of(model))
    run_python(TENSORFLOW, *(folder / f"{name}.weights" for name in models))
    return folder, models


@pytest.mark.parametrize("name", MAKERS)
def test_checkpoints_of_tf_keras_load(name, tf_keras):
    folder, models = tf_keras
    model = MAKERS[name]()
    load_keras_weights(model, folder / f"{name}.weights")
    assert_same_weights(models[name], model)


def test_a_checkpoint_of_tf_keras_is_checked(tf_keras, tmp_path):
    folder, models = tf_keras
    path = shutil.copytree(folder, tmp_path / "copy") / "BERT.weights"
    assert_same_weights(models["BERT"], build_transformer_model(CONFIG, path, **HEADS))
    with pytest.raises(ValueError, match="Transformer-2-FeedForward: missing in the file"):
        build_transformer_model({**CONFIG, "num_hidden_layers": 3}, path, **HEADS)
    data = path.with_name("BERT.weights.data-00000-of-00001")
    data.write_bytes(data.read_bytes().replace(b"layer_with_weights-1", b"layer_with_weights-2", 1))
    with pytest.raises(ValueError, match="CHECKPOINTABLE_OBJECT_GRAPH"):
        load_keras_weights(models["BERT"], path)


class Unweighted(Loss):
    """A loss whose only weight is the state of its metric."""

    def compute_loss(self, inputs, mask=None):
        loss = keras.ops.mean(inputs)
        self.add_metric(loss, name="counted")
        return loss


class Weighted(Unweighted):
    """A loss that has a weight of its own too."""

    def build(self, *shapes):
        self.scale = self.add_weight(name="scale", initializer="ones")


@pytest.mark.parametrize("kind", [Unweighted, Weighted])
@pytest.mark.parametrize("file", ["best.h5", "best.safetensors"])
def test_files_of_keras_2_hold_no_metrics_of_a_loss(kind, file, tmp_path):
    def counted():
        bert = build().model
        return keras.Model(bert.inputs, kind()(bert.output))

    first, second = counted(), counted()
    loss = first.layers[-1]
    assert [state.name for state in loss.states_of_metrics] == ["counted"]
    loss.states_of_metrics[0].assign([3.0, 2.0])
    if file == "best.h5":
        write_keras_2(tmp_path / file, first, without=loss.states_of_metrics)
        second.layers[-1].states_of_metrics[0].assign([3.0, 2.0])
    else:
        save_weights(first, tmp_path / file)
    load_keras_weights(second, tmp_path / file)
    assert_same_weights(first, second)


def test_constants_of_keras_2_are_left_out_and_named(tmp_path, caplog):
    first, second = build().model, build().model
    write_keras_2(tmp_path / "best.h5", first)
    with h5py.File(tmp_path / "best.h5", "r+") as file:
        group = file["Embedding-Token-Segment"]  # adds its inputs
        group.attrs["weight_names"] = [b"scale:0"]
        group["scale:0"] = np.ones(8)
    with caplog.at_level(logging.WARNING, "kerasx"):
        load_keras_weights(second, tmp_path / "best.h5")
    assert_same_weights(first, second)
    assert "Embedding-Token-Segment" in caplog.text


MALFORMED = {
    "a layer that is absent": lambda f: f.attrs.update(layer_names=[b"a", b"b"]),
    "a weight that is absent": lambda f: f["a"].attrs.update(weight_names=[b"x:0"]),
    "names that are numbers": lambda f: f.attrs.update(layer_names=[1, 2]),
    "names in another encoding": lambda f: f.attrs.update(layer_names=[b"\xff\xfe"]),
    "weights that are numbers": lambda f: f["a"].attrs.update(weight_names=3.0),
    "no layers": lambda f: f.attrs.update(layer_names=[b""]),
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("file", ["best.h5", "best.weights.h5"])
def test_malformed_files_are_refused(case, file, tmp_path):
    path = tmp_path / file
    with h5py.File(path, "w") as f:
        f.attrs["layer_names"] = [b"a"]
        f.create_group("a").attrs["weight_names"] = []
        MALFORMED[case](f)
    with pytest.raises(ValueError):
        build_transformer_model(CONFIG, str(path))


@pytest.mark.parametrize(
    "names",
    [
        ["layers"],
        ["layers/dense"],
        ["layers/dense/vars"],
        ["layers/dense/x/0"],
        ["layers/_1/vars/0"],
        ["vars/0"],
        ["layers/embedding/vars/x", "layers/embedding/vars/0"],
        [],
    ],
)
def test_malformed_files_of_keras_3_are_refused(names, tmp_path):
    path = str(tmp_path / "best.weights.h5")
    with h5py.File(path, "w") as f:
        for name in names:
            f[name] = np.zeros(3)
    model = build().model
    before = model.get_weights()
    with pytest.raises(ValueError, match="best.weights.h5"):
        load_keras_weights(model, path)
    assert all((x == y).all() for x, y in zip(before, model.get_weights()))


def test_no_hint_of_another_family_is_given_for_layers_of_keras(tmp_path):
    write_keras_2(tmp_path / "best.h5", build(num_hidden_layers=3).model)
    with pytest.raises(ValueError) as caught:
        build_transformer_model(CONFIG, tmp_path / "best.h5")
    assert "looks like" not in str(caught.value)


def test_weights_of_transformers_on_tensorflow_are_named_with_what_to_do(tmp_path):
    main = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="bert")])
    write_keras_2(tmp_path / "tf_model.h5", main)
    with pytest.raises(ValueError, match="tf_model.h5 is of transformers .*save_pretrained"):
        build_transformer_model(CONFIG, tmp_path / "tf_model.h5")


def two_layers(units=3):
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1, name="score")]
    )


@pytest.mark.parametrize("file", ["best.weights.h5", "best.h5", "best.safetensors"])
def test_numbered_layers_of_another_model_are_refused(file, tmp_path):
    path, first = tmp_path / file, two_layers()
    if file == "best.h5":
        write_keras_2(path, first)
    else:
        save_weights(first, path)
    load_keras_weights(two_layers(), path)
    others = (
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="a"), *first.layers[1:]]),
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1)]),
        two_layers(4),
        keras.Sequential([keras.Input((2,)), *two_layers().layers, keras.layers.Dense(2)]),
    )
    for other in others:
        before = other.get_weights()
        with pytest.raises(ValueError, match="same layers"):
            load_keras_weights(other, path)
        assert all((x == y).all() for x, y in zip(before, other.get_weights(), strict=True))
