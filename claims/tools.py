"""Small data, networks and parts of pictures that several claims share."""

import keras
import numpy as np

from kerasx.layers import Add, FeedForward, LayerNormalization, MultiHeadAttention


def digits(seed, train=300, valid=300):
    """Return ((x, y), ...) for training, validation and test: images of scikit-learn's digits.

    x is (n, 64), float32 in [0, 1], and y (n,), int32. The test set is what the other two leave of
    the 1,797 images. The seed shuffles them.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order].astype("int32")
    parts = slice(train), slice(train, train + valid), slice(train + valid, None)
    return tuple((x[part], y[part]) for part in parts)


def wrong_labels(y, share, seed, classes=10):
    """Return labels of which a share, drawn at random, is replaced by wrong ones."""
    draw = np.random.default_rng(seed)
    chosen = draw.random(len(y)) < share
    return np.where(chosen, (y + draw.integers(1, classes, len(y))) % classes, y)


def dense_network(sizes, activation="relu", **options):
    """Return a model of dense layers with logits; `options` are those of all its layers."""
    hidden = [keras.layers.Dense(size, activation, **options) for size in sizes[1:-1]]
    last = keras.layers.Dense(sizes[-1], **options)
    return keras.Sequential([keras.Input(sizes[:1]), *hidden, last])


def classification_scores(logits, y):
    """Return (mean cross-entropy, accuracy) of logits (n, classes) and labels (n,)."""
    logits = keras.ops.convert_to_numpy(logits)
    logits = logits - logits.max(-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -log_p[np.arange(len(y)), y].mean(), (logits.argmax(-1) == y).mean()


def flattened(tensors):
    """Return a list of tensors as one vector of NumPy."""
    return np.concatenate([keras.ops.convert_to_numpy(t).ravel() for t in tensors])


def plot_mean(axes, x, curves, label, **options):
    """Draw the mean of curves (seeds, n) as a line, and their standard deviation as a band."""
    mean, deviation = np.mean(curves, 0), np.std(curves, 0)
    (line,) = axes.plot(x, mean, label=label, **options)
    axes.fill_between(x, mean - deviation, mean + deviation, color=line.get_color(), alpha=0.2)


def plot_seeds(axes, figures, measure):
    """Draw shares named "measure, name" in percent: a line for the mean, a dot for each seed."""
    shown = {k.removeprefix(f"{measure}, "): 100 * v for k, v in figures.items() if measure in k}
    for place, values in enumerate(shown.values()):
        axes.plot(values.mean(), place, "|", color="#D55E00", markersize=30, markeredgewidth=3)
        axes.plot(values, [place] * len(values), "o", color="#0072B2", alpha=0.7)
    axes.set(xlabel=f"{measure}, %: the line is the mean, a dot a seed", yticks=range(len(shown)))
    axes.set(yticklabels=shown, ylim=(len(shown) - 0.5, -0.5))
    axes.grid(axis="y", alpha=0.3)


def transformer_block(x, heads=4):
    """Return the outputs of a Transformer block, with normalized inputs of its sublayers."""
    width = x.shape[-1]
    h = LayerNormalization()(x)
    x = Add()([x, MultiHeadAttention(heads, width // heads)([h, h, h])])
    return Add()([x, FeedForward(2 * width, "gelu")(LayerNormalization()(x))])


def linear_probe(train, test):
    """Return the accuracy of a logistic regression on frozen features, ((n, d), labels (n,))."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return probe.fit(*train).score(*test)
