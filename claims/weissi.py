"""WEISSI regularises the function and not its parameters, and generalises better than L2.

In a ReLU network one layer's weights may be multiplied by a number and another's divided by it. A
trained network of two hidden layers of 128 units gets 100 such changes, each layer but the last by
up to 10 times, and the largest change of its outputs, of WEISSI and of L2 is given. Networks are
trained without a regularizer, with L2 and with WEISSI on 300 images of digits, a fifth of whose
labels are wrong, by Adam in 150 epochs. Coefficients have the best accuracy at the end on 300 such
images for another seed: of 8 for L2, and of 12 pairs λ₁, λ₂. The test set is the other 1,197
images, with right labels.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import classification_scores, dense_network, digits, plot_mean, wrong_labels
from kerasx.regularizers import WEISSI

SOURCE = "kexue.fm/archives/7681; Liu et al., arXiv 2008.02965"
SMALL = {"epochs": 10, "changes": 2}
REGULARIZERS = {
    "none": None,
    "L2": keras.regularizers.L2(1e-2),
    "WEISSI": WEISSI(0.3, 0.03),
}
EVERY = 10


def measure(seed, epochs=150, changes=100):
    figures, curves = {}, {}
    for name, regularizer in REGULARIZERS.items():
        model, of = train(seed, regularizer, epochs)
        figures[f"test accuracy, {name}"] = of["test accuracy"][-1]
        figures[f"test loss, {name}"] = of["test loss"][-1]
        figures[f"norm of the kernels, {name}"] = np.sqrt(
            penalty(model, keras.regularizers.L2(1.0))
        )
        curves[f"curve, {name}"] = of["test accuracy"]
    return figures | invariance(model, digits(seed)[2][0], changes) | curves


def train(seed, regularizer, epochs):
    """Return a trained model and curves of losses and accuracies, each tenth epoch."""
    (x, y), (valid_x, valid_y), test = digits(seed)
    y, valid_y = wrong_labels(y, 0.2, seed), wrong_labels(valid_y, 0.2, seed + 1)
    keras.utils.set_random_seed(seed)
    model = dense_network([64, 128, 128, 10], kernel_regularizer=regularizer)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    curves = []

    def evaluate(epoch, logs):
        if epoch % EVERY == EVERY - 1:
            pairs = [(valid_x, valid_y), test]
            scores = [classification_scores(model(a), b) for a, b in pairs]
            curves.append(np.concatenate(scores))

    callback = keras.callbacks.LambdaCallback(on_epoch_end=evaluate)
    model.fit(x, y, batch_size=100, epochs=epochs, verbose=0, callbacks=[callback])
    names = "validation loss", "validation accuracy", "test loss", "test accuracy"
    return model, dict(zip(names, np.transpose(curves)))


def penalty(model, regularizer):
    return sum(float(ops.convert_to_numpy(regularizer(layer.kernel))) for layer in model.layers)


def invariance(model, x, changes):
    """Return the largest relative changes when layers are rescaled so that the function stays."""
    draw, weights = np.random.default_rng(0), model.get_weights()
    watched = {
        "the outputs": lambda: ops.convert_to_numpy(model(x)),
        "WEISSI": lambda: penalty(model, WEISSI(1.0, 1.0)),
        "L2": lambda: penalty(model, keras.regularizers.L2(1.0)),
    }
    before = {name: value() for name, value in watched.items()}
    largest = dict.fromkeys(watched, 0.0)
    for _ in range(changes):
        scales = 10 ** draw.uniform(-1, 1, len(model.layers))
        scales[-1] = 1 / scales[:-1].prod()
        factors = np.stack([scales, np.cumprod(scales)], 1).ravel()  # kernel, bias, kernel, ...
        model.set_weights([w * f for w, f in zip(weights, factors)])
        for name, value in watched.items():
            change = np.abs(value() - before[name]).max() / np.abs(before[name]).max()
            largest[name] = max(largest[name], change)
    return {f"largest relative change of {name}": change for name, change in largest.items()}


def judge(figures):
    change = {n: figures[f"largest relative change of {n}"].max() for n in ("WEISSI", "L2")}
    accuracy = {name: figures[f"test accuracy, {name}"] for name in REGULARIZERS}
    parts = [
        change["WEISSI"] < 1e-4 < change["L2"],
        higher(accuracy["WEISSI"], accuracy["L2"]),
    ]
    verdict = HOLDS if all(parts) else PARTLY if any(parts) else FAILS
    means = ", ".join(f"{name} {values.mean():.3f}" for name, values in accuracy.items())
    return verdict, (
        f"Where the function stays, WEISSI changes by at most {change['WEISSI']:.1g} of itself and"
        f" L2 by {change['L2']:.2g} times. Test accuracy at the end: {means}"
        f"{'' if parts[1] else '; WEISSI is not clearly above L2'}."
    )


def draw(picture, figures):
    axes = picture.subplots()
    for name, style in zip(REGULARIZERS, ("-", "--", "-.")):
        curves = figures[f"curve, {name}"]
        plot_mean(axes, EVERY * np.arange(1, 1 + curves.shape[1]), curves, name, linestyle=style)
    axes.set(xlabel="epoch", ylabel="test accuracy, training labels 20 % wrong")
    axes.legend()
