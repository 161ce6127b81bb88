"""Every trick and optimizer on four devices against one; test_jax.py runs it where JAX has four."""

import contextlib
import functools

import keras
import numpy as np
import pytest
from keras import ops

from kerasx import training
from kerasx.callbacks.averages import averaged_weights
from kerasx.distribution import prepare
from kerasx.layers import FirstToken
from kerasx.losses import InfoNCE, MaskedCrossEntropy
from kerasx.models import build_transformer_model
from kerasx.optimizers import extend_with_gradient_accumulation, extend_with_momentum_accumulation
from tests.distribution.tiny import CONFIG, CONTEXTS, assert_equal, language_model, rows, train
from tests.optimizers import extension_table, table

SLOW = pytest.mark.slow("compiles for each trick and each way to cut")
some_contexts = pytest.mark.parametrize(
    "context",
    [
        pytest.param(context, id=name, marks=[SLOW] * (name != "fully_sharded"))
        for name, context in CONTEXTS.items()
    ],
)
TABLE = "Embedding-Token"


def scorer(trick=None, optimizer=None, loss=None, dropout=0.0, **options):
    """Return a model that scores each token, with the loss in `compile`."""
    keras.utils.set_random_seed(0)
    config = {**CONFIG, "dropout_rate": dropout, "attention_dropout_rate": dropout}
    bert = build_transformer_model(config, with_mlm="linear" if loss is None else False, **options)
    model = keras.Model(bert.inputs, bert.output if loss is None else FirstToken()(bert.output))
    loss = loss or MaskedCrossEntropy(ignore_class=0)
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, metrics=[])
    return prepare(model if trick is None else trick(model))


def coupled(model):
    return training.contrastive_accumulation(model, 2)


def reward(labels, y):
    return ops.cast(ops.equal(labels, y), "float32")


TRICKS = {
    "adversarial": lambda m: training.adversarial_training(m, TABLE, 0.5),
    "pgd": lambda m: training.adversarial_training(m, TABLE, 0.5, steps=2),
    "virtual adversarial": lambda m: training.virtual_adversarial_training(m, TABLE),
    "noise": lambda m: training.random_noise(m, TABLE, 0.01),
    "gradient penalty": lambda m: training.gradient_penalty(m, TABLE, 0.5),
    "implicit regularization": lambda m: training.implicit_gradient_regularization(m, 0.1),
    "r_drop": lambda m: training.r_drop(m, 1.0),
    "flooding": lambda m: training.flooding(m, 3.464),  # between the losses of the steps
    # a difference of losses over a distance of 0.001 magnifies their last bits a thousand times
    "zeroth order": lambda m: training.zeroth_order(m, "MLM-Bias", epsilon=1.0),
    "policy gradient": lambda m: training.policy_gradient(m, reward, samples=2),
    "gradient norm": training.report_gradient_norm,
    "weighed batches": training.weigh_batches,
}


@SLOW
@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_tricks(trick):
    """With dropout, too: JAX draws the mask of the whole batch, whichever device computes it."""
    make, batches = functools.partial(scorer, trick, dropout=0.1), rows()
    one = train(make, batches)
    for context in CONTEXTS.values():
        assert_equal(one, train(make, batches, context))


@some_contexts
def test_several_tricks_at_once(context):
    def tricks(model):
        for name in ("flooding", "gradient penalty", "adversarial"):
            model = TRICKS[name](model)
        return model

    make, batches = functools.partial(scorer, tricks), rows()
    assert_equal(train(make, batches), train(make, batches, context))


@some_contexts
@pytest.mark.parametrize(
    "trick", [pytest.param(None, marks=SLOW), coupled], ids=["whole", "in chunks"]
)
def test_losses_that_compare_the_rows_of_a_batch(context, trick):
    make = functools.partial(scorer, trick, loss=InfoNCE(0.5))
    batches = [(x, np.zeros(8)) for x, _ in rows()]
    assert_equal(train(make, batches), train(make, batches, context))


