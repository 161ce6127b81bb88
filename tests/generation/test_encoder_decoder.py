"""`Generator` and `AutoRegressiveDecoder` of encoder-decoder models, against plain decoding."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.generation import AutoRegressiveDecoder, BeamSearch, Generator
from kerasx.models import build_transformer_model
from tests.generation.models import randomize, tiny_model

SIZES = {
    "vocab_size": 11,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "with_lm": "linear",
}
SOURCES = [[5, 3, 9, 2], [7], [3, 8, 4, 6, 10, 2], [3, 2]]
START = 2
VARIANTS = {
    "t5": {"model": "t5.1.1"},
    "bart": {"model": "bart", "max_position": 16},
    "biases in attention to the source, fixed length, prefix": {
        "model": "t5",
        "cross_position_bias": True,
        "sequence_length": 9,
        "prefix": "My-",
    },
}


def tiny(model="t5.1.1", seed=1, **options):
    """Return the builder of a tiny model with large weights."""
    builder = build_transformer_model(model=model, return_keras_model=False, **{**SIZES, **options})
    randomize(builder.model, seed)
    return builder


def log_probas(builder, sources, targets):
    """Return log-probabilities (n, v) at each position of each target, without a cache."""
    pad = builder.pad_id
    arrays = [
        np.array([list(x) + [pad] * (9 - len(x)) for x in rows], "int32")
        for rows in (sources, targets)
    ]
    outputs = ops.log_softmax(builder.model(arrays, training=False), axis=-1)
    return [x[: len(ids)] for x, ids in zip(ops.convert_to_numpy(outputs), targets)]


def naive_greedy(builder, sources, steps, starts=None):
    """Append the most probable token `steps` times, each time by a whole forward pass."""
    starts = starts or [[START]] * len(sources)
    ids = [list(x) for x in starts]
    for _ in range(steps):
        ids = [[*x, int(p[-1].argmax())] for x, p in zip(ids, log_probas(builder, sources, ids))]
    return [x[len(start) :] for x, start in zip(ids, starts)]


def check_scores(builder, sources, found, steps, end=None):
    """Assert that hypotheses have the scores of the uncached model, with the end of short ones."""
    for i in range(min(map(len, found.sequences))):
        hypotheses = [x[i] for x in found.sequences]
        whole = [x if len(x) == steps else [*x, end] for x in hypotheses]
        probas = log_probas(builder, sources, [[START, *x] for x in whole])
        scores = [float(sum(p[np.arange(len(x)), x])) for p, x in zip(probas, whole)]
        np.testing.assert_allclose([x[i] for x in found.scores], scores, atol=1e-4)


@pytest.fixture(scope="module")
def builder():
    return tiny()


@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_equals_a_naive_loop(name):
    builder = tiny(**VARIANTS[name])
    generate = Generator(builder.model, start_id=START, max_new_tokens=5)
    assert generate(SOURCES).best == naive_greedy(builder, SOURCES, 5)


def test_scores_of_beams_are_those_of_the_uncached_model(builder):
    generate = Generator(
        builder.model, BeamSearch(3), start_id=START, end_id=6, max_new_tokens=5, batch_size=2
    )
    found = generate(SOURCES)
    assert any(len(x) < 5 for hypotheses in found.sequences for x in hypotheses)
    check_scores(builder, SOURCES, found, 5, end=6)


def test_the_decoder_may_start_with_more_than_one_token(builder):
    starts = [[2, 5], [2], [2, 7, 1], [4, 4]]
    found = Generator(builder.model, max_new_tokens=4)(SOURCES, decoder_token_ids=starts)
    assert found.best == naive_greedy(builder, SOURCES, 4, starts)


def test_a_step_encodes_nothing(builder):
    graphs = Generator(builder.model, start_id=START).graphs
    assert any(x.name.startswith("Encoder-Transformer") for x in graphs.prefill.layers)
    assert not any(x.name.startswith("Encoder-Transformer") for x in graphs.step.layers)


def test_a_generator_leaves_the_model_as_it_was_to_be_saved():
    model = tiny().model
    before = model.get_config()
    Generator(model, start_id=START)
    assert model.get_config() == before


def test_arrays_are_sources_without_their_padding():
    builder = tiny("bart", max_position=16)
    generate = Generator(builder.model, start_id=START, max_new_tokens=3)
    array = np.full((4, 9), 1)
    for row, source in zip(array, SOURCES):
        row[: len(source)] = source
    assert generate(array) == generate(SOURCES)
    with pytest.raises(ValueError, match="longest_prompt=17"):
        generate([[3] * 17])


def test_a_saved_model_with_a_condition_generates_the_same(tmp_path):
    condition = keras.Input((3,), name="Condition")
    builder = tiny(layer_norm_cond=condition, additional_input_layers=[condition])
    builder.model.save(tmp_path / "model.keras")
    values = np.random.default_rng(0).standard_normal((2, 3)).astype("float32")
    found, expected = (
        Generator(model, start_id=START, max_new_tokens=3)(SOURCES[:2], additional_inputs=[values])
        for model in (keras.models.load_model(tmp_path / "model.keras"), builder.model)
    )
    assert found == expected
    ids = [[START]] * 2
    for _ in range(3):
        padded = [np.array([x + [0] * (9 - len(x)) for x in rows]) for rows in (SOURCES[:2], ids)]
        logits = ops.convert_to_numpy(builder.model([*padded, values]))
        ids = [[*x, int(row[len(x) - 1].argmax())] for x, row in zip(ids, logits)]
    assert found.best == [x[1:] for x in ids]


def test_a_decoder_in_the_manner_of_bert4keras_finds_the_same(builder):
    class AutoTitle(AutoRegressiveDecoder):
        @AutoRegressiveDecoder.wraps(default_rtype="logits")
        def predict(self, inputs, output_ids, states):
            return self.last_token(builder.decoder).predict([inputs[0], output_ids])

    source = SOURCES[0]
    options = {"start_id": START, "end_id": 6, "max_new_tokens": 5}
    expected = Generator(builder.model, BeamSearch(2), **options)([source]).best[0]
    context = builder.encoder.predict(np.array([source]), verbose=0)[0]
    found = AutoTitle(start_id=START, end_id=6, maxlen=5).beam_search([context], topk=2).tolist()
    assert [x for x in found[1:] if x != 6] == expected


def test_what_cannot_be_generated_is_named(builder):
    with pytest.raises(ValueError, match="decoder_start_token_id"):
        Generator(builder.model)(SOURCES)
    with pytest.raises(ValueError, match="the whole encoder-decoder model"):
        Generator(builder.decoder)
    with pytest.raises(ValueError, match="with_lm"):
        Generator(tiny(with_lm=False).model)
    with pytest.raises(ValueError, match="start_id"):
        Generator(builder.model, start_id=11)
    generate = Generator(builder.model, start_id=START)
    with pytest.raises(ValueError, match="segment_ids"):
        generate([[1]], [[0]])
    with pytest.raises(ValueError, match="decoder_token_ids"):
        generate([[1]], decoder_token_ids=[[1], [1]])
    with pytest.raises(ValueError, match="start_id"):
        Generator(tiny_model(), start_id=1)
    with pytest.raises(ValueError, match="decoder_token_ids"):
        Generator(tiny_model())([[1]], decoder_token_ids=[[1]])
