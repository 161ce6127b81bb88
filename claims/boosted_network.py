"""A network of many small ones is better trained as a whole than boosted, one after the other.

40 networks of four units, boosted on 500 of scikit-learn's digits (odd or even), are one network
with a last layer of 40 weights. It is compared with itself after its last layer, or all of it, was
trained on, and with the same network trained from random weights, all at once. Each is trained for
15 epochs, as each of the 40 was, the last one for three times as many as well, and tested on the
1,297 other digits. The learning rates, from 0.001 to 0.03, were chosen for each on a seed that is
not among these.
"""

import keras
import numpy as np

from claims.adaboost import build
from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import digits, plot_seeds
from kerasx.training import adaboost, boosted_network

SOURCE = "kexue.fm/archives/3873"
SMALL = {"rounds": 3, "epochs": 2}
RATES = {"last layer": 0.003, "trained on": 0.003, "from scratch": 0.03}
NAMES = {
    "boosted": "boosted",
    "last layer": "boosted, then its last layer trained",
    "trained on": "boosted, then trained as a whole",
    "from scratch": "trained as a whole from scratch",
    "longer": "from scratch, three times as long",
}


def compiled(classifier, rate):
    """Return the network of some learners, to be trained on."""
    network = boosted_network(classifier)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate), loss)
    return network


def error_after(network, train, test, epochs):
    """Train the network, and return its test error."""
    network.fit(*train, batch_size=64, epochs=epochs, verbose=0)
    x, y = test
    return np.mean((network.predict(x, verbose=0)[:, 0] > 0) != y)


def measure(seed, rounds=40, epochs=15):
    (x, y), _, (x_test, y_test) = digits(seed, train=500, valid=0)
    train, test = (x, y % 2), (x_test, y_test % 2)
    classifier = adaboost(build, *train, rounds, epochs=epochs, batch_size=64)
    errors = {"boosted": np.mean(classifier.predict(x_test) != test[1])}
    for name, trainable in (("last layer", False), ("trained on", True)):
        for learner in classifier.learners:
            learner.trainable = trainable
        errors[name] = error_after(compiled(classifier, RATES[name]), train, test, epochs)
    classifier.learners = [build() for _ in classifier.learners]
    network = compiled(classifier, RATES["from scratch"])
    errors["from scratch"] = error_after(network, train, test, epochs)
    errors["longer"] = error_after(network, train, test, 2 * epochs)
    return {f"test error, {NAMES[name]}": error for name, error in errors.items()}


def judge(figures):
    boosted, _, trained_on, scratch, longer = (
        figures[f"test error, {name}"] for name in NAMES.values()
    )
    text = (
        f"The test error is {100 * scratch.mean():.1f}% from scratch, {100 * longer.mean():.1f}% "
        f"after three times as many epochs, {100 * boosted.mean():.1f}% boosted, and "
        f"{100 * trained_on.mean():.1f}% boosted and then trained as a whole."
    )
    if higher(boosted, scratch) or higher(boosted, longer):
        return HOLDS, text
    return (PARTLY if higher(boosted, trained_on) else FAILS), text


def draw(picture, figures):
    plot_seeds(picture.subplots(), figures, "test error")
