"""Models whose layers have other names are read, saved, loaded and served like any other."""

import keras
import numpy as np
import pytest
from fastapi.testclient import TestClient

from kerasx.generation import AutoRegressiveDecoder, BeamSearch, ContrastiveSearch, Generator
from kerasx.generation.cache import DecodingGraphs
from kerasx.layers.inputs import embedding_of, roles_of
from kerasx.models import load_model, save_model
from kerasx.models.families.bert import BERT
from kerasx.models.families.t5 import T5, T5_Decoder, T5_Encoder
from kerasx.models.transformer import LM_Mask, UniLM_Mask
from kerasx.serve import create_app
from kerasx.tokenizers import Tokenizer, character_vocab
from tests.generation.models import SIZES, randomize, tiny_model

PROMPTS = [[5, 3, 9, 2], [7], [1, 1, 8, 4, 6, 10, 2]]
TEXT = "你好吗我很今"


class OtherNames:
    """Names that say nothing about inputs, blocks and outputs."""

    def prefixed(self, name):
        return name and super().prefixed("-".join(f"{ord(c):x}" for c in name))


class OtherInputs(OtherNames, BERT):
    """Plain Keras inputs with unusual names."""

    def get_inputs(self):
        return [keras.Input((None,), dtype="int32", name=name) for name in ("Words", "Parts")]


class OtherLM(LM_Mask, OtherInputs):
    pass


class OtherUniLM(UniLM_Mask, OtherInputs):
    pass


class OtherEncoder(OtherNames, T5_Encoder):
    pass


class OtherDecoder(OtherNames, T5_Decoder):
    pass


class OtherT5(OtherNames, T5):
    encoder_class = OtherEncoder
    decoder_class = OtherDecoder


NAMED = {"lm": OtherLM, "unilm": OtherUniLM}


def other_model(application, **options):
    """Return a model with the weights of `tiny_model` and other names."""
    builder = NAMED[application](**{"with_mlm": "linear", "pad_id": None, **SIZES, **options})
    builder.build()
    randomize(builder.model, seed=1)
    return builder.model


@pytest.fixture(params=NAMED)
def models(request):
    """Return a model with other names and a prefix, and the same model with the usual names."""
    return other_model(request.param, prefix="My-"), tiny_model(request.param)


@pytest.mark.parametrize("strategy", [BeamSearch(2), ContrastiveSearch(2)])
def test_it_generates_the_same(models, strategy):
    found, expected = (Generator(m, strategy, max_new_tokens=4)(PROMPTS) for m in models)
    assert found == expected


def test_softmax_outputs_give_the_same_logits():
    found = Generator(other_model("lm", with_mlm=True), max_new_tokens=4)(PROMPTS)
    expected = Generator(tiny_model(), max_new_tokens=4)(PROMPTS)
    assert found.sequences == expected.sequences
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_roles_survive_a_model_on_top_and_a_file(models, tmp_path):
    other, _ = models
    top = keras.Model(other.inputs, keras.layers.Dense(2)(other.output))
    top.save(tmp_path / "top.keras")
    for model in (other, top, keras.saving.load_model(tmp_path / "top.keras")):
        assert roles_of(model) == ["token", "segment"]
        assert embedding_of(model, "token").input_dim == SIZES["vocab_size"]
        assert embedding_of(model, "segment").input_dim == 2


def test_it_decodes_step_by_step_as_the_usual_model(models):
    class Decoder(AutoRegressiveDecoder):
        @AutoRegressiveDecoder.wraps(default_rtype="logits")
        def predict(self, inputs, output_ids, states):
            ids = np.concatenate([inputs[0], output_ids], axis=1)
            segments = np.concatenate([0 * inputs[0], 0 * output_ids + 1], axis=1)
            return self.last_token(self.model).predict([ids, segments])

    found = []
    for model in models:
        decoder = Decoder(None, None, maxlen=3)
        decoder.model = model
        found.append(decoder.beam_search([[5, 3, 9]], topk=2).tolist())
    assert found[0] == found[1]


def test_it_is_saved_loaded_and_served(models, tmp_path):
    other, _ = models
    words = Tokenizer(character_vocab([TEXT]), do_lower_case=True)
    save_model(tmp_path, other, words)
    with pytest.raises(ValueError, match="tokenizer"):
        save_model(tmp_path, other, Tokenizer(character_vocab([TEXT * 2 + "天气"])))
    loaded = load_model(tmp_path)
    found, expected = (Generator(m, max_new_tokens=4)(PROMPTS) for m in (loaded.model, other))
    assert found == expected
    client = TestClient(create_app(loaded, max_new_tokens=4), "http://localhost")
    response = client.post("/generate", json={"text": "你好"})
    assert response.status_code == 200, response.text
    kind = DecodingGraphs(other).kind
    assert client.get("/health").json()["dialogue"] == (kind == "causal")


def test_an_encoder_decoder_with_other_names_generates_the_same(tmp_path):
    sizes = {name: SIZES[name] for name in SIZES if name != "max_position"}
    sources, models = [[5, 3, 9, 2], [7]], []
    for family, prefix in ((T5, None), (OtherT5, "My-")):
        builder = family(with_lm="linear", version="t5.1.1", prefix=prefix, **sizes)
        builder.build()
        randomize(builder.model, seed=1)
        models.append(builder.model)
    models[-1].save(tmp_path / "model.keras")
    models.append(keras.saving.load_model(tmp_path / "model.keras"))
    assert all(roles_of(model) == ["source", "token"] for model in models)
    expected, *found = (Generator(m, start_id=2, max_new_tokens=4)(sources) for m in models)
    assert found == [expected, expected]
