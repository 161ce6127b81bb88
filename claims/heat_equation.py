"""Features extended by the heat equation teach an encoder more than [MASK] vectors do.

An encoder of 2 x 2 pixels (two Transformer blocks, 32 wide) sees a quarter of each of 1,000 images
of scikit-learn's digits, and a decoder of one block reconstructs the rest. QB-Heat hides all but a
block and fills the hidden places by linear equations; a masked autoencoder fills them with a [MASK]
vector, with the same blocks, or with random places hidden. A logistic regression on the encoder's
mean over whole images is then trained on 200 labels. All train for the same number of updates; the
learning rates were chosen on a seed that is not among these.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import digits, linear_probe, plot_seeds, transformer_block
from kerasx.layers import (
    GlobalAveragePooling1D,
    LayerNormalization,
    LinearExtension,
    PositionEmbedding,
    VectorTable,
)

SOURCE = "kexue.fm/archives/9359; arXiv 2211.13228"
PUBLISHED = (
    "non-linear probing on ImageNet 65.6%, MoCo-v2 52.9% (published, Mobile-Former with 5.8M "
    "parameters)."
)
SMALL = {"draws": 1, "epochs": 1, "images": 64, "labels": 40}
WIDTH, SIDE, PIXELS = 32, 4, 4  # 4 x 4 places of 2 x 2 pixels
RATES = {"pretraining": 0.005, "supervised": 0.005}
FILLS = {
    "heat equation, a block visible": ("heat", "block"),
    "[MASK], a block visible": ("mask", "block"),
    "[MASK], random places visible": ("mask", "random"),
}


def make_encoder(values=None, embed=None, places=SIDE**2):
    """Return a model from the values of some places and their indices (b, m) to vectors."""
    values = keras.Input((None, PIXELS)) if values is None else values
    embed = embed or keras.layers.Dense(WIDTH)
    indices = keras.Input((None,), dtype="int32")
    x = embed(values) + keras.layers.Embedding(places, WIDTH)(indices)
    return keras.Model(
        [values, indices], LayerNormalization()(transformer_block(transformer_block(x)))
    )


def make_autoencoder(encoder, fill):
    """Return a model from the visible places to all of them."""
    values, indices = keras.Input((SIDE, PIXELS)), keras.Input((SIDE,), dtype="int32")
    x = encoder([values, indices])
    if fill == "heat":
        corners = ops.stack([indices[:, 0] // SIDE, indices[:, 0] % SIDE], axis=-1)
        whole = LinearExtension((SIDE, SIDE))([ops.reshape(x, (-1, 2, 2, WIDTH)), corners])
        x = ops.reshape(whole, (-1, SIDE**2, WIDTH))
    else:
        x = at_places(x, indices, SIDE**2)
    x = transformer_block(PositionEmbedding(SIDE**2, WIDTH)(x))
    return keras.Model([values, indices], keras.layers.Dense(PIXELS)(LayerNormalization()(x)))


def at_places(x, indices, places):
    """Put vectors (b, m, d) at their places, and a trained [MASK] vector at the others."""
    placed = ops.one_hot(indices, places, dtype="float32")
    hidden = 1 - ops.sum(placed, axis=1)[..., None]
    mask = VectorTable(1, x.shape[-1])(x)
    return ops.einsum("bmd,bmp->bpd", x, placed) + hidden * mask


def visible_places(n, kind, rng):
    """Return the indices (n, 4) of the visible places, at random."""
    if kind == "random":
        return np.sort(rng.permuted(np.tile(np.arange(SIDE**2), (n, 1)), axis=1)[:, :SIDE])
    corners = rng.integers(0, SIDE - 1, (n, 2))
    return (corners @ [SIDE, 1])[:, None] + np.array([0, 1, SIDE, SIDE + 1])


def pretrain(autoencoder, x, indices, rate, epochs, loss="mse", batch_size=256):
    """Train to reconstruct the hidden places of x (n, places, c), or of ids (n, places)."""
    hidden = np.ones(x.shape[:2], "float32")
    np.put_along_axis(hidden, indices, 0, axis=1)
    seen = np.take_along_axis(x, indices.reshape(*indices.shape, *[1] * (x.ndim - 2)), axis=1)
    autoencoder.compile(keras.optimizers.Adam(rate), loss)
    autoencoder.fit([seen, indices], x, batch_size, epochs, verbose=0, sample_weight=hidden)


def whole(x):
    """Return the inputs of an encoder that sees all places."""
    return [x, np.tile(np.arange(x.shape[1]), (len(x), 1))]


def probe(encoder, train, test):
    """Return the accuracy of a linear classifier of the mean of the encoder's vectors."""
    means = [encoder.predict(whole(x), 256, verbose=0).mean(1) for x, _ in (train, test)]
    return linear_probe((means[0], train[1]), (means[1], test[1]))


def supervised(encoder, train, test, rate, epochs, classes=10):
    """Return the accuracy of an encoder trained with the labels alone."""
    scores = keras.layers.Dense(classes)(GlobalAveragePooling1D()(encoder.output))
    model = keras.Model(encoder.inputs, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(whole(train[0]), train[1], 32, epochs, verbose=0)
    return (model.predict(whole(test[0]), 256, verbose=0).argmax(1) == test[1]).mean()


def patches(x):
    """Cut images (n, 64) into (n, 16 places, 2 x 2 pixels)."""
    x = x.reshape(-1, SIDE, 2, SIDE, 2).transpose(0, 1, 3, 2, 4)
    return x.reshape(-1, SIDE**2, PIXELS)


def measure(seed, draws=10, epochs=10, images=1000, labels=200):
    (x, y), _, (x_test, y_test) = digits(seed, train=images, valid=0)
    x, test = patches(x), (patches(x_test), y_test)
    few = x[:labels], y[:labels]
    figures = {"no pretraining": probe(make_encoder(), few, test)}
    for name, (fill, kind) in FILLS.items():
        encoder, rng = make_encoder(), np.random.default_rng(seed)
        many = np.tile(x, (draws, 1, 1))
        indices = visible_places(len(many), kind, rng)
        pretrain(make_autoencoder(encoder, fill), many, indices, RATES["pretraining"], epochs)
        figures[name] = probe(encoder, few, test)
    figures["trained on the labels alone"] = supervised(
        make_encoder(), few, test, RATES["supervised"], 4 * epochs
    )
    return {f"test accuracy, {name}": value for name, value in figures.items()}


def judge(figures):
    heat, block, random = (figures[f"test accuracy, {name}"] for name in FILLS)
    none = figures["test accuracy, no pretraining"]
    means = [f"{100 * x.mean():.1f}%" for x in (heat, block, random, none)]
    text = (
        "The probe reaches {} after extension by the heat equation, {} with [MASK] around the same "
        "blocks, {} with [MASK] at random places and {} without pretraining.".format(*means)
    )
    if not any(higher(x, none) for x in (heat, block, random)):
        text += (
            " At this size and length no pretraining is clearly above none, so this settles little."
        )
    if higher(heat, block) and higher(heat, random):
        return HOLDS, text
    return (PARTLY if higher(heat, block) or higher(heat, random) else FAILS), text


def draw(picture, figures):
    plot_seeds(picture.subplots(), figures, "test accuracy")
