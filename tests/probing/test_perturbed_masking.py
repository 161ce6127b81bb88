"""The impact matrix of encoders with known dependencies, and the number of its inputs."""

import keras
import numpy as np
import pytest

from kerasx.metrics import brackets
from kerasx.models import bert_config, build_transformer_model
from kerasx.probing import (
    impact_matrix,
    parse_constituency,
    parse_dependencies,
    segment,
)

MASK = 4
IDS = np.array([2, 10, 11, 12, 13, 14, 15, 3])
WEIGHTS = np.random.default_rng(0).uniform(1, 5, (6, 6)) * (1 - np.eye(6))


class Toy:
    """An encoder whose H_i has the component weights[i, j] for each unit j that is not masked."""

    def __init__(self, weights):
        self.weights = np.asarray(weights)
        self.seen, self.shapes = set(), set()

    def __call__(self, ids):
        self.seen |= {tuple((row == MASK).tolist()) for row in ids if (row == MASK).any()}
        self.shapes.add(ids.shape)
        n = len(self.weights)
        hidden = np.zeros((*ids.shape, n))
        hidden[:, 1 : n + 1] = self.weights * (ids[:, None, 1 : n + 1] != MASK)
        return hidden


def test_the_impact_on_a_toy_encoder_is_its_dependency():
    np.testing.assert_allclose(impact_matrix(Toy(WEIGHTS), IDS, MASK), WEIGHTS, rtol=1e-6)


def test_the_words_and_the_tree_of_a_toy_encoder_are_exact():
    tree = (((0, 1), 2), ((3, 4), 5))
    weights = -np.ones((6, 6))
    for start, end in brackets(tree):
        weights[start:end, start:end] += 1
    weights *= 1 - np.eye(6)
    impacts = impact_matrix(Toy(weights), IDS, MASK)
    assert parse_constituency(impacts) == parse_constituency(impacts, "mart") == tree
    assert segment(impacts, 2) == [(0, 2), (2, 3), (3, 5), (5, 6)]
    assert segment(impacts, 1) == [(0, 3), (3, 6)]


def test_the_heads_of_a_toy_encoder_are_exact():
    heads = [1, -1, 1, 4, 2, 4]
    weights = np.full((6, 6), 0.2)
    for i, head in enumerate(heads):
        if head >= 0:
            weights[i, head] = 3
    assert parse_dependencies(impact_matrix(Toy(weights), IDS, MASK)).tolist() == heads


@pytest.mark.parametrize("batch_size", [1, 4, 21, 64])
def test_the_inputs_are_as_many_as_the_formula_says_in_batches_of_one_shape(batch_size):
    toy = Toy(WEIGHTS)
    impact_matrix(toy, IDS, MASK, batch_size=batch_size)
    assert len(toy.seen) == 6 * 7 // 2
    assert toy.shapes == {(batch_size, len(IDS))}


def test_segmentation_needs_two_inputs_a_unit_less_one():
    toy = Toy(WEIGHTS)
    near = impact_matrix(toy, IDS, MASK, reach=1)
    assert len(toy.seen) == 2 * 6 - 1
    i, j = np.indices((6, 6))
    np.testing.assert_allclose(near, np.where(abs(i - j) == 1, WEIGHTS, 0), rtol=1e-6)


def test_a_text_without_units_or_of_one_is_a_matrix_of_zeros():
    assert impact_matrix(Toy(np.zeros((0, 0))), [2, 3], MASK).shape == (0, 0)
    assert impact_matrix(Toy(np.ones((1, 1))), [2, 9, 3], MASK).tolist() == [[0]]


@pytest.fixture(scope="module")
def bert():
    keras.utils.set_random_seed(0)
    config = bert_config(30, 16, 1, max_position=16, initializer_range=0.5)
    return build_transformer_model(config)


def one_by_one(model, ids, spans, distance):
    """Compute the impacts by their definition, pair by pair."""

    def vector(hidden_units, unit):
        x = np.array(ids)
        for start, end in hidden_units:
            x[start:end] = MASK
        hidden = model.predict_on_batch([x[None], np.zeros_like(x)[None]])
        return hidden[0, slice(*unit)].mean(0)

    return [[distance(vector([a], a), vector([a, b], a)) for b in spans] for a in spans]


def test_batches_equal_one_by_one_for_tokens_and_for_spans(bert):
    def euclidean(x, y):
        return np.linalg.norm(x - y)

    for spans in ([(i, i + 1) for i in range(1, 7)], [(1, 3), (3, 4), (5, 7)]):
        wanted = one_by_one(bert, IDS, spans, euclidean)
        for options in ({"batch_size": 4}, {"batch_size": 4, "maxlen": 12}):
            got = impact_matrix(bert, IDS, MASK, spans, **options)
            np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_cosine_distance(bert):
    def cosine(x, y):
        return 1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    spans = [(1, 3), (3, 4), (5, 7)]
    got = impact_matrix(bert, IDS, MASK, spans, distance="cosine", batch_size=4)
    np.testing.assert_allclose(got, one_by_one(bert, IDS, spans, cosine), atol=2e-5)


def test_a_progress_bar_counts_the_inputs(capsys):
    impact_matrix(Toy(WEIGHTS), IDS, MASK, batch_size=8, verbose=1)
    assert "21/21" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, match",
    [
        ({"token_ids": [[2, 3]]}, "`token_ids` must be the ids of one text"),
        ({"token_ids": []}, "`token_ids` must be the ids of one text"),
        ({"spans": [(1, 1)]}, "none empty"),
        ({"spans": [(1, 3), (2, 4)]}, "none overlapping"),
        ({"spans": [(1, 9)]}, "within the 8 tokens"),
        ({"distance": "dot"}, "`distance` must be one of"),
        ({"batch_size": 0}, "`batch_size` must be an integer of at least 1"),
        ({"maxlen": 3}, "`maxlen` must be at least the 8 tokens"),
        ({"encoder": lambda ids: ids}, "one output of rank 3"),
        ({"encoder": keras.Model(i := [keras.Input((3,)) for _ in range(3)], i)}, "segment ids"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    arguments = {"encoder": Toy(WEIGHTS), "token_ids": IDS, "mask_id": MASK, **options}
    with pytest.raises(ValueError, match=match):
        impact_matrix(**arguments)