def layers(optimizer, trick=None):
    """Return a small model of a few matrices and vectors: what an optimizer does is in them."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = keras.layers.Dense(16, "tanh", name="kernel_and_bias")(inputs)
    x = keras.layers.LayerNormalization(name="norm")(x)
    model = keras.Model(inputs, keras.layers.Dense(12, name="embeddings", use_bias=False)(x))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(True))
    return prepare(model if trick is None else trick(model))


def vectors():
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(8, 8)).astype("float32"), rng.integers(0, 12, 8)) for _ in range(5)]


RULES = {"kernel_and_bias/(kernel|bias)": -1, "embeddings/kernel": 0}
CUT = {**CONTEXTS, "model_parallel": functools.partial(CONTEXTS["model_parallel"], rules=RULES)}
OPTIMIZERS = {
    f"{row.name} {row.case}".strip(): row.make for row in (*table.ROWS, *extension_table.ROWS)
}
Keras = keras.optimizers
OPTIMIZERS |= {
    "keras AdamW, EMA": lambda: Keras.AdamW(1e-2, use_ema=True, ema_momentum=0.9),
    "keras Lion": lambda: Keras.Lion(1e-3),
    "keras Muon": lambda: Keras.Muon(1e-3),
    "keras SGD, clipped": lambda: Keras.SGD(0.1, momentum=0.9, global_clipnorm=0.1),
    "keras accumulation": lambda: Keras.Adam(1e-2, gradient_accumulation_steps=2),
    "momentum accumulation of Adam": lambda: extend_with_momentum_accumulation(Keras.Adam)(1e-2),
}


ALWAYS = ("AdaFactor", "extend_with_gradient_accumulation", "extend_with_lookahead", "keras Muon")


@pytest.mark.parametrize(
    "name, context",
    [
        pytest.param(
            name, context, marks=[SLOW] * (context == "data_parallel" or name not in ALWAYS)
        )
        for name in OPTIMIZERS
        for context in CUT
    ],
)
def test_optimizers(name, context):
    make = functools.partial(trained_once, name)
    one = make(contextlib.nullcontext)
    several = make(CUT[context])
    assert_equal(one, several)
    assert_slots_follow(several[-1], cut=context != "data_parallel")


@functools.cache
def trained_once(name, context):
    return train(lambda: layers(OPTIMIZERS[name]()), vectors(), context)


def assert_slots_follow(model, cut):
    """Assert that slots are cut where their weights are; those of one axis less, where that is."""
    seen = 0
    for weight in model.trainable_variables:
        name = weight.path.replace("/", "_")
        for slot in model.optimizer.variables:
            if name in slot.path and len(slot.shape) == len(weight.shape):
                there, spec = weight.value.sharding.spec, slot.value.sharding.spec
                for axis, n, expected, found in zip(weight.shape, slot.shape, there, spec):
                    assert found == (expected if n == axis else None), slot.path
                seen += any(spec)
    assert seen or not cut or len(model.optimizer.variables) < 8


@pytest.mark.parametrize(
    "policy, atol",
    [("mixed_bfloat16", 2e-2), pytest.param("mixed_float16", 2e-3, marks=SLOW)],
)
@some_contexts
def test_mixed_precision(policy, atol, context):
    """Sums of 8 or 11 bits in another order differ in their last bit; weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        one = train(language_model, rows())
        assert_equal(one, train(language_model, rows(), context), atol=atol)
    finally:
        keras.config.set_dtype_policy(before)


OPTIONS = {
    "recompute": {"recompute": True, "dropout": 0.1},
    "accumulation": {"optimizer": lambda: Accumulating(0.1, grad_accum_steps=2)},
    "keras accumulation and a trick": {
        "optimizer": lambda: Keras.SGD(0.1, gradient_accumulation_steps=2),
        "trick": TRICKS["adversarial"],
    },
}
Accumulating = extend_with_gradient_accumulation(Keras.SGD)


@some_contexts
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(OPTIONS[name], marks=[SLOW] * (name == "accumulation"), id=name)
        for name in OPTIONS
    ],
)
def test_recomputation_and_accumulation(options, context):
    def make():
        optimizer = options.get("optimizer", lambda: None)()
        return scorer(**{**options, "optimizer": optimizer})

    batches = rows()
    assert_equal(train(make, batches), train(make, batches, context))


@some_contexts
def test_metrics_validation_and_averaged_weights(context):
    ids = np.concatenate([ids for _, ids in rows(steps=3)])[:21]
    x, weights = [ids, ids * 0], (np.arange(21) % 3).astype("float32")

    def run():
        model = scorer(optimizer=Keras.SGD(0.1, use_ema=True, ema_momentum=0.9))
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="a")]
        model.compile(model.optimizer, MaskedCrossEntropy(0), metrics=metrics)
        options = {"validation_data": (x, ids, weights), "shuffle": False, "verbose": 0}
        history = model.fit(x, ids, 8, 2, sample_weight=weights, **options).history
        with averaged_weights(model):
            return history, model.predict(x, batch_size=8, verbose=0)

    history, outputs = run()
    with context():
        found, several = run()
    assert found.keys() == history.keys() and len(history) == 4
    for name, values in history.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6)
    np.testing.assert_allclose(several, outputs, atol=1e-6)
