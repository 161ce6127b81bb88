"""Trainings that must come out the same on one device and on several: name -> function.

Each function makes a compiled model and returns (model, x, y), and callbacks, for five steps of
`trained`.
"""

import keras
import numpy as np

from kerasx import losses, optimizers, training
from kerasx.callbacks import FlushGradients
from kerasx.layers import CrossEntropy
from kerasx.layers.replaced_tokens import ElectraLoss
from kerasx.models import build_transformer_model

ROWS, LENGTH, WORDS = 8, 6, 11
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
Adam, AdamW, SGD = keras.optimizers.Adam, keras.optimizers.AdamW, keras.optimizers.SGD


def texts(rows=5 * ROWS):
    """Return ids (rows, LENGTH), of which those at the front of the batch are the longer ones."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, WORDS, (rows, LENGTH))
    lengths = 2 + (LENGTH - 2) * (np.arange(rows) % ROWS < ROWS // 2)
    return np.where(np.arange(LENGTH) < lengths[:, None], ids, 0)


def language_model(optimizer=None, trick=None, rows=5 * ROWS, **options):
    keras.utils.set_random_seed(1)
    bert = build_transformer_model(SIZES, application="lm", with_mlm="linear", **options)
    model = keras.Model(bert.inputs, CrossEntropy(1, pad_id=0)([bert.inputs[0], bert.output]))
    model.compile(optimizer or AdamW(1e-2))
    ids = texts(rows)
    return (trick or _same)(model), [ids, np.zeros_like(ids)], None


def classifier(loss=None, trick=None, optimizer=None, labels=None, outputs=3, **options):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(6, "tanh", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(outputs, name="scores")(x))
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or SGD(0.1), loss, **options)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5 * ROWS, 4)).astype("float32"), rng.integers(0, 3, 5 * ROWS)
    return (trick or _same)(model), x, y if labels is None else labels(rng)


def tagger(loss, optimizer=None, **options):
    """Label each token; the Keras mask leaves different numbers of them in each row.

    Every weight has a gradient: that of the bias of attention's keys is 0, and optimizers that
    divide a gradient by its size would compare the rounding errors.
    """
    keras.utils.set_random_seed(1)
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(WORDS, 6, mask_zero=True, name="Embedding-Token")(inputs)
    x = keras.layers.Dense(6, "tanh")(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    model.compile(optimizer or SGD(0.5), loss, **options)
    return model, texts(), texts() % 3


def electra():
    """Train by ELECTRA's loss; the rows have different numbers of masked and replaced tokens."""
    keras.utils.set_random_seed(1)
    ids, labels = keras.Input((LENGTH,), dtype="int32"), keras.Input((2,), dtype="int32")
    weights, replaced = keras.Input((2,)), keras.Input((LENGTH,))
    x = keras.layers.Embedding(WORDS, 6, mask_zero=True, name="Embedding-Token")(ids)
    scores = keras.layers.Dense(2 * WORDS)(keras.layers.Flatten()(x[:, :2]))
    scores, logits = keras.layers.Reshape((2, WORDS))(scores), keras.layers.Dense(1)(x)
    loss = ElectraLoss(4)([labels, weights, scores, replaced, logits])
    model = keras.Model([ids, labels, weights, replaced], loss)
    model.compile(SGD(0.01))
    x, noise = texts(), np.random.default_rng(0).random((5 * ROWS, LENGTH))
    share = np.linspace(0.2, 0.8, ROWS)[np.arange(len(x)) % ROWS, None]
    chosen = (noise < share).astype("float32")
    return model, [x, x[:, :2], chosen[:, :2], chosen], None


def _same(model):
    return model


def on(function, *args, **options):
    return lambda model: function(model, *args, **options)


def both(first, second):
    return lambda model: second(first(model))


def accumulating(cls=AdamW, **options):
    return optimizers.extend_with_gradient_accumulation(cls)(1e-2, grad_accum_steps=2, **options)


