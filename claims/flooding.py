"""Flooding lowers the test loss, and raises the test accuracy, of a network trained for long.

300 images of digits, a fifth of them with wrong labels, train a network with two hidden layers of
128 units, by Adam at 10⁻³ in 400 epochs with batches of 100. The level b is that of 0.2, 0.4 and
0.8 with the best accuracy on 300 other images, whose labels are as wrong, for another seed. The
test set is the other 1,197 images, with right labels. Figures at the end are means over the last
100 epochs; beside them stands the epoch with the best validation accuracy, that is early stopping.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import classification_scores, dense_network, digits, plot_mean, wrong_labels
from kerasx.training import flooding

SOURCE = "kexue.fm/archives/7643; Ishida et al., ICML 2020, arXiv 2002.08709"
SMALL = {"epochs": 20}
LEVELS = {"plain": None, "flooding": 0.4}
EVERY = 20


def measure(seed, epochs=400):
    figures, curves = {}, {}
    for method, level in LEVELS.items():
        of = train(seed, level, epochs)
        best = of["validation accuracy"].argmax()
        for name in ("test accuracy", "test loss"):
            figures[f"{name}, {method}"] = of[name][-5:].mean()
            figures[f"{name}, {method}, best epoch"] = of[name][best]
            curves[f"{name} by epoch, {method}"] = of[name]
    return dict(sorted(figures.items())) | curves


def train(seed, level, epochs):
    """Return curves of losses and accuracies every 20 epochs; the level may be None."""
    (x, y), (valid_x, valid_y), test = digits(seed)
    y, valid_y = wrong_labels(y, 0.2, seed), wrong_labels(valid_y, 0.2, seed + 1)
    keras.utils.set_random_seed(seed)
    model = dense_network([64, 128, 128, 10])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    if level is not None:
        flooding(model, level)
    curves = []

    def evaluate(epoch, logs):
        if epoch % EVERY == EVERY - 1:
            pairs = [(valid_x, valid_y), test]
            scores = [classification_scores(model(x), y) for x, y in pairs]
            curves.append(np.concatenate(scores))

    callback = keras.callbacks.LambdaCallback(on_epoch_end=evaluate)
    model.fit(x, y, batch_size=100, epochs=epochs, verbose=0, callbacks=[callback])
    names = "validation loss", "validation accuracy", "test loss", "test accuracy"
    return dict(zip(names, np.transpose(curves)))


def judge(figures):
    loss, accuracy = (
        [figures[f"test {name}, {method}"] for method in LEVELS] for name in ("loss", "accuracy")
    )
    parts = [higher(*loss), higher(*accuracy[::-1])]
    (plain, flooded), (below, above) = ([m.mean() for m in pair] for pair in (loss, accuracy))
    stopped = figures["test accuracy, plain, best epoch"].mean()
    verdict = HOLDS if all(parts) else PARTLY if any(parts) else FAILS
    return verdict, (
        f"At the end flooding has a test loss of {flooded:.2f} against {plain:.2f}, and an accuracy"
        f" of {above:.3f} against {below:.3f}{'' if parts[1] else ', which is no clear difference'}"
        f". Early stopping without flooding reaches {stopped:.3f}."
    )


def draw(picture, figures):
    for axes, name in zip(picture.subplots(1, 2), ("test loss", "test accuracy")):
        for method, style in zip(LEVELS, ("-", "--")):
            curves = figures[f"{name} by epoch, {method}"]
            epochs = EVERY * np.arange(1, 1 + curves.shape[1])
            plot_mean(axes, epochs, curves, method, linestyle=style)
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
