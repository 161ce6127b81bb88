"""`AutoRegressiveDecoder`: with a table of probabilities, and against `Generator`."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.generation import AutoRegressiveDecoder, BeamSearch, Generator
from kerasx.generation.decoder import largest, sample_tokens, take_rows
from tests.generation.models import log_probas, tiny_model

TABLE = np.random.default_rng(0).dirichlet(np.full(5, 0.7), size=5)  # p(next | last)
PROMPT = [5, 3, 9, 1]


class Table(AutoRegressiveDecoder):
    """Next tokens from a table that looks at the last one."""

    table = TABLE

    @AutoRegressiveDecoder.wraps(default_rtype="probas")
    def predict(self, inputs, output_ids, states):
        return self.table[output_ids[:, -1]]


class TableOfLogits(Table):
    @AutoRegressiveDecoder.wraps(default_rtype="logits")
    def predict(self, inputs, output_ids, states):
        return np.log(self.table)[output_ids[:, -1]] + 3


class Continue(AutoRegressiveDecoder):
    """A language model after a prompt."""

    model = None

    @AutoRegressiveDecoder.wraps(default_rtype="logits")
    def predict(self, inputs, output_ids, states):
        token_ids = np.concatenate([inputs[0], output_ids], axis=1)
        segment_ids = np.concatenate([np.zeros_like(inputs[0]), np.ones_like(output_ids)], axis=1)
        return self.last_token(self.model).predict([token_ids, segment_ids])


class Stateful(Table):
    """Each state is the sequence so far, told by `predict` itself."""

    @AutoRegressiveDecoder.wraps(use_states=True)
    def predict(self, inputs, output_ids, states):
        assert inputs[0].shape == (len(output_ids), 2)
        if states is not None:
            said = np.concatenate([states["said"], output_ids[:, -1:]], axis=1)
            np.testing.assert_array_equal(said, output_ids)
            np.testing.assert_array_equal(ops.convert_to_numpy(states["nested"][0]), said[:, -2])
        tensor = ops.convert_to_tensor(output_ids[:, -1], "int32")
        states = {"said": output_ids, "nested": [tensor], "step": output_ids.shape[1]}
        return self.table[output_ids[:, -1]], states


def table_score(ids, table=TABLE):
    return sum(np.log(table[a, b]) for a, b in zip(ids, ids[1:]))


def brute_force(length, end):
    found = set()
    for ids in itertools.product(range(5), repeat=length):
        found.add((0, *ids[: ids.index(end) + 1 if end in ids else length]))
    return max(found, key=table_score)


@pytest.mark.parametrize("cls", [Table, TableOfLogits])
@pytest.mark.parametrize("end", [2, 4])
def test_a_wide_beam_finds_the_best_sequence(cls, end):
    assert tuple(cls(0, end, maxlen=4).beam_search([], 700)) == brute_force(4, end)


def test_a_beam_of_one_is_greedy():
    ids = [0]
    while len(ids) < 7:
        ids.append(TABLE[ids[-1]].argmax())
    assert Table(0, None, maxlen=6).beam_search([], 1).tolist() == ids


@pytest.mark.parametrize("end", [None, 8])
def test_a_beam_equals_the_generators(end):
    decoder = Continue(None, end, maxlen=5)
    decoder.model = model = tiny_model("unilm")
    found = Generator(model, BeamSearch(3), end_id=end, max_new_tokens=5)([PROMPT]).best[0]
    ids = decoder.beam_search([PROMPT], 3).tolist()
    assert [x for x in ids if x != end] == found


def test_states_follow_their_beams():
    decoder, plain = Stateful(0, 2, maxlen=6), Table(0, 2, maxlen=6)
    assert decoder.beam_search([[1, 2]], 4).tolist() == plain.beam_search([], 4).tolist()
    samples = decoder.random_sample([[1, 2]], 7, seed=1)
    expected = plain.random_sample([], 7, seed=1)
    assert [x.tolist() for x in samples] == [x.tolist() for x in expected]


def test_states_without_a_row_for_each_sequence_are_refused():
    with pytest.raises(ValueError, match="states"):
        take_rows({"shared": np.zeros((1, 3))}, np.array([0, 1]))
    assert take_rows(None, np.array([0])) is None


@pytest.mark.parametrize("n", [1, 5, 40])
def test_n_samples_are_returned_and_each_ends_once(n):
    samples = Table(0, 2, maxlen=8).random_sample([], n, seed=0)
    assert len(samples) == n
    for ids in samples:
        assert ids[0] == 0 and 2 not in ids[:-1]
        assert ids[-1] == 2 or len(ids) == 9


def test_seeded_samples_repeat():
    decoder = Table(0, 2, maxlen=8)
    first, same, other = (
        [list(x) for x in decoder.random_sample([], 9, seed=s)] for s in (1, 1, 2)
    )
    assert first == same != other
    for set_seed in (np.random.seed, keras.utils.set_random_seed):
        set_seed(3)
        first = [list(x) for x in decoder.random_sample([], 9)]
        set_seed(3)
        assert first == [list(x) for x in decoder.random_sample([], 9)]


@pytest.mark.parametrize("options", [{"topk": 1}, {"topp": 1e-9}, {"temperature": 1e-3}])
def test_the_narrowest_sampling_is_greedy(options):
    decoder = Table(0, None, maxlen=6)
    greedy = decoder.beam_search([], 1).tolist()
    assert all(x.tolist() == greedy for x in decoder.random_sample([], 5, **options))


def frequencies(probas, n=20_000, **options):
    draw = np.random.default_rng(0).random
    tokens = sample_tokens(np.repeat([probas], n, axis=0), draw=draw, **options)
    return np.bincount(tokens, minlength=len(probas)) / n


@pytest.mark.parametrize(
    "options, kept",
    [
        ({}, [0, 1, 2, 3]),
        ({"topk": 2}, [1, 3]),
        ({"topk": 9}, [0, 1, 2, 3]),
        ({"topp": 0.5}, [1]),  # reached exactly by the first
        ({"topp": 0.51}, [1, 3]),
        ({"topp": 1}, [0, 1, 2, 3]),
        ({"topk": 0, "topp": 5}, [0, 1, 2, 3]),  # no restriction, as in bert4keras
        ({"topp": 0}, [1]),
        ({"topk": 2, "topp": 0.6}, [1]),  # 0.5 of 0.75 is two thirds
        ({"topk": 3, "topp": 0.6}, [1, 3]),  # 0.5 of 0.875 is less than 0.6
    ],
)
def test_samples_come_from_the_kept_tokens_in_proportion(options, kept):
    probas = np.array([0.125, 0.5, 0.125, 0.25])
    if options.get("topk") == 3:
        probas = np.array([0.125, 0.5, 0.1, 0.275])
    expected = np.zeros(4)
    expected[kept] = probas[kept] / probas[kept].sum()
    found = frequencies(probas, **options)
    assert (found[expected == 0] == 0).all()
    np.testing.assert_allclose(found, expected, atol=0.015)


def test_the_ends_of_the_unit_interval_draw_possible_tokens():
    probas = np.array([[0.0, 0.3, 0.0, 0.7, 0.0]])
    for u in (np.zeros((1, 1)), np.full((1, 1), np.nextafter(1, 0))):
        assert probas[0, sample_tokens(probas, draw=lambda shape, u=u: u)[0]] > 0


def test_all_sequences_ending_at_once_are_returned():
    class Ends(Table):
        table = np.eye(5)[[2] * 5]

    assert Ends(0, 2, maxlen=5).beam_search([], 3).tolist() == [0, 2]
    assert [x.tolist() for x in Ends(0, 2, maxlen=5).random_sample([], 3)] == [[0, 2]] * 3


@pytest.mark.parametrize("cls", [Table, TableOfLogits])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_where_no_token_may_follow_the_sequence_stays(cls):
    class Dead(cls):
        table = np.eye(5)[[1, 3, 0, 0, 0]] * [[1], [1], [1], [0], [1]]  # 0 -> 1 -> 3 -> nothing

    assert Dead(0, 2, maxlen=5).beam_search([], 2).tolist() == [0, 1, 3]
    assert [x.tolist() for x in Dead(0, 2, maxlen=5).random_sample([], 3)] == [[0, 1, 3]] * 3


def test_maxlen_without_an_end():
    decoder = Table(None, None, maxlen=3)
    decoder.first_output_ids = np.array([[1]])
    assert len(decoder.beam_search([], 2)) == 4
    assert all(len(x) == 4 for x in decoder.random_sample([], 3))


def test_a_result_shorter_than_minlen_goes_on():
    assert len(Table(0, 2, maxlen=9, minlen=6).beam_search([], 4)) >= 6
    assert all(len(x) >= 6 for x in Table(0, 2, maxlen=9, minlen=6).random_sample([], 9, seed=0))


def test_min_ends_counts_the_ends():
    samples = Table(0, 2, maxlen=30).random_sample([], 9, min_ends=3, seed=0)
    assert all(list(x).count(2) == 3 for x in samples if len(x) < 31)


def test_several_end_ids():
    for end in ([2, 4], {2, 4}):
        for ids in Table(0, end, maxlen=30).random_sample([], 9, seed=0):
            assert ids[-1] in (2, 4) or len(ids) == 31
            assert not np.isin(ids[1:-1], [2, 4]).any()


def test_temperature_flattens():
    decoder = Table(0, None, maxlen=1)
    for cls in (Table, TableOfLogits):
        p, _ = cls(0, None, maxlen=1).predict([], np.array([[0]]), None, 2, "probas")
        expected = np.sqrt(TABLE[0]) / np.sqrt(TABLE[0]).sum()
        np.testing.assert_allclose(p[0], expected, atol=1e-12)
        logs, _ = cls(0, None, maxlen=1).predict([], np.array([[0]]), rtype="logits")
        np.testing.assert_allclose(logs[0], np.log(TABLE[0]), atol=1e-12)
    with pytest.raises(ValueError, match="temperature"):
        decoder.beam_search([], 1, temperature=0)


def test_last_token_equals_the_last_place_of_the_model():
    draw = np.random.default_rng(0)
    for application in ("lm", "unilm"):
        model = tiny_model(application)
        last = AutoRegressiveDecoder(None, None, maxlen=1).last_token(model)
        for b, n in ((1, 1), (3, 5), (2, 16), (1, 17), (5, 24)):
            ids = draw.integers(1, 11, (b, n))
            segments = (np.arange(n) >= n // 2).astype(int)[None].repeat(b, axis=0)
            found = ops.log_softmax(last.predict([ids, segments]))
            expected = [x[-1] for x in log_probas(model, ids.tolist(), segments.tolist())]
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_last_token_of_a_model_with_other_inputs_and_several_outputs():
    condition, ids = keras.Input((3,)), keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(6, 3)(ids) * condition[:, None]
    last = AutoRegressiveDecoder(None, None, maxlen=1).last_token(
        keras.Model([condition, ids], [x, x * 2])
    )
    inputs = [np.ones((3, 3)), np.ones((3, 5))]
    one, two = last.predict(inputs, verbose=0)
    assert one.shape == (3, 3)
    np.testing.assert_allclose(two, one * 2)
    np.testing.assert_array_equal(last.predict_on_batch(inputs), [one, two])


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles no functions")
def test_last_token_compiles_few_shapes():
    class Spy(keras.layers.Layer):
        traces = 0

        def call(self, x):
            self.traces += 1
            return x * 1.0

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    ids, spy = keras.Input((None,), dtype="int32"), Spy()
    model = keras.Model(ids, spy(keras.layers.Embedding(6, 3)(ids)))
    last = AutoRegressiveDecoder(None, None, maxlen=1).last_token(model)
    for n in range(1, 17):
        last.predict([np.ones((3, n))])
    assert spy.traces == 1


def test_largest_are_sorted():
    x = np.random.default_rng(0).standard_normal((3, 50))
    for k in (1, 7, 50, 90):
        np.testing.assert_array_equal(largest(x, k), np.argsort(-x, axis=-1)[:, :k])


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.beam_search([], 0),
        lambda d: d.random_sample([], 0),
        lambda d: d.random_sample([], 1, topk=-1),
        lambda d: d.random_sample([], 1, topp=-0.5),
        lambda d: AutoRegressiveDecoder(0, 1, maxlen=0),
        lambda d: AutoRegressiveDecoder.wraps("tokens"),
        lambda d: AutoRegressiveDecoder(0, 1, maxlen=2).beam_search([], 1),
    ],
)
def test_bad_arguments_are_named(call):
    with pytest.raises(ValueError, match="must "):
        call(Table(0, 2, maxlen=3))
