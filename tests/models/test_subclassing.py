"""The code of docs/subclassing.md and docs/models.md does what they say."""

import keras
import numpy as np
import pytest

from kerasx.checkpoints import open_checkpoint
from kerasx.models import BERT, build_transformer_model
from tests.docs.running import run_page
from tests.models.helpers import CONFIG, SEGMENTS, TOKENS, build, outputs, random_checkpoint


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return run_page("docs/subclassing.md", tmp_path_factory.mktemp("page"))


def test_the_subclass_builds_with_its_own_argument(page):
    assert page["model"].get_layer("Adapter-Down").units == 3
    model = build_transformer_model(CONFIG, model=page["AdaptedBERT"])
    assert model.get_layer("Adapter-Down").units == 4


@pytest.mark.parametrize("application", ["lm", "unilm"])
def test_the_subclass_takes_an_application(page, application):
    model = build_transformer_model(CONFIG, model=page["AdaptedBERT"], application=application)
    assert "Attention-Mask" in [layer.name for layer in model.layers]
    assert model.output.shape == (None, None, 20)


def test_a_misspelt_argument_of_the_subclass_is_listed_with_the_known_ones(page):
    with pytest.raises(ValueError, match=r"unknown arguments \['adaptor_size'\].*adapter_size"):
        build_transformer_model(CONFIG, model=page["AdaptedBERT"], adaptor_size=3)


def test_the_parents_layers_load_and_the_new_ones_do_what_the_code_says(page):
    checkpoint = random_checkpoint()
    builder = build(checkpoint, model=page["AdaptedBERT"])
    plain = build(checkpoint)
    w1, b1 = builder.layers["Adapter-Down"].get_weights()
    w2, b2 = builder.layers["Adapter-Up"].get_weights()
    x = outputs(submodel(plain, "Embedding-Norm"), TOKENS, SEGMENTS)
    expected = x + np.tanh(x @ w1 + b1) @ w2 + b2
    got = outputs(submodel(builder, "Adapter-Add"), TOKENS, SEGMENTS)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def submodel(builder, name):
    return keras.Model(builder.model.inputs, builder.layers[name].output)


def test_the_extended_mapping_saves_and_loads_the_new_layer(page):
    ours, again = page["builder"].model.get_weights(), page["again"].get_weights()
    assert all((x == y).all() for x, y in zip(ours, again, strict=True))


def test_the_shared_blocks_have_the_weights_of_one(page):
    one = build_transformer_model({**page["config"], "num_hidden_layers": 1}, model=BERT)
    assert page["shared"].count_params() == one.count_params()


def test_a_tensor_in_the_backbone_that_is_not_built_may_be_in_a_hugging_face_file(page, tmp_path):
    path = tmp_path / "model.safetensors"
    page["builder"].save_weights_as_checkpoint(path, names="huggingface")
    with open_checkpoint(str(path)) as source:
        tensors = {name: np.array(source[name]) for name in source}
    tensors["bert.my_head.weight"] = np.zeros(3, "float32")
    loaded = build_transformer_model(page["config"], tensors, model=page["HeadedBERT"])
    for x, y in zip(loaded.get_weights(), page["builder"].model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    with pytest.raises(ValueError, match="unused:\n    bert.my_head.weight"):
        build_transformer_model(page["config"], tensors, model=page["MyBERT"])


def test_the_family_of_parts_has_rotations_and_no_position_table(page):
    layers = [layer.name for layer in page["rotary"].layers]
    assert "Embedding-Rotary-Position" in layers and "Embedding-Position" not in layers
    assert page["rotary"].output.shape == (None, None, 20)


def test_the_page_of_models_widens_and_deepens(tmp_path):
    names = run_page("docs/models.md", tmp_path)
    assert names["wide"].hidden_size == 2 * names["builder"].hidden_size == 32
    assert names["deep"].num_hidden_layers == 4
    assert not any("lora" in v.path for v in names["model"].variables)


class OnTopOfAnother(BERT):
    """BERT whose first block reads the embeddings of another model, and so its inputs."""

    def __init__(self, expert, **kwargs):
        super().__init__(**kwargs)
        self.expert = expert

    def get_inputs(self):
        return self.expert.inputs

    def apply_embeddings(self, inputs):
        return self.expert.get_layer("Expert-Embedding-Norm").output


def test_a_model_on_top_of_another_shares_its_inputs():
    expert = build_transformer_model(CONFIG, prefix="Expert-")
    model = build_transformer_model(CONFIG, model=OnTopOfAnother, expert=expert)
    assert [x is y for x, y in zip(model.inputs, expert.inputs)] == [True, True]
    hidden = outputs(model, TOKENS, SEGMENTS)
    assert hidden.shape == (*TOKENS.shape, CONFIG["hidden_size"])
    zeros = np.zeros_like(expert.get_layer("Expert-Embedding-Token").get_weights()[0])
    expert.get_layer("Expert-Embedding-Token").set_weights([zeros])
    assert np.abs(outputs(model, TOKENS, SEGMENTS) - hidden).max() > 1e-3