FGM = on(training.adversarial_training, "hidden", epsilon=0.5)
PENALTY = on(training.gradient_penalty, "hidden", epsilon=0.5)
R_DROP = on(training.r_drop, alpha=4.0)
MEAN_CE = keras.losses.SparseCategoricalCrossentropy

TRICKS = {
    "fgm": FGM,
    "pgd": on(training.adversarial_training, "hidden", epsilon=0.5, steps=3),
    "vat": on(training.virtual_adversarial_training, "hidden", epsilon=0.5, xi=0.5),
    "gradient_penalty": PENALTY,
    "implicit_gradient_regularization": on(training.implicit_gradient_regularization, 0.1),
    "r_drop": R_DROP,
    "flooding": on(training.flooding, 1.2),
    "random_noise": on(training.random_noise, "hidden", stddev=0.1),
    "zeroth_order": on(training.zeroth_order, epsilon=0.1, samples=2),
    "gradient_norm": training.report_gradient_norm,
    "weigh_batches": training.weigh_batches,
    "fgm, then flooding": both(FGM, on(training.flooding, 1.2)),
    "r_drop, then gradient_penalty": both(R_DROP, PENALTY),
}
CLASSES = {
    "gradient_accumulation": optimizers.extend_with_gradient_accumulation,
    "momentum_accumulation": optimizers.extend_with_momentum_accumulation,
    "ema": optimizers.extend_with_exponential_moving_average,
    "lookahead": optimizers.extend_with_lookahead,
    "layer_adaptation": optimizers.extend_with_layer_adaptation,
    "weight_decay": optimizers.extend_with_weight_decay,
    "amos": optimizers.extend_with_amos,
}
OPTIMIZERS = {
    **{name: lambda extend=extend: extend(Adam)(1e-2) for name, extend in CLASSES.items()},
    "sgd": lambda: SGD(0.1, momentum=0.9),
    "clipnorm": lambda: SGD(0.5, clipnorm=0.1),
    "global_clipnorm": lambda: SGD(0.5, global_clipnorm=0.1),
    "keras ema": lambda: Adam(1e-2, use_ema=True, ema_momentum=0.9),
    "keras ema, overwriting": lambda: Adam(1e-2, use_ema=True, ema_overwrite_frequency=2),
    "keras accumulation": lambda: Adam(1e-2, gradient_accumulation_steps=2),
    "accumulation with clipping": lambda: accumulating(SGD, global_clipnorm=0.1),
    "adam": lambda: optimizers.Adam(1e-2),
    "adafactor": lambda: optimizers.AdaFactor(1e-2, min_dim_size_to_factor=4),
    "adafactor with momentum": lambda: optimizers.AdaFactor(1e-2, beta1=0.9),
    "tiger": lambda: optimizers.Tiger(1e-2),
    "tiger accumulating": lambda: optimizers.Tiger(1e-2, grad_accum_steps=2),
    "exponentiated_gradient": lambda: optimizers.ExponentiatedGradient(1e-2),
    "soft_clipping": lambda: optimizers.extend_with_soft_clipping(SGD)(0.5, soft_clipnorm=0.1),
    "piecewise": lambda: optimizers.extend_with_piecewise_linear_lr(Adam)(
        1e-2, lr_schedule={2: 1, 5: 0.1}
    ),
    "parameter_wise": lambda: optimizers.extend_with_parameter_wise_lr(Adam)(
        1e-2, paramwise_lr_schedule={"kernel": 0.5}
    ),
    "lazy": lambda: optimizers.extend_with_lazy_optimization(Adam)(
        1e-2, include_in_lazy_optimization=["Embedding-Token"]
    ),
}


