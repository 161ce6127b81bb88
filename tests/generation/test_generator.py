"""`Generator` against plain decoding of the uncached model."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from kerasx.generation import (
    BeamSearch,
    ContrastiveSearch,
    Generated,
    Generator,
    Greedy,
    Sampling,
)
from kerasx.generation.cache import DecodingGraphs
from kerasx.layers import Loss
from kerasx.models import build_transformer_model
from tests.generation.models import (
    SIZES,
    all_sequences,
    conditional_model,
    continued_segments,
    log_probas,
    naive_greedy,
    randomize,
    score,
    tiny_model,
)

PROMPTS = [[5, 3, 9, 2], [7], [1, 1, 8, 4, 6, 10, 2], [3, 2]]
VARIANTS = {
    "lm": {},
    "unilm": {"application": "unilm"},
    "residual attention scores": {"residual_attention_scores": True},
    "larger keys": {"attention_key_size": 6},
    "prefix": {"prefix": "Decoder-"},
    "softmax output": {"with_mlm": True},
    "pooled output": {"with_pool": True},
    "custom positions": {"custom_position_ids": True},
    "hierarchical positions": {"hierarchical_position": True, "max_position": 6},
    "no segments": {"segment_vocab_size": 0},
    "small embeddings": {"embedding_size": 5},
    "fixed length": {"sequence_length": 9},
}


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def small():
    """Return a model of four tokens."""
    return tiny_model(vocab_size=4, seed=5)


def assert_equal_scores(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def assert_scores(model, prompts, found, steps, end=None):
    """Assert that hypotheses have the scores of the uncached model, with the end of short ones."""
    pairs = [(p, x) for p, hypotheses in zip(prompts, found.sequences) for x in hypotheses]
    whole = [x if end is None or len(x) == steps else [*x, end] for _, x in pairs]
    assert_equal_scores(sum(found.scores, []), score(model, [p for p, _ in pairs], whole))


def test_no_prompts_give_no_sequences(model):
    assert Generator(model)([]) == Generated([], [])


@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_equals_a_naive_loop(name):
    options = VARIANTS[name]
    model = plain = tiny_model(num_hidden_layers=2, **options)
    if name in ("softmax output", "fixed length"):  # neither gives the plain logits
        plain = tiny_model(num_hidden_layers=2)
    found = Generator(model, max_new_tokens=5)(PROMPTS)
    assert found.best == naive_greedy(plain, PROMPTS, 5)
    assert_scores(plain, PROMPTS, found, steps=5)


@pytest.mark.parametrize("application", ["lm", "unilm"])
def test_cached_logits_equal_uncached_at_every_step(application):
    model, steps = tiny_model(application, num_hidden_layers=2), 4
    draw = np.random.default_rng(0)
    generated = draw.integers(1, 11, (len(PROMPTS), steps)).tolist()
    cached = cached_logits(DecodingGraphs(model), PROMPTS, generated)
    ids = [[*p, *new] for p, new in zip(PROMPTS, generated)]
    segments = [continued_segments(model, [0] * len(p), steps) for p in PROMPTS]
    for row, whole in enumerate(log_probas(model, ids, segments)):
        expected = whole[len(PROMPTS[row]) - 1 : -1]
        assert_equal_scores(cached[:, row][:steps], expected)


def cached_logits(graphs, prompts, generated):
    """Return log-probabilities (t, b, v) along given continuations, one token a step."""
    n, steps, unilm = 9, len(generated[0]), graphs.kind == "unilm"
    tokens = np.array([np.pad(p, (0, n - len(p))) for p in prompts], "int32")
    place, lengths = np.arange(n)[None], np.array([[len(p)] for p in prompts], "int32")
    segments = ((place >= lengths) * unilm).astype("int32")  # padding is seen by no token
    caches = graphs.prefill(graphs.arrange(tokens, segments, 0 * segments + place, []))
    caches = [ops.pad(x, [(0, 0), (0, 0), (0, steps), (0, 0)]) for x in caches]
    slots = np.concatenate([np.repeat(place, len(prompts), 0), lengths - 1 + np.arange(steps)], 1)
    slots = slots.astype("int32")
    current, found = np.array([[p[-1]] for p in prompts], "int32"), []
    for t in range(steps):
        new = np.broadcast_to(np.arange(steps)[None] <= t, (len(prompts), steps))
        mask = np.concatenate([place < lengths - 1, new], axis=1)[:, None, None]
        segments, positions = np.full_like(current, int(unilm and t > 0)), lengths - 1 + t
        inputs = graphs.arrange(current, segments, positions, [])
        inputs = [*inputs, positions, slots, mask, np.int32(n + t)]
        logits, *caches = graphs.step([*map(ops.convert_to_tensor, inputs), *caches])
        found.append(ops.convert_to_numpy(ops.log_softmax(logits))[:, 0])
        current = np.array(generated, "int32")[:, t : t + 1]
    return np.array(found)


def test_a_unilm_prompt_may_hold_the_beginning_of_the_target():
    model, segments = tiny_model("unilm"), [0, 0, 1, 1]
    found = Generator(model, max_new_tokens=4)([[5, 3, 9, 2]], [segments])
    assert found.best == naive_greedy(model, [[5, 3, 9, 2]], 4, [segments])


def test_padding_in_a_prompt_is_masked_and_generated_padding_is_seen():
    """In the reference the padding of prompts is another id, with the same embedding."""
    model, reference = (
        tiny_model(vocab_size=3, seed=3, pad_id=0),
        tiny_model(vocab_size=4, pad_id=3),
    )
    for ours, theirs in zip(reference.weights, model.weights, strict=True):
        value = ops.convert_to_numpy(theirs)
        last = value[:1] if value.ndim > 1 else [-1e9]  # a bias against the fourth id
        ours.assign(np.concatenate([value, last]) if ours.shape[0] == 4 else value)
    prompts = [[2, 0, 1, 0], [0], [0, 0]]
    found = Generator(model, BeamSearch(3), max_new_tokens=4)(prompts)
    assert any(0 in x[:-1] for hypotheses in found.sequences for x in hypotheses)
    assert_scores(reference, [[i or 3 for i in prompt] for prompt in prompts], found, steps=4)


@pytest.mark.parametrize("end", [None, 2])
def test_a_wide_beam_equals_brute_force(small, end):
    prompt = [1, 3]
    sequences = all_sequences(4, 4, end)
    scores = score(small, [prompt] * len(sequences), sequences)
    ranked = sorted(zip(scores, sequences), reverse=True)
    found = Generator(small, BeamSearch(256), end_id=end, max_new_tokens=4)([prompt])
    assert len(found.sequences[0]) == len(sequences)
    assert_equal_scores(found.scores[0], [s for s, _ in ranked])
    best = ranked[0][1]
    assert found.best[0] == [x for x in best if x != end]


def test_a_beam_is_no_worse_than_greedy(model):
    # as wide as the vocabulary, it searches all sequences of two tokens
    greedy, beams = (
        Generator(model, strategy, max_new_tokens=2)(PROMPTS) for strategy in (None, BeamSearch(11))
    )
    assert all(b[0] >= g[0] - 1e-5 for b, g in zip(beams.scores, greedy.scores))


def test_a_batch_equals_one_by_one(model):
    generate = Generator(model, BeamSearch(3), end_id=2, max_new_tokens=5, batch_size=3)
    together, alone = generate(PROMPTS), [generate([p]) for p in PROMPTS]
    assert together.sequences == [x.sequences[0] for x in alone]
    for found, expected in zip(together.scores, alone):
        np.testing.assert_allclose(found, expected.scores[0], atol=1e-5)


def test_n_best_are_sorted_distinct_and_without_the_end(model):
    found = Generator(model, BeamSearch(4), end_id=2, max_new_tokens=5)(PROMPTS)
    assert_scores(model, PROMPTS, found, steps=5, end=2)
    for hypotheses, scores in zip(found.sequences, found.scores):
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(x) for x in hypotheses}) == len(hypotheses) == 4
        assert not any(2 in x for x in hypotheses)


def test_a_finished_beam_keeps_its_score(small):
    few, many = (
        Generator(small, BeamSearch(60), end_id=2, max_new_tokens=n)([[1, 3]]) for n in (2, 5)
    )
    short = {tuple(x): s for x, s in zip(few.sequences[0], few.scores[0]) if len(x) < 2}
    later = {tuple(x): s for x, s in zip(many.sequences[0], many.scores[0])}
    kept = [x for x in short if x in later]
    assert kept and all(abs(short[x] - later[x]) < 1e-5 for x in kept)


def test_it_stops_at_max_new_tokens_or_at_the_end(model):
    generate = Generator(model, max_new_tokens=4)
    assert [len(x) for x in generate(PROMPTS).best] == [4] * 4
    assert [len(x) for x in generate(PROMPTS, max_new_tokens=7).best] == [7] * 4
    first = generate(PROMPTS).best[0][2]
    cut = Generator(model, end_id=first, max_new_tokens=4)(PROMPTS).best[0]
    assert cut == generate(PROMPTS).best[0][: generate(PROMPTS).best[0].index(first)]


def test_no_end_before_min_new_tokens(model):
    end = Generator(model, max_new_tokens=1)([[5, 3]]).best[0][0]
    assert Generator(model, end_id=end, max_new_tokens=6)([[5, 3]]).best == [[]]
    options = dict(end_id=end, max_new_tokens=6, min_new_tokens=3)
    for strategy in (Greedy(), BeamSearch(4)):
        found = Generator(model, strategy, **options)([[5, 3]]).sequences[0]
        assert all(3 <= len(x) <= 6 and end not in x for x in found)


def test_a_beam_wider_than_the_vocabulary_finds_what_there_is(small):
    found = Generator(small, BeamSearch(9), max_new_tokens=1)([[1]])
    assert sorted(found.sequences[0]) == [[0], [1], [2], [3]]
    assert np.isclose(np.exp(found.scores[0]).sum(), 1)


@pytest.fixture
def broken(small):
    """Return a function that sets the bias of the scores until the end of a test."""
    bias = small.get_layer("MLM-Bias").weights[0]
    before = ops.convert_to_numpy(bias)

    def broken(values):
        bias.assign(np.array(values, "float32"))
        return small

    yield broken
    bias.assign(before)


@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(2), Sampling(2), ContrastiveSearch(2)])
@pytest.mark.parametrize("bad, said", [(np.nan, "MLM-Bias"), (-np.inf, r"weights_with_nan=\[\]")])
def test_a_model_that_gives_no_token_a_probability_says_so(broken, strategy, bad, said):
    model = broken([bad] * 4)
    generate = Generator(model, strategy, max_new_tokens=2)
    with pytest.raises(ValueError, match=f"its logits are NaN.*{said}"):
        generate([[1]])
    if strategy.streams:
        with pytest.raises(ValueError, match="its logits are NaN"):
            list(generate.stream([[1]]))


@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(2)])
def test_a_model_of_nan_says_so_under_constraints_too(broken, strategy):
    model = broken([0, 0, np.nan, 0])
    generate = Generator(model, strategy, end_id=3, max_new_tokens=2, min_new_tokens=1)
    with pytest.raises(ValueError, match="MLM-Bias"):
        generate([[1]])


@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(2), Sampling(), ContrastiveSearch(2)])
def test_a_token_of_infinite_score_is_certain(broken, strategy):
    found = Generator(broken([0, np.inf, 0, -np.inf]), strategy, max_new_tokens=2)([[1]])
    assert found.best == [[1, 1]]
    assert abs(found.scores[0][0]) < 1e-5


def test_conditions_are_additional_inputs():
    model = conditional_model()
    conditions = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
    generate = Generator(model, max_new_tokens=4)
    found = generate(PROMPTS, additional_inputs=[conditions])
    plain = naive_greedy(model, PROMPTS, 4, additional=[conditions])
    assert found.best == plain
    assert generate(PROMPTS, additional_inputs=[-conditions]).best != plain
    for bad in ([], [conditions[:3]], [conditions[:, :2]]):
        with pytest.raises(ValueError, match="additional_inputs"):
            generate(PROMPTS, additional_inputs=bad)


def test_training_a_model_around_it_changes_what_it_generates():
    class CrossEntropy(Loss):
        def compute_loss(self, inputs, mask=None):
            y_true, logits = inputs[0][:, 1:], inputs[-1][:, :-1]
            return ops.mean(ops.sparse_categorical_crossentropy(y_true, logits, from_logits=True))

    bert = tiny_model()
    generate = Generator(bert, max_new_tokens=4)
    model = keras.Model(bert.inputs, CrossEntropy(2)(bert.inputs + [bert.output]))
    model.compile(keras.optimizers.Adam(0.1), jit_compile=False)
    ids = np.tile([[5, 3, 9, 2, 7, 7, 7, 7]], (8, 1))
    before = generate([[5, 3, 9, 2]]).best
    model.fit([ids, np.zeros_like(ids)], epochs=15, verbose=0)
    assert generate([[5, 3, 9, 2]]).best == [[7, 7, 7, 7]] != before


def test_weights_changed_between_calls_are_seen():
    model = tiny_model()
    generate = Generator(model, max_new_tokens=5)
    before = generate(PROMPTS)
    assert generate(PROMPTS) == before
    randomize(model, seed=8)
    assert generate(PROMPTS).best == naive_greedy(model, PROMPTS, 5) != before.best


def test_a_saved_model_generates_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    found, expected = (
        Generator(m, BeamSearch(2), max_new_tokens=4)(PROMPTS) for m in (again, model)
    )
    assert found.sequences == expected.sequences


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
def test_half_precision_under_another_global_policy(policy):
    keras.config.set_dtype_policy(policy)
    try:
        half = tiny_model()
    finally:
        keras.config.set_dtype_policy("float32")
    full = tiny_model()
    found = Generator(half, BeamSearch(2), max_new_tokens=4)(PROMPTS)
    expected = score(full, PROMPTS, found.best)
    np.testing.assert_allclose([s[0] for s in found.scores], expected, atol=0.35)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles no functions")
def test_a_second_call_of_the_same_shape_compiles_nothing(model):
    class Counting(Greedy):
        traces = 0

        def choose(self, *args):
            self.traces += 1
            return super().choose(*args)

    strategy = Counting()
    generate = Generator(model, strategy, max_new_tokens=3)
    generate(PROMPTS)
    traces = strategy.traces
    generate([p[::-1] for p in PROMPTS])
    generate(PROMPTS[:3])  # filled up to four
    assert strategy.traces == traces > 0


def test_arrays_are_prompts_without_their_padding(model):
    generate = Generator(model, max_new_tokens=3, pad_id=0)
    array = np.zeros((4, 9), "int64")
    for row, prompt in zip(array, PROMPTS):
        row[: len(prompt)] = prompt
    expected = generate(PROMPTS)
    assert generate(array, np.zeros_like(array)) == expected
    assert generate(ops.convert_to_tensor(array)) == expected


def test_prompts_up_to_the_position_table(model):
    generate = Generator(model, max_new_tokens=5)
    assert len(generate([[3] * 20]).best[0]) == 5
    with pytest.raises(ValueError, match="24 positions.*longest_prompt=21, steps=5"):
        generate([[3] * 21])
    with pytest.raises(ValueError, match="sequence_length=9"):
        Generator(tiny_model(sequence_length=9), max_new_tokens=1)([[3] * 10])


@pytest.mark.parametrize(
    "prompts", [[[]], [[1, 11]], [[-1]], [[1.5]], [1, 2, 3], [["a"]], [[[1, 2]]], np.ones(3, int)]
)
def test_bad_prompts_are_named(model, prompts):
    with pytest.raises(ValueError, match="`prompts`"):
        Generator(model)(prompts)


@pytest.mark.parametrize("segments", [[[0, 0]], [[0], [0]], [[2]], [[-1]]])
def test_bad_segments_are_named(model, segments):
    with pytest.raises(ValueError, match="segment_ids"):
        Generator(model)([[1]], segments)


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "beam"},
        {"end_id": 11},
        {"end_id": "x"},
        {"max_new_tokens": 0},
        {"min_new_tokens": -1},
        {"batch_size": 0},
        {"prompt_multiple": 0},
        {"segment_id": 2},
    ],
)
def test_bad_settings_are_named(model, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Generator(model, **options)


def test_models_that_cannot_generate_are_refused():
    vectors = build_transformer_model(model="gpt2", final_activation=None, **SIZES)
    for model in (tiny_model("encoder"), "model", None, vectors):
        with pytest.raises(ValueError, match="application"):
            Generator(model)
    with pytest.raises(ValueError, match="segment_id"):
        Generator(tiny_model("unilm"), segment_id=0)
    for width in (0, 2.0, None):
        with pytest.raises(ValueError, match="width"):
            BeamSearch(width)


def test_it_is_silent_unless_asked(model, capsys):
    generate = Generator(model, max_new_tokens=2, batch_size=2)
    generate(PROMPTS)
    assert capsys.readouterr() == ("", "")
    generate(PROMPTS, verbose=1)
    assert "2/2" in capsys.readouterr().out


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1000),
    width=st.sampled_from([1, 3]),
    end=st.sampled_from([None, 2]),
    prompts=st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=6), min_size=4, max_size=4),
)
def test_scores_are_those_of_the_uncached_model(model, seed, width, end, prompts):
    randomize(model, seed)
    found = Generator(model, BeamSearch(width), end_id=end, max_new_tokens=4)(prompts)
    assert_scores(model, prompts, found, steps=4, end=end)
