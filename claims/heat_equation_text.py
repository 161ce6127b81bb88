"""The heat equation carries over to text: features that go on linearly pretrain better than [MASK].

The source asks it and leaves it open. An encoder of characters (two Transformer blocks, 32 wide)
sees half of 24 characters of each of 1,000 made-up hotel reviews, and a decoder of one block
predicts the others. A window is visible, and its features are extended by one linear equation; or
random characters are, and the features between are interpolated linearly, as the source suggests
as well. [MASK] vectors take their place in two masked autoencoders. A logistic regression on the
encoder's mean then tells praise from complaint with 100 labels. All train for the same number of
updates, at the learning rates of the claim on images.
"""

import keras
import numpy as np
from keras import ops

from claims.heat_equation import (
    WIDTH,
    at_places,
    make_encoder,
    pretrain,
    probe,
    supervised,
)
from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_seeds, transformer_block
from kerasx.data import sequence_padding
from kerasx.datasets import generate_reviews
from kerasx.layers import LayerNormalization, LinearExtension, PositionEmbedding
from kerasx.tokenizers import Tokenizer, character_vocab

SOURCE = "kexue.fm/archives/9359; arXiv 2211.13228"
SMALL = {"draws": 1, "epochs": 1, "texts": 64, "labels": 40}
LENGTH, VISIBLE = 24, 12
RATES = {"pretraining": 0.005, "supervised": 0.005}
FILLS = {
    "a window visible, extended linearly": ("extended", "window"),
    "a window visible, [MASK] beside it": ("mask", "window"),
    "random characters visible, interpolated": ("interpolated", "random"),
    "random characters visible, [MASK] between": ("mask", "random"),
}


def make_text_encoder(size):
    embed = keras.layers.Embedding(size, WIDTH)
    return make_encoder(keras.Input((None,), dtype="int32"), embed, LENGTH)


def make_autoencoder(encoder, fill, size):
    """Return a model from the visible characters to the scores of all of them."""
    ids, indices = (keras.Input((VISIBLE,), dtype="int32") for _ in range(2))
    x = encoder([ids, indices])
    if fill == "extended":
        x = LinearExtension(LENGTH)([x, indices[:, :1]])
    else:
        x = interpolated(x, indices) if fill == "interpolated" else at_places(x, indices, LENGTH)
    x = LayerNormalization()(transformer_block(PositionEmbedding(LENGTH, WIDTH)(x)))
    return keras.Model([ids, indices], keras.layers.Dense(size)(x))


def interpolated(x, indices):
    """Put vectors (b, m, d) at their places in order, and between two of them a mean of both."""
    v = ops.cast(indices, "float32")[:, None]
    before = ops.concatenate([v[..., :1] - 1e6, v[..., :-1]], axis=-1)
    after = ops.concatenate([v[..., 1:], v[..., -1:] + 1e6], axis=-1)
    place = ops.cast(ops.arange(LENGTH), "float32")[None, :, None]
    hats = ops.minimum((place - before) / (v - before), (after - place) / (after - v))
    return ops.matmul(ops.clip(hats, 0, 1), x)


def visible_places(n, kind, rng):
    """Return the indices (n, 12) of the visible characters, in order."""
    if kind == "random":
        return np.sort(rng.permuted(np.tile(np.arange(LENGTH), (n, 1)), axis=1)[:, :VISIBLE])
    return rng.integers(0, LENGTH - VISIBLE + 1, (n, 1)) + np.arange(VISIBLE)


def reviews(n, seed):
    """Return ids (n, 24) of the starts of reviews, their sentiments, and the number of ids."""
    examples = generate_reviews(n, seed=seed)
    vocabulary = character_vocab([review.text for review in examples])
    tokenizer = Tokenizer(vocabulary)
    ids = [tokenizer.encode(review.text)[0][1:-1] for review in examples]
    padded = sequence_padding(ids, LENGTH)[:, :LENGTH]
    return padded, np.array([review.sentiment for review in examples]), len(vocabulary)


def measure(seed, draws=5, epochs=3, texts=1000, labels=100):
    x, y, size = reviews(2 * texts, seed)
    few, test, x = (x[:labels], y[:labels]), (x[texts:], y[texts:]), x[:texts]
    figures = {"no pretraining": probe(make_text_encoder(size), few, test)}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for name, (fill, kind) in FILLS.items():
        encoder, rng = make_text_encoder(size), np.random.default_rng(seed)
        many = np.tile(x, (draws, 1))
        indices = visible_places(len(many), kind, rng)
        autoencoder = make_autoencoder(encoder, fill, size)
        pretrain(autoencoder, many, indices, RATES["pretraining"], epochs, loss, 64)
        figures[name] = probe(encoder, few, test)
    figures["trained on the labels alone"] = supervised(
        make_text_encoder(size), few, test, RATES["supervised"], 8 * epochs, 2
    )
    return {f"test accuracy, {name}": value for name, value in figures.items()}


def judge(figures):
    extended, window, between, random = (figures[f"test accuracy, {name}"] for name in FILLS)
    better = [higher(extended, window), higher(between, random)]
    text = (
        f"The probe reaches {100 * extended.mean():.1f}% after linear extension of a window "
        f"({100 * window.mean():.1f}% with [MASK]), and {100 * between.mean():.1f}% after "
        f"interpolation between random characters ({100 * random.mean():.1f}% with [MASK])."
    )
    none = figures["test accuracy, no pretraining"]
    if not any(higher(x, none) for x in (extended, window, between, random)):
        text += (
            " At this size and length no pretraining is clearly above none, so this settles little."
        )
    if all(better):
        return HOLDS, text
    return (PARTLY if any(better) else FAILS), text


def draw(picture, figures):
    plot_seeds(picture.subplots(), figures, "test accuracy")
