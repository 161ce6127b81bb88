"""`ContrastiveSearch` against its equations, each hidden state computed anew without a cache."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.generation import Constraint, ContrastiveSearch, Generator
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.strategies.strategy import NEVER
from tests.generation.models import (
    SIZES,
    continued_segments,
    log_probas,
    naive_greedy,
    pad,
    tiny_model,
)
from tests.generation.test_encoder_decoder import SOURCES, START, tiny

PROMPTS = [[5, 3, 9, 2], [7], [1, 0, 8, 4, 6, 10, 2], [3, 2]]
NEW = 6
LAST = "Transformer-1-FeedForward-Norm"


def hidden_states(model, rows, segments):
    """Return the last block's outputs (n, d) for each row, in one shape."""
    n = SIZES["max_position"]
    rows, size = [np.asarray(x) for x in rows], len(rows)
    ids = pad([np.pad(x, (0, n - len(x))) for x in rows], 16)
    segments = pad([np.pad(x, (0, n - len(x)), constant_values=1) for x in segments], 16)
    found = keras.Model(model.inputs, model.get_layer(LAST).output)([ids, segments])
    return [x[: len(row)] for x, row in zip(ops.convert_to_numpy(found)[:size], rows)]


def likeness(h):
    """Compute max_j cos(h_v, h_j) of the last token v and earlier tokens."""
    norms = np.linalg.norm(h, axis=-1)
    return (h[:-1] @ h[-1] / norms[:-1] / norms[-1]).max()


def naive(model, k, alpha, end, least):
    """Return token lists and scores after PROMPTS, without a cache."""
    ids, totals = [list(p) for p in PROMPTS], np.zeros(len(PROMPTS))
    running = np.ones(len(PROMPTS), bool)
    for new in range(NEW):
        segments = [continued_segments(model, [0] * len(p), new + 1) for p in PROMPTS]
        logs = np.array([x[-1] for x in log_probas(model, ids, [s[:-1] for s in segments])])
        p = np.exp(logs) * ((np.arange(logs.shape[1]) != end) | (new >= least))
        p = p / p.sum(axis=1, keepdims=True)
        candidates = np.argsort(-p, axis=1)[:, :k]
        rows = [[*x, int(v)] for x, c in zip(ids, candidates) for v in c]
        states = hidden_states(model, rows, [s for s in segments for _ in range(k)])
        unlike = np.reshape([likeness(h) for h in states], (-1, k))
        values = (1 - alpha) * np.take_along_axis(p, candidates, 1) - alpha * unlike
        for i in np.nonzero(running)[0]:
            v = int(candidates[i, values[i].argmax()])
            totals[i] += logs[i, v]
            running[i] = v != end
        ids = [[*x, int(c[v.argmax()])] for x, c, v in zip(ids, candidates, values)]
    said = [x[len(p) :] for x, p in zip(ids, PROMPTS)]
    return [x[: x.index(end)] if end in x else x for x in said], totals


@pytest.mark.parametrize("application, k, alpha, end", [("unilm", 3, 0.9, 7), ("lm", 4, 0.6, None)])
def test_it_follows_its_equations(application, k, alpha, end):
    model = tiny_model(application, num_hidden_layers=2)
    options = dict(end_id=end, max_new_tokens=NEW, min_new_tokens=2)
    found = Generator(model, ContrastiveSearch(k, alpha), **options)(PROMPTS)
    expected, scores = naive(model, k, alpha, end, least=2)
    assert found.best == expected != [x[:NEW] for x in naive_greedy(model, PROMPTS, NEW)]
    np.testing.assert_allclose(np.ravel(found.scores), scores, atol=1e-4)


@pytest.mark.parametrize("k, alpha", [(1, 0.6), (4, 0)])
def test_one_candidate_or_no_weight_is_greedy(k, alpha):
    model = tiny_model(num_hidden_layers=2)
    found = Generator(model, ContrastiveSearch(k, alpha), max_new_tokens=NEW)(PROMPTS)
    assert found.best == naive_greedy(model, PROMPTS, NEW)


def test_a_batch_equals_one_by_one():
    model = tiny_model(num_hidden_layers=2)
    generate = Generator(model, ContrastiveSearch(3), end_id=5, max_new_tokens=NEW)
    assert generate(PROMPTS).best == [generate([p]).best[0] for p in PROMPTS]


@pytest.mark.parametrize("k", [20, 3])
def test_what_is_forbidden_is_never_chosen(k):
    class Only(Constraint):
        """Token 4 or 5 first, then the other one, and so on: fewer than there are candidates."""

        def start(self, prompts, vocab_size, steps):
            return (), np.full((len(prompts),), 4, "int32")

        def apply(self, tables, state, logits, step):
            return ops.where(ops.arange(11) == state[..., None], logits, NEVER)

        def advance(self, tables, state, tokens, step):
            return 9 - tokens

    options = dict(max_new_tokens=NEW, constraints=[Only()])
    found = Generator(tiny_model(), ContrastiveSearch(k, 1.0), **options)(PROMPTS)
    assert found.best == [[4, 5, 4, 5, 4, 5]] * 4


def test_an_encoder_decoder():
    strategies = ContrastiveSearch(3, 0.0), None
    model, options = tiny().model, dict(start_id=START, max_new_tokens=NEW)
    found = [Generator(model, x, **options)(SOURCES).best for x in strategies]
    assert found[0] == found[1]


@pytest.mark.parametrize("options", [{}, {"norm_position": "pre"}, {"with_pool": True}])
def test_hidden_states_are_what_the_head_sees(options):
    model = tiny_model(num_hidden_layers=2, **options)
    name = "Output-Norm" if options.get("norm_position") else LAST
    ids, zeros = np.array([[5, 3, 9, 2]], "int32"), np.zeros((1, 4), "int32")
    expected = keras.Model(model.inputs, model.get_layer(name).output)([ids, zeros])
    expected = ops.convert_to_numpy(expected)
    graphs = DecodingGraphs(model)
    prefill, step = graphs.with_hidden()
    places = np.arange(4, dtype="int32")[None]
    inputs = graphs.arrange(ids, zeros, places, [])
    *caches, found = prefill(inputs)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-5)
    causal = np.tri(4, dtype=bool)[None, None]
    inputs = [*inputs, places, places, causal, np.int32(0), *map(ops.zeros_like, caches)]
    *_, found = step([*map(ops.convert_to_tensor, inputs)])
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-5)


def test_what_it_cannot_do_is_said():
    generate = Generator(tiny_model(), ContrastiveSearch(), max_new_tokens=5)
    with pytest.raises(ValueError, match="24 positions.*longest_prompt=20, steps=6"):
        generate([[3] * 20])
    with pytest.raises(ValueError, match="streamed"):
        next(generate.stream(PROMPTS))
    for options in ({"k": 0}, {"alpha": 1.1}, {"alpha": -0.1}, {"k": 2.0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            ContrastiveSearch(**options)
