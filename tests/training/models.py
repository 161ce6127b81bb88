"""Small models whose gradients can be written down."""

import keras
import numpy as np
from keras import ops

# JAX has float64 only behind a global switch, and Keras's matmul makes it float32 on PyTorch
FLOAT64 = keras.backend.backend() == "tensorflow"


def numpy(x):
    return ops.convert_to_numpy(x)


@keras.saving.register_keras_serializable("kerasx.tests")
def half_square(y_true, y_pred):
    """Compute (y - x w)² / 2 for each example."""
    return ops.sum(ops.square(y_pred - y_true), -1) / 2


def linear(dtype="float32", d=3, units=1, rate=1.0, loss=half_square, **options):
    """Make the model x w with plain gradient descent, so that a step shows the gradient."""
    inputs = keras.Input((d,), dtype=dtype)
    dense = keras.layers.Dense(units, use_bias=False, dtype=dtype, name="linear")
    model = keras.Model(inputs, dense(inputs))
    model.compile(keras.optimizers.SGD(rate), loss, **options)
    return model


def data(n=5, d=3, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(n, 1)).astype(dtype)


def step_gradients(model, x, y):
    """Return (loss, gradients of the trainable weights) from one step of SGD with rate 1."""
    before = [np.array(numpy(v.value)) for v in model.trainable_variables]
    loss = model.train_on_batch(x, y, return_dict=True)["loss"]
    return float(loss), [b - numpy(v.value) for b, v in zip(before, model.trainable_variables)]


def classifier(dropout=0.0, seed=0, optimizer=None, dtype=None, **options):
    """Return a small network of three classes with named layers."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(6, "tanh", name="hidden", dtype=dtype)(inputs)
    x = keras.layers.Dropout(dropout, seed=5, name="drop")(x) if dropout else x
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores", dtype="float32")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or keras.optimizers.SGD(1.0), loss, **options)
    return model


def three_classes(n=12, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 4)).astype("float32")
    return x, ((x[:, 0] > 0).astype("int32") + (x[:, 1] > 0))
