"""What test_jax.py runs in a process of its own, where JAX has four virtual devices."""

import jax
import keras
import numpy as np
import pytest

from kerasx.distribution import (
    check_layouts,
    data_parallel,
    fully_sharded,
    model_parallel,
    prepare,
)
from kerasx.models import build_transformer_model
from tests.distribution.test_layout_rules import builder
from tests.distribution.tiny import (
    CONFIG,
    CONTEXTS,
    assert_equal,
    language_model,
    rows,
    train,
)
from tests.models.families import ENCODER_DECODERS, FAMILIES

each_context = pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)


@pytest.fixture(scope="module")
def trained():
    return train(language_model, rows())


@each_context
def test_five_steps_on_rows_of_unequal_lengths_equal_one_device(context, trained):
    assert_equal(trained, train(language_model, rows(), context))


@each_context
def test_an_incomplete_last_batch_is_exact(context):
    x = np.concatenate([ids for _, ids in rows(steps=3)])[:19]  # 8 + 8 + 3

    def run():
        model = language_model()
        model.fit([x, x * 0], batch_size=8, shuffle=False, verbose=0)
        return model.evaluate([x, x * 0], batch_size=8, verbose=0), model.predict(
            [x, x * 0], batch_size=8, verbose=0
        )

    loss, outputs = run()
    with context():
        several = run()
    np.testing.assert_allclose(several[0], loss, atol=1e-6)
    np.testing.assert_allclose(several[1], outputs, atol=1e-5)


@each_context
def test_afterwards_the_distribution_is_what_it_was(context):
    assert keras.distribution.distribution() is None
    with context(), pytest.raises(KeyError), context():
        outer = keras.distribution.distribution()
        with data_parallel():
            assert keras.distribution.distribution() is not outer
        assert keras.distribution.distribution() is outer
        raise KeyError
    assert keras.distribution.distribution() is None


def test_a_model_of_before_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="scores")])
    with data_parallel():
        with pytest.raises(ValueError, match="The model must be made inside.*scores/kernel"):
            prepare(model)
        inside = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    with data_parallel():  # the same devices once more
        assert prepare(inside)
    before = language_model()
    with data_parallel(), pytest.raises(ValueError, match="The model must be made inside"):
        before.fit(*rows()[0][:1], verbose=0)
    optimizer = keras.optimizers.SGD()
    with fully_sharded():
        with pytest.raises(ValueError, match="The model must be built inside.*cut otherwise"):
            prepare(inside)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        model.compile(optimizer, "mse")
        with pytest.raises(ValueError, match="The optimizer must be made inside"):
            prepare(model)


def test_what_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="`devices` must be among"):
        data_parallel(5)
    with pytest.raises(ValueError, match="in groups of 3"):
        model_parallel(3)
    with model_parallel(4), pytest.raises(ValueError, match="`num_attention_heads` must be a mult"):
        build_transformer_model(CONFIG)
    with model_parallel(2), pytest.raises(ValueError, match="`vocab_size` must be a multiple"):
        build_transformer_model({**CONFIG, "vocab_size": 33})
    with model_parallel(2, rules={"Embedding-Token/embeddings": None}):
        model = build_transformer_model({**CONFIG, "vocab_size": 33})
        assert check_layouts(model)[0].axes == (None, None)


def test_a_rule_that_matches_nothing_is_refused():
    with model_parallel(2, rules={"Classifier/kernle": -1}):
        model = build_transformer_model(CONFIG)
        with pytest.raises(ValueError, match="Every layout rule must match.*kernle"):
            prepare(model)


def step_program(model, batch):
    """Return the compiled step of a model: its text, and the operations of one device."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([v.value for v in group] for group in groups)
    shardings = tuple([v.sharding for v in group] for group in state)
    step = jax.jit(model.train_step, out_shardings=(None, shardings))
    compiled = step.lower(state, (batch,)).compile()
    return compiled.as_text(), compiled.cost_analysis()["flops"]


def test_the_program_divides_the_work_and_has_the_sums_of_its_kind(trained):
    _, alone = step_program(trained[-1], rows()[0][0])
    programs = {}
    for name, context in CONTEXTS.items():
        with context():
            programs[name] = step_program(train(language_model, rows(steps=1))[-1], rows()[0][0])
    for text, work in programs.values():
        assert work < 0.45 * alone  # a quarter, and what is computed on all
        assert " all-reduce(" in text
    gathers = {name: text.count(" all-gather(") for name, (text, _) in programs.items()}
    assert gathers["fully_sharded"] >= 8 and gathers["data_parallel"] == 0


def scores(name):
    """Return the scores of a family's tiny model, and the model."""
    keras.utils.set_random_seed(0)
    model = builder(name).model
    ids = np.arange(1, 41, dtype="int32").reshape(4, 10) % 20
    inputs = [ids * 0 if "Segment" in x.name else ids for x in model.inputs]
    return prepare(model).predict(inputs, verbose=0), model


@pytest.mark.slow("compiles for each family")
@pytest.mark.parametrize("name", [*FAMILIES, *ENCODER_DECODERS])
def test_each_family_is_cut_by_its_rules(name):
    expected, _ = scores(name)
    few_heads = {"[^/]*Attention/[kv]_dense/kernel|[^/]*Attention/[kv]_dense/bias": None}
    rules = few_heads if name in ("qwen2", "qwen3") else None
    with model_parallel(2, data=2, rules=rules):
        found, model = scores(name)
        rows = check_layouts(model)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert sum("model" in row.axes for row in rows) >= 5


def test_heads_that_do_not_divide_are_named():
    with model_parallel(2), pytest.raises(ValueError, match="`num_key_value_heads` must be a mult"):
        builder("qwen2")
