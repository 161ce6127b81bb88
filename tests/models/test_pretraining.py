"""Scores at places are the model's own there, and ELECTRA's two models train as the paper says."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.data import CorpusDataset, MaskTokens, PackedCorpus, SentenceOrder, write_corpus
from kerasx.layers.replaced_tokens import ElectraLoss, SampledTokens
from kerasx.losses import MaskedCrossEntropy
from kerasx.models import (
    arrange_for,
    build_transformer_model,
    electra_generator,
    electra_pretraining,
    load_model,
    save_model,
    save_pretrained,
    score_places,
)
from kerasx.tokenizers import Tokenizer, character_vocab
from tests.models.families import FAMILIES
from tests.models.test_families import batch, inputs_of, outputs, tiny

SCORED = [name for name, row in FAMILIES.items() if "with_mlm" in row.head]
PLACES = np.array([[4, 1, 1], [0, 3, 0]], "int32")
SMALL = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL |= {"intermediate_size": 12}
LABELS = np.array([[9, 5, 0], [7, 11, 3]], "int32")
WEIGHTS = np.array([[1, 0.5, 0], [1, 1, 0]], "float32")


def at_places(name, model):
    """Return the inputs of a model and the places to score."""
    inputs = inputs_of(model, *batch(name))
    return [*(inputs if isinstance(inputs, list) else [inputs]), PLACES]


@pytest.mark.parametrize("name", SCORED)
def test_scores_at_places_are_those_of_the_model_there(name):
    builder = tiny(name, "encoder")
    model = score_places(builder.model)
    found = ops.convert_to_numpy(model.predict_on_batch(at_places(name, builder.model)))
    expected = np.take_along_axis(outputs(builder.model, *batch(name)), PLACES[..., None], 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert {id(w) for w in model.weights} == {id(w) for w in builder.model.weights}


def moved(model, x, y, weights):
    """Return the loss of a step, and how far the step moves each weight."""
    before = [ops.convert_to_numpy(w).copy() for w in model.trainable_variables]
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(keras.optimizers.SGD(1.0), MaskedCrossEntropy(), weighted_metrics=[accuracy])
    logs = model.train_on_batch(x, y, weights, return_dict=True)
    steps = [ops.convert_to_numpy(w) - v for w, v in zip(model.trainable_variables, before)]
    return logs, {w.path: step for w, step in zip(model.trainable_variables, steps)}


def test_loss_gradient_and_accuracy_are_those_of_all_scores():
    full, builder = tiny("bert", "encoder").model, tiny("bert", "encoder")
    model = score_places(builder)
    found, steps = moved(model, at_places("bert", builder.model), LABELS, WEIGHTS)
    tokens, segments = batch("bert")
    labels, weights = np.full_like(tokens, -100), np.zeros(tokens.shape, "float32")
    for row, place, label, weight in zip([0, 0, 1, 1], (4, 1, 0, 3), (9, 5, 7, 11), (1, 0.5, 1, 1)):
        labels[row, place], weights[row, place] = label, weight
    expected, all_steps = moved(full, inputs_of(full, tokens, segments), labels, weights)
    assert found["loss"] == pytest.approx(float(expected["loss"]), abs=1e-6)
    assert found["accuracy"] == pytest.approx(float(expected["accuracy"]))
    assert steps.keys() == all_steps.keys()
    for path, step in steps.items():
        np.testing.assert_allclose(step, all_steps[path], atol=1e-6)


def test_other_outputs_stay_and_several_losses_are_compiled():
    builder = tiny("albert", "encoder", with_nsp="linear")
    model = score_places(builder)
    assert [x.shape[-1] for x in model.outputs] == [2, builder.vocab_size]
    model.compile("adam", [MaskedCrossEntropy(), MaskedCrossEntropy()])
    y, weights = [np.array([0, 1]), LABELS], [np.ones(2), WEIGHTS]
    logs = model.train_on_batch(at_places("albert", builder.model), y, weights, return_dict=True)
    assert np.isfinite(logs["loss"])


@pytest.mark.once
def test_a_saved_model_scores_places_too(tmp_path):
    builder = tiny("bert", "encoder", prefix="My-")
    save_model(tmp_path, builder)
    models = (score_places(m) for m in (builder, load_model(tmp_path).model))
    inputs = at_places("bert", builder.model)
    first, second = (model.predict_on_batch(inputs) for model in models)
    np.testing.assert_array_equal(first, second)


@pytest.mark.once
def test_models_without_scores_of_tokens_are_refused():
    for model in (tiny("bert", "encoder", with_mlm=False), tiny("gpt", "lm").model, None):
        with pytest.raises(ValueError, match="`model` must be one that .*with_mlm"):
            score_places(model)


# ELECTRA


def electra(**options):
    options = {"with_mlm": False, "with_discriminator": "linear", **options}
    builder = tiny("electra", "encoder", num_attention_heads=4, **options)
    return builder, electra_generator(builder, fraction=1 / 2, num_hidden_layers=1)


def data():
    tokens, segments = batch("electra")
    return [tokens.astype("int32"), segments, PLACES, LABELS, WEIGHTS]


def test_sampled_tokens_have_the_distribution_of_the_scores():
    n, scores = 20000, np.log(np.array([0.4, 0.1, 0.3, 0.2], "float32"))
    ids = np.zeros((n, 3), "int32")
    places, labels = np.tile([[2, 0]], (n, 1)), np.tile([[3, 1]], (n, 1))
    weights = np.tile(np.array([[1, 0]], "float32"), (n, 1))
    layer = SampledTokens(pad_id=0, seed=0)
    inputs = [ids, places.astype("int32"), labels.astype("int32"), weights]
    found, replaced = layer([*inputs, np.tile(scores, (n, 2, 1))])
    found, replaced = ops.convert_to_numpy(found), ops.convert_to_numpy(replaced)
    assert (found[:, :2] == 0).all() and not replaced[:, :2].any()
    shares = np.bincount(found[:, 2], minlength=4) / n
    np.testing.assert_allclose(shares, [0, 1 / 6, 3 / 6, 2 / 6], atol=0.015)
    np.testing.assert_array_equal(replaced[:, 2], found[:, 2] != 3)


def test_the_loss_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    scores, logits = (rng.normal(size=s).astype("float32") for s in ((2, 3, 13), (2, 5, 1)))
    replaced = np.array([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]], "bool")
    real = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "bool")
    layer = ElectraLoss(4, discriminator_weight=7)
    layer([LABELS, WEIGHTS, scores, replaced, logits], mask=[None] * 4 + [ops.array(real)])
    log_p = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    generator = -np.take_along_axis(log_p, LABELS[..., None], -1)[..., 0]
    p = 1 / (1 + np.exp(-logits[..., 0]))
    discriminator = -np.log(np.where(replaced, p, 1 - p))
    expected = (generator * WEIGHTS).sum() / WEIGHTS.sum() + 7 * discriminator[real].mean()
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-5)


def test_the_generator_shares_the_embeddings_and_learns_from_its_own_loss_only():
    builder, generator = electra()
    shared = {w.path for w in builder.model.weights} & {w.path for w in generator.model.weights}
    assert {path.partition("/")[0] for path in shared} == {
        "Embedding-Token",
        "Embedding-Segment",
        "Embedding-Position",
        "Embedding-Norm",
    }
    alone = score_places(generator)
    weights = generator.model.get_weights()
    _, expected = moved(alone, data()[:3], LABELS, WEIGHTS)
    generator.model.set_weights(weights)
    model = electra_pretraining(builder, generator, seed=0)
    model.compile(keras.optimizers.SGD(1.0))
    before = {w.path: ops.convert_to_numpy(w).copy() for w in model.trainable_variables}
    model.train_on_batch(data())
    steps = {w.path: ops.convert_to_numpy(w) - before[w.path] for w in model.trainable_variables}
    for path in expected.keys() - shared:
        np.testing.assert_allclose(steps[path], expected[path], atol=1e-6)
    assert all(np.any(step) for path, step in steps.items() if not path.endswith("k_dense/bias"))


def test_both_models_learn():
    model = electra_pretraining(*electra(), seed=0)
    model.compile(keras.optimizers.Adam(3e-3))
    x = [np.repeat(array, 4, 0) for array in data()]
    losses = model.fit(x, batch_size=4, epochs=4, shuffle=False, verbose=0).history
    assert losses["loss"][-1] < losses["loss"][0]
    assert losses["generator_loss"][-1] < losses["generator_loss"][0]
    assert 0 <= losses["found_replaced"][-1] <= 1


@pytest.mark.once
def test_transformers_reads_both_models(tmp_path):
    from tests.parity.test_save_pretrained import read_by_transformers

    tokens, segments = batch("electra")
    heads = ("ElectraForPreTraining", "ElectraForMaskedLM")
    for builder, head in zip(electra(), heads):
        save_pretrained(builder, tmp_path / head)
        ours = outputs(builder.model, tokens, segments * 0)
        ours = ours[..., 0] if ours.shape[-1] == 1 else ours
        name, theirs = read_by_transformers(tmp_path / head, tokens, 0)
        assert (
            name
            == head
            == json.loads((tmp_path / head / "config.json").read_text())["architectures"][0]
        )
        real = tokens > 0
        np.testing.assert_allclose(ours[real], theirs[real], atol=2e-5)
        again = build_transformer_model(str(tmp_path / head))
        np.testing.assert_array_equal(
            outputs(again, tokens, segments * 0).squeeze(), ours.squeeze()
        )


@pytest.mark.once
def test_models_that_do_not_fit_are_refused():
    builder, generator = electra()
    with pytest.raises(ValueError, match="`model` must be an ELECTRA"):
        electra_generator(tiny("bert", "encoder"))
    with pytest.raises(ValueError, match="must be built with with_discriminator='linear'"):
        electra_pretraining(generator, builder)
    other = tiny("electra", "encoder", vocab_size=25)
    with pytest.raises(ValueError, match="must have the discriminator's vocabulary"):
        electra_pretraining(builder, other)


# Batches


@pytest.mark.once
def test_arrays_are_arranged_by_the_names_of_the_inputs():
    ids = np.arange(6).reshape(2, 3)
    batch = {"token_ids": ids, "places": PLACES, "labels": LABELS, "weights": WEIGHTS}
    batch |= {"words": ids, "order": np.array([0, 1])}
    bert = tiny("bert", "encoder", prefix="My-")
    inputs, labels, weights = arrange_for(score_places(bert))(batch)
    assert [x.tolist() for x in inputs] == [ids.tolist(), (ids * 0).tolist(), PLACES.tolist()]
    assert labels is LABELS and weights is WEIGHTS
    (inputs,) = arrange_for(electra_pretraining(*electra()))({**batch, "segment_ids": ids})
    assert all(x is y for x, y in zip(inputs, [ids, ids, PLACES, LABELS, WEIGHTS], strict=True))
    albert = score_places(tiny("albert", "encoder", with_nsp="linear"))
    _, labels, weights = arrange_for(albert)(batch)
    assert labels[0] is batch["order"] and weights[0].tolist() == [1, 1] and labels[1] is LABELS
    t5 = build_transformer_model(None, model="t5", **SMALL)
    (inputs,) = arrange_for(t5)({"encoder_ids": ids, "decoder_ids": ids[:, :2]})
    assert inputs[0] is ids and inputs[1].shape == (2, 2)
    (inputs,) = arrange_for(tiny("roberta", "encoder").model)({"token_ids": ids})
    assert inputs is ids
    with pytest.raises(ValueError, match="must have inputs whose names end in"):
        arrange_for(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))


class Batches(keras.utils.PyDataset):
    """Two batches of masked rows, arranged for a model."""

    def __init__(self, model):
        super().__init__()
        tokens, segments = batch("bert")
        arrays = {"token_ids": tokens.astype("int32"), "segment_ids": segments, "order": [0, 1]}
        arrays |= {"places": PLACES, "labels": LABELS, "weights": WEIGHTS}
        self.batch = arrange_for(model)({k: np.asarray(x) for k, x in arrays.items()})

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.batch


def test_fit_takes_arranged_batches():
    albert = score_places(tiny("albert", "encoder", with_nsp="linear"))
    albert.compile("adam", [MaskedCrossEntropy(), MaskedCrossEntropy()])
    joined = electra_pretraining(*electra(), seed=0)
    joined.compile("adam")
    for model in (albert, joined):
        history = model.fit(Batches(model), shuffle=False, verbose=0).history
        assert np.isfinite(history["loss"][0])


@pytest.mark.once
def test_albert_learns_masked_words_and_the_order_of_segments_from_a_corpus(tmp_path):
    texts = [f"第{i}天早上天气很好，下午我们出去散步，晚上下雨了。" for i in range(40)]
    (tmp_path / "texts.txt").write_text("\n\n".join(texts), "utf-8")
    tokenizer = Tokenizer(character_vocab(texts))
    write_corpus(tmp_path / "texts.txt", tmp_path / "corpus", tokenizer, verbose=0)
    corpus = PackedCorpus(tmp_path / "corpus", 23)
    albert = tiny("albert", "encoder", with_nsp="linear", vocab_size=tokenizer.vocab_size)
    model = score_places(albert)
    model.compile(keras.optimizers.Adam(3e-3), [MaskedCrossEntropy(), MaskedCrossEntropy()])
    transforms = [SentenceOrder(tokenizer), MaskTokens(tokenizer)]
    dataset = CorpusDataset(corpus, 8, transforms, arrange_for(model), steps_per_epoch=4)
    losses = model.fit(dataset, epochs=4, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    save_pretrained(albert, tmp_path / "model", tokenizer)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["architectures"] == ["AlbertForPreTraining"]


def test_places_are_not_scored_by_probabilities():
    with pytest.raises(ValueError, match="with_mlm='linear'"):
        score_places(tiny("bert", "encoder", with_mlm=True))
