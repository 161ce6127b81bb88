"""Vectors of Chinese questions that are alike where people say so: CoSENT.

    python examples/sentence_similarity.py                         # generated pairs
    python examples/sentence_similarity.py --data pairs.tsv --config chinese_bert/ --maxlen 64

`--data` is a file of lines "first<TAB>second<TAB>score". The vector of a text is the mean of the
vectors of its tokens; CoSENT learns the order of the cosines from that of the scores
(kexue.fm/archives/8847). Spearman's correlation of the cosines with the scores counts.
`python -m benchmarks.sentence_vectors` compares it with SimCSE, FlatNCE and whitening.
"""

import argparse
import os
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from kerasx.callbacks import Evaluator
from kerasx.data import sequence_padding
from kerasx.datasets import generate_paraphrases
from kerasx.files import read_tsv
from kerasx.layers import GlobalAveragePooling1D
from kerasx.losses import CoSENT
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.similarity import SpearmanEvaluation
from kerasx.text import text_table
from kerasx.training import contrastive_accumulation

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="TSV file of pairs and scores; generated ones by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--pairs", type=int, default=1500, help="generated training pairs")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=64, help="pairs that are compared")
parser.add_argument("--chunks", type=int, default=2, help="parts of a batch encoded at a time")
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 1e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=24, help="tokens; longer texts are cut")


class Pairs(NamedTuple):
    """Pairs of texts with their scores."""

    texts: list  # the first text of each pair
    ids: Any  # (pairs, 2, maxlen)
    scores: Any  # (pairs,)


def load(args):
    """Return the pairs to learn from and to test, and what to start from."""
    if args.data:
        rows = read_tsv(args.data, columns=(str, str, float))
        held_out = len(rows) // 5
    else:
        held_out = max(args.pairs // 3, 50)
        rows = generate_paraphrases(args.pairs + held_out)
    texts = [text for row in rows[held_out:] for text in row[:2]]
    sizes = args.hidden_size, 1, args.maxlen
    start = starting_point(args.config, texts, *sizes, learning_rate=1e-3)
    test, train = (to_pairs(part, start, args) for part in (rows[:held_out], rows[held_out:]))
    print(f"{len(rows) - held_out} pairs to learn from, {held_out} for the test, e.g. {rows[0]}")
    return train, test, start


def to_pairs(rows, start, args):
    encode = start.tokenizer.encode
    ids = [encode(text, maxlen=args.maxlen)[0] for row in rows for text in row[:2]]
    ids = sequence_padding(ids, args.maxlen).astype("int32").reshape(len(rows), 2, args.maxlen)
    scores = np.array([row[2] for row in rows], "float32")
    return Pairs([row[0] for row in rows], ids, scores)


def build(start, args, dropout=0.1):
    """Return (encoder of texts (b, n) to (b, d), model of pairs (b, 2, n) to (b, 2, d))."""
    keras.utils.set_random_seed(0)
    bert = build_transformer_model(start.config, dropout_rate=dropout)
    encoder = keras.Model(bert.inputs, GlobalAveragePooling1D()(bert.output))
    pair = keras.Input((2, args.maxlen), dtype="int32")
    first, second = (encoder([x, ops.zeros_like(x)]) for x in (pair[:, 0], pair[:, 1]))
    return encoder, keras.Model(pair, ops.stack([first, second], axis=1))


def fit(model, encoder, loss, x, y, test, start, args):
    """Train the model of pairs; batches are encoded in chunks and compared whole."""
    rate = args.learning_rate or start.learning_rate
    model.compile(keras.optimizers.Adam(rate), loss)
    contrastive_accumulation(model, args.chunks)
    whole = len(x) // args.batch_size * args.batch_size or len(x)  # batches of one shape
    model.fit(
        x[:whole],
        y[:whole],
        batch_size=args.batch_size,
        epochs=args.epochs,
        callbacks=[
            Evaluator(lambda _: correlation(encoder, test)),
            keras.callbacks.TerminateOnNaN(),
        ],
        verbose=2,
    )


def correlation(encoder, pairs, transform=None):
    """Return Spearman's correlation of the cosines with the scores."""
    first, second = ([ids, np.zeros_like(ids)] for ids in (pairs.ids[:, 0], pairs.ids[:, 1]))
    return SpearmanEvaluation(first, second, pairs.scores, transform)(encoder)


def nearest(encoder, texts, start, args):
    """Return for each text the most similar other text."""
    vectors = Predictor(encoder, start.tokenizer, maxlen=args.maxlen)(texts)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T - 2 * np.eye(len(texts))
    return [texts[i] for i in cosines.argmax(axis=1)]


def main(args):
    train, test, start = load(args)
    untrained, _ = build(start, args)
    before = correlation(untrained, test)["spearman"]
    encoder, model = build(start, args)
    fit(model, encoder, CoSENT(), train.ids, train.scores, test, start, args)
    after = correlation(encoder, test)["spearman"]

    texts = list(dict.fromkeys(test.texts))
    rows = [("text", "nearest of the test"), *zip(texts[:5], nearest(encoder, texts, start, args))]
    print("\n" + text_table(rows))
    rows = [("", "Spearman, %"), ("before", f"{100 * before:.1f}"), ("after", f"{100 * after:.1f}")]
    print("\n" + text_table(rows))


if __name__ == "__main__":
    main(parser.parse_args())
