"""Properties of NEZHA, ALBERT, ELECTRA, RoBERTa and DistilBERT in which they differ from BERT."""

import numpy as np
import pytest

from kerasx.generation import Generator
from kerasx.layers.inputs import roles_of
from kerasx.models import build_transformer_model
from tests.generation.models import naive_greedy
from tests.models.test_families import batch, outputs, tiny


def test_queries_and_values_of_nezha_differ_in_size():
    model = tiny("nezha", "lm", attention_key_size=6).model
    prompts = [[5, 3, 9, 2, 7], [4, 8]]
    found = Generator(model, max_new_tokens=4, prompt_multiple=8)(prompts).best
    assert found == naive_greedy(model, prompts, 4)


def test_albert_has_one_block_however_deep():
    shallow, deep = (tiny("albert", "encoder", num_hidden_layers=k) for k in (1, 5))
    assert shallow.model.count_params() == deep.model.count_params()
    assert (
        np.abs(
            outputs(shallow.model, *batch("albert")) - outputs(deep.model, *batch("albert"))
        ).max()
        > 0.1
    )


def test_an_unshared_albert_is_written_as_a_bert(tmp_path):
    builder = tiny("albert_unshared", "encoder")
    path = tmp_path / "model.safetensors"
    builder.save_weights_as_checkpoint(path)
    bert = tiny("bert", "encoder", embedding_size=4)
    bert.load_weights_from_checkpoint(str(path))
    expected = outputs(builder.model, *batch("bert"))
    np.testing.assert_array_equal(outputs(bert.model, *batch("bert")), expected)
    with pytest.raises(ValueError, match="cannot be written as an ALBERT"):
        builder.save_weights_as_checkpoint(path, names="huggingface")


def test_a_discriminator_gives_probabilities_unless_logits_are_asked_for():
    logits, probabilities = (
        outputs(
            tiny("electra", "encoder", with_mlm=False, with_discriminator=x).model,
            *batch("electra"),
        )
        for x in ("linear", True)
    )
    assert logits.shape[-1] == 1
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_electra_is_no_language_model():
    with pytest.raises(ValueError, match="`application` of a `ELECTRA` must be"):
        tiny("electra", "lm")


def test_positions_of_roberta_come_after_the_padding_id():
    model = tiny("roberta", "encoder", max_position=10).model
    assert outputs(model, np.full((1, 8), 5)).shape[1] == 8
    with pytest.raises(ValueError, match="at most 8 tokens long, as .* reaches.*length=9"):
        outputs(model, np.full((1, 9), 5))
    with pytest.raises(ValueError, match="`pad_id` must be a token id"):
        tiny("roberta", "encoder", pad_id=None)


def test_segments_of_roberta_are_an_input_if_there_are_several():
    names = [x.name for x in tiny("roberta", "unilm", segment_vocab_size=2).inputs]
    assert names == ["Input-Token", "Input-Segment"]


@pytest.mark.parametrize("name", ["bert", "albert", "electra", "roberta", "distilbert"])
def test_classes_are_of_the_sequence_with_pooling_and_of_tokens_without(name):
    model = tiny(name, "encoder", with_mlm=False, with_classes=3, with_pool=True).model
    assert model.output.shape == (None, 3)
    model = tiny(name, "encoder", with_mlm=False, with_classes=3).model
    assert model.output.shape == (None, None, 3)


def test_two_heads_on_the_pooled_output_are_refused():
    with pytest.raises(ValueError, match="must be False"):
        tiny("bert", "encoder", with_nsp=True, with_classes=3)


def test_an_argument_of_bert_that_a_family_lacks_is_refused():
    with pytest.raises(ValueError, match=r"unknown arguments \['with_nsp'\]"):
        build_transformer_model({"vocab_size": 9}, model="distilbert", with_nsp=True)


def test_position_ids_of_roberta_have_their_role_without_a_segment_input():
    model = tiny("roberta", "encoder", custom_position_ids=True).model
    assert [x.name for x in model.inputs] == ["Input-Token", "Input-Position"]
    assert roles_of(model) == ["token", "position"]
