"""`SpeculativeGenerator` against `Generator` and a naive loop: the same tokens, in fewer steps."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from kerasx.generation import Generator, SpeculativeGenerator
from tests.generation.models import conditional_model, naive_greedy, randomize, tiny_model
from tests.generation.test_encoder_decoder import SOURCES, START, tiny
from tests.when import SLOW, compiled_in_test_all, jax_in_test_all

PROMPTS = [[5, 3, 9, 2], [7], [1, 1, 8, 4, 6, 10, 2], [3, 2]]
SIZES = dict(num_hidden_layers=2, hidden_size=16)
END, NEW = 0, 9
# each is compiled on TensorFlow and JAX, which takes them ten seconds, and traced on PyTorch
APPLICATIONS = ["unilm", *["lm"] * SLOW]


def talkative(application="lm"):
    """A model that says something else at every other step."""
    model = tiny_model(application, seed=6, **SIZES)
    for name, scale in (("Embedding-Segment", 0.3), ("MLM-Bias", 0)):
        for v in model.get_layer(name).weights:
            v.assign(v * scale)
    return model


def disturb(draft, model, amount, seed=0):
    """Make the draft the model, but for normal noise in its weights."""
    draw = np.random.default_rng(seed)
    for v, w in zip(draft.trainable_variables, model.trainable_variables, strict=True):
        w = ops.convert_to_numpy(w)
        v.assign(w + amount * draw.standard_normal(w.shape))


@pytest.fixture(scope="module", params=APPLICATIONS)
def pair(request):
    """(speculative, plain) generators of one model, compiled once; the draft may be changed."""
    model, draft = talkative(request.param), tiny_model(request.param, **SIZES)
    options = dict(end_id=END, max_new_tokens=NEW)
    return SpeculativeGenerator(model, draft, 3, **options), Generator(model, **options)


def check(found, expected, new=NEW):
    """The same tokens and scores, and counts that add up."""
    assert found.sequences == expected.sequences
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    for tokens, steps, proposed, accepted in zip(found.best, *found[2:], strict=True):
        said = min(len(tokens) + 1, new)  # with the end
        assert steps + accepted - said in (0, 1)  # the last token may be the draft's
        assert accepted <= proposed <= steps * new


def of_model(generate):
    """The model and the draft of a generator."""
    return generate.graphs.model, generate.draft.graphs.model


@jax_in_test_all
@pytest.mark.parametrize("amount", [0, 0.05, 0.15, 5])
def test_the_tokens_are_the_models_whatever_the_draft(pair, amount):
    speculative, plain = pair
    model, draft = of_model(speculative)
    disturb(draft, model, amount)
    found, expected = speculative(PROMPTS), plain(PROMPTS)
    assert len({len(x) for x in expected.best}) > 1 and len({*sum(expected.best, [])}) > 3
    check(found, expected)


def test_a_naive_loop_says_the_same(pair):
    speculative, _ = pair
    model, draft = of_model(speculative)
    disturb(draft, model, 0.05)
    naive = naive_greedy(model, PROMPTS, NEW)
    assert speculative(PROMPTS).best == [x[: x.index(END)] if END in x else x for x in naive]


def test_a_perfect_draft_is_always_accepted(pair):
    speculative, _ = pair
    model, draft = of_model(speculative)
    disturb(draft, model, 0)
    found = speculative(PROMPTS)
    assert found.acceptance_rate == 1
    said = [min(len(x) + 1, NEW) for x in found.best]
    assert found.steps == [-(-n // 4) for n in said]


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1000),
    amount=st.floats(0, 0.3),
    prompts=st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=9), min_size=4, max_size=4),
)
def test_random_models_drafts_and_prompts(pair, seed, amount, prompts):
    speculative, plain = pair
    model, draft = of_model(speculative)
    before = [np.array(ops.convert_to_numpy(v)) for v in model.trainable_variables]
    randomize(model, seed)
    disturb(draft, model, amount, seed)
    check(speculative(prompts), plain(prompts))
    for v, x in zip(model.trainable_variables, before):
        v.assign(x)


@compiled_in_test_all
def test_a_batch_equals_one_by_one(pair):
    speculative, _ = pair
    model, draft = of_model(speculative)
    disturb(draft, model, 0.05)
    together, alone = speculative(PROMPTS), [speculative([p]) for p in PROMPTS]
    for i, name in enumerate(together._fields):
        if name != "scores":
            assert together[i] == [x[i][0] for x in alone], name


@compiled_in_test_all
@pytest.mark.parametrize("new, g", [(1, 4), *[(5, 1), (2, 4), (6, 7)] * SLOW])
def test_other_lengths_and_a_draft_of_other_sizes(new, g):
    model, draft = talkative(), tiny_model(seed=2)
    found = SpeculativeGenerator(model, draft, g, max_new_tokens=new)(PROMPTS)
    check(found, Generator(model, max_new_tokens=new)(PROMPTS), new)


@compiled_in_test_all
def test_several_ends_but_not_too_early():
    model = talkative()
    draft = tiny_model(**SIZES)
    disturb(draft, model, 0.05)
    options = dict(end_id=[6, 1], max_new_tokens=NEW, min_new_tokens=3)
    found = SpeculativeGenerator(model, draft, 3, **options)(PROMPTS)
    check(found, Generator(model, **options)(PROMPTS))
    assert min(map(len, found.best)) >= 3  # the first prompt's would be 0


@compiled_in_test_all
def test_streamed_tokens_are_those_of_a_call(pair):
    speculative, _ = pair
    expected = speculative(PROMPTS)
    streamed = [x[:, 0] for x in speculative.stream(PROMPTS, chunk=2)]
    found = [[t for t in row if t >= 0] for row in np.transpose(streamed).tolist()]
    assert found == expected.best


@compiled_in_test_all
@pytest.mark.parametrize("name", ["t5.1.1", *["bart"] * SLOW])
def test_an_encoder_decoder(name):
    options = {"max_position": 16} if name == "bart" else {}
    model, draft = (tiny(name, seed=s, **options).model for s in (1, 2))
    options = dict(start_id=START, max_new_tokens=7)
    expected = Generator(model, **options)(SOURCES)
    speculative = SpeculativeGenerator(model, draft, 2, **options)
    for amount in (0, 0.05, 5):
        disturb(draft, model, amount)
        check(speculative(SOURCES), expected, 7)


@pytest.mark.skipif(not SLOW, reason="four loops: set KERASX_SLOW=1")
def test_conditions_go_to_the_model_and_to_a_draft_that_takes_them():
    model = conditional_model()
    conditions = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
    expected = Generator(model, max_new_tokens=4)(PROMPTS, additional_inputs=[conditions])
    for draft in (model, tiny_model()):
        generate = SpeculativeGenerator(model, draft, 3, max_new_tokens=4)
        found = generate(PROMPTS, additional_inputs=[conditions])
        check(found, expected, 4)
        assert draft is not model or found.acceptance_rate == 1


def test_no_prompts_give_no_sequences(pair):
    found = pair[0]([])
    assert found == ([], [], [], [], []) and np.isnan(found.acceptance_rate)


@pytest.mark.parametrize(
    "draft, options",
    [
        ("model", {}),
        (dict(vocab_size=12), {}),
        (dict(max_position=23), {}),
        (dict(segment_vocab_size=1), {}),
        (dict(sequence_length=9), {}),
        ({}, {"draft_tokens": 0}),
        ({}, {"strategy": None}),
        ({}, {"constraints": ()}),
    ],
)
def test_what_does_not_fit_is_refused(draft, options):
    draft = draft if isinstance(draft, str) else tiny_model(**draft)
    with pytest.raises(ValueError, match=next(iter(options), "draft|application")):
        SpeculativeGenerator(tiny_model(), draft, **options)