def _pairs(rng):
    return rng.integers(0, 2, 5 * ROWS // 2).repeat(2)


LOSSES = {
    "sum": lambda: classifier(MEAN_CE(from_logits=True, reduction="sum"), optimizer=SGD(0.01)),
    "keras masked": lambda: tagger(MEAN_CE(from_logits=True)),
    "masked_cross_entropy": lambda: tagger(losses.MaskedCrossEntropy(ignore_class=0)),
    "electra": electra,
    "flooded": lambda: tagger(losses.Flooding(MEAN_CE(from_logits=True), 1.05)),
    "info_nce": lambda: classifier(losses.InfoNCE(0.5), outputs=4),
    "flat_nce": lambda: classifier(losses.FlatNCE(0.5), outputs=4),
    "cosent": lambda: classifier(losses.CoSENT(2.0), outputs=4, labels=_pairs),
    "contrastive_accumulation": lambda: classifier(
        losses.InfoNCE(0.5), on(training.contrastive_accumulation, 2), outputs=4
    ),
    "two losses": lambda: two_losses(),
    "l2": lambda: classifier(trick=_regularized),
}


def two_losses():
    """Classify a row and its tokens: two outputs, two divisors."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(WORDS, 6, mask_zero=True)(inputs)
    row = keras.layers.Dense(3, name="row")(keras.layers.GlobalAveragePooling1D()(x))
    model = keras.Model(inputs, [row, keras.layers.Dense(3, name="tokens")(x)])
    model.compile(SGD(0.5), [losses.MaskedCrossEntropy(), losses.MaskedCrossEntropy()])
    return model, texts(), [texts()[:, 0] % 3, texts() % 3]


def half(policy, optimizer=None):
    """Make the classifier in a mixed precision, with its loss in float32."""
    keras.config.set_dtype_policy(policy)
    try:
        return classifier(optimizer=optimizer)
    finally:
        keras.config.set_dtype_policy("float32")


def _regularized(model):
    model.get_layer("hidden").kernel.regularizer = keras.regularizers.L2(0.1)
    return model


CASES = {
    "lm": language_model,
    "recompute": lambda: language_model(recompute=True),
    "incomplete batch": lambda: language_model(rows=2 * ROWS + 5),
    "accumulated lm": lambda: language_model(accumulating(), rows=4 * ROWS),
    "accumulated lm, fgm": lambda: language_model(
        accumulating(), on(training.adversarial_training, epsilon=0.5), rows=4 * ROWS
    ),
    # a power of two by which float16 scales the loss changes nothing, and sums are in float32
    "mixed_bfloat16": lambda: half("mixed_bfloat16"),
    "mixed_float16": lambda: half("mixed_float16"),
    "mixed_float16, accumulated": lambda: half("mixed_float16", accumulating(SGD)),
    "flushed": lambda: (*language_model(accumulating()), [FlushGradients()]),
    "metrics": lambda: classifier(metrics=["accuracy"]),
    "weighted": lambda: tagger(MEAN_CE(from_logits=True), weighted_metrics=["accuracy"]),
    **{name: lambda trick=trick: classifier(trick=trick) for name, trick in TRICKS.items()},
    **{
        f"optimizer {name}": lambda make=make: tagger(losses.MaskedCrossEntropy(), make())
        for name, make in OPTIMIZERS.items()
    },
    **{f"loss {name}": make for name, make in LOSSES.items()},
}


# TensorFlow's replicas cannot run them: `prepare` raises
FAIL_ON_TENSORFLOW = ["optimizer keras accumulation", "optimizer keras ema, overwriting"]
REFUSED = {}
if keras.backend.backend() == "tensorflow":
    REFUSED = {name: CASES.pop(name) for name in FAIL_ON_TENSORFLOW}


def trained(model, x, y, callbacks=()):
    """Train on batches of ROWS rows; return {name: array} of weights, slots and the history."""
    options = {"batch_size": ROWS, "shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
    history = model.fit(x, y, **options).history
    arrays = {f"weight {i} {v.name}": v for i, v in enumerate(model.variables)}
    arrays |= {f"slot {i}": v for i, v in enumerate(model.optimizer.variables)}
    arrays = {k: np.asarray(keras.ops.convert_to_numpy(v)) for k, v in arrays.items()}
    return arrays | {f"log {k}": np.asarray(v) for k, v in history.items()}
