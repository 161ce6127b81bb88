"""A BERT of words is faster than one of characters, and no worse at classification.

A BERT of characters (2 layers, 64 wide) learns masked characters of 3,000 made-up reviews, 200
updates of 32. Then it goes on twice for 200 updates of 32: as it is, and with the words of jieba in
its vocabulary, whose vectors start as the mean of those of their characters. Both learn the
sentiment of 400 other reviews in 6 epochs, at one learning rate, and are tried on 600 more.
"""

import os
import tempfile
import time
from collections import Counter

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import train_masked
from kerasx.data import sequence_padding
from kerasx.datasets import generate_reviews
from kerasx.layers import GlobalAveragePooling1D
from kerasx.models import build_transformer_model, starting_point
from kerasx.tokenizers import Tokenizer, extend_vocab_with_words, jieba_cut

SOURCE = "kexue.fm/archives/7758"
PUBLISHED = (
    "1.16, 1.22 and 1.28 times as fast as BERT on texts of 128, 256 and 512 characters; accuracy "
    "on IFLYTEK 61.15% after 60.31%, on TNEWS 57.05% after 56.94% (published, WoBERT after BERT "
    "base); with weights of yours: `python examples/wobert.py --config chinese_bert/ --data "
    "texts.txt --words 20000 --length 512`."
)
SMALL = {"texts": 40, "updates": 1, "labelled": 8, "tests": 8, "epochs": 1}
NAMES = ("characters", "words")


def vocabularies(texts):
    """Return (configuration, {name: tokenizer}, the characters of each word)."""
    start = starting_point(None, texts, 64, 2, 128, dropout_rate=0.0)
    counts = Counter(word for text in texts for word in jieba_cut(text) if len(word) > 1)
    characters = start.tokenizer
    vocabulary, compound = extend_vocab_with_words(
        characters.token_dict, [word for word, n in counts.items() if n > 1], characters
    )
    words = Tokenizer(vocabulary, do_lower_case=True, pre_tokenize=jieba_cut)
    return start.config, dict(zip(NAMES, (characters, words))), compound


def classifier_of(bert):
    """Return a classifier with the layers of a masked language model."""
    vectors = bert.get_layer("Transformer-1-FeedForward-Norm").output
    scores = keras.layers.Dense(2)(GlobalAveragePooling1D()(vectors))
    model = keras.Model(bert.inputs, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    return model


def tried(bert, tokenizer, train, test, epochs):
    """Return (accuracy in %, CPU ms to encode and classify a text) after training."""

    def arrays(reviews):
        ids = sequence_padding([tokenizer.encode(r.text)[0] for r in reviews])
        return [ids, np.zeros_like(ids)], np.array([r.sentiment for r in reviews])

    model = classifier_of(bert)
    model.fit(*arrays(train), batch_size=16, epochs=epochs, verbose=0)
    accuracy = 100 * model.evaluate(*arrays(test), batch_size=50, verbose=0)[1]
    begun = time.process_time()
    model.predict(arrays(test)[0], batch_size=50, verbose=0)
    return accuracy, 1000 * (time.process_time() - begun) / len(test)


def measure(seed, texts=3000, updates=200, labelled=400, tests=600, epochs=6):
    reviews = generate_reviews(texts + labelled + tests, seed)
    train, test = reviews[:labelled], reviews[labelled : labelled + tests]
    raw = [review.text for review in reviews[labelled + tests :]]
    config, tokenizers, compound = vocabularies(raw)
    rows = {name: [t.encode(text)[0] for text in raw] for name, t in tokenizers.items()}

    def learn(bert, name):
        ids = sequence_padding(rows[name]).astype("int32")
        return list(train_masked(bert, tokenizers[name], ids, updates, 4e-3, seed))

    def build(**options):
        return build_transformer_model(config, model="roformer", with_mlm="linear", **options)

    first = build()
    learn(first, "characters")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "first.safetensors")
        first.builder.save_weights_as_checkpoint(path)
        berts = {
            "characters": build(checkpoint_path=path),
            "words": build(checkpoint_path=path, compound_tokens=compound),
        }
    figures = {}
    for name, bert in berts.items():
        learn(bert, name)
        accuracy, spent = tried(bert, tokenizers[name], train, test, epochs)
        figures |= {
            f"{name}, tokens of a text": np.mean([len(row) - 2 for row in rows[name]]),
            f"{name}, CPU ms of a text": spent,
            f"{name}, accuracy (%)": accuracy,
        }
    return figures


def judge(figures):
    of = {
        kind: [figures[f"{name}, {kind}"] for name in NAMES]
        for kind in ("tokens of a text", "CPU ms of a text", "accuracy (%)")
    }
    faster = higher(*of["CPU ms of a text"])
    no_worse = not higher(*of["accuracy (%)"])
    verdict = HOLDS if faster and no_worse else PARTLY if faster or no_worse else FAILS
    mean = {kind: [values.mean() for values in row] for kind, row in of.items()}
    times = mean["CPU ms of a text"][0] / mean["CPU ms of a text"][1]
    texts = "{:.1f} tokens a text become {:.1f}".format(*mean["tokens of a text"])
    scores = "{:.1f}% of characters, {:.1f}% of words".format(*mean["accuracy (%)"])
    difference = np.subtract(*of["accuracy (%)"][::-1])
    error = difference.std(ddof=min(1, len(difference) - 1)) / np.sqrt(len(difference))
    return verdict, (
        f"{texts}; words are {times:.2f} times as fast, their cut included; accuracy is {scores}, "
        f"a difference of {difference.mean():.1f} with a standard error of {error:.1f}."
    )


def draw(picture, figures):
    kinds = ("tokens of a text", "CPU ms of a text", "accuracy (%)")
    for axes, kind in zip(picture.subplots(1, 3), kinds):
        values = np.array([figures[f"{name}, {kind}"] for name in NAMES])
        axes.bar(NAMES, values.mean(1), 0.6, yerr=values.std(1), capsize=4, color=["C0", "C1"])
        axes.set(ylabel=kind, ylim=(0, 1.2 * values.max() if kind != "accuracy (%)" else 100))
