"""Heads for word segmentation side by side: a CRF, and softmax read in two ways.

    python -m benchmarks.word_segmentation [--data pku_test_gold.utf8] [--head crf] [--seeds 3]

Data, encoder and training are those of `examples/word_segmentation.py`, whose arguments this
command takes, too. Softmax is read tag by tag, where a tag that cannot continue a word begins one,
and as the best sequence that the tags allow.
"""

import argparse
import time

import keras
import numpy as np

from examples import word_segmentation as example
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import segmentation_f1
from kerasx.ops import viterbi
from kerasx.text import text_table

HEADS = ("crf", "softmax")


def train_softmax(train, start, args, seed):
    """Return a model of the scores of tags."""
    keras.utils.set_random_seed(seed)
    encoder = example.build_encoder(start, args)
    model = keras.Model(encoder.inputs, keras.layers.Dense(len(example.TAGS))(encoder.output))
    example.fit(model, MaskedCrossEntropy(-1), train, start, args, seed)
    return model


def train_and_segment(head, data, args, seed):
    """Return ({way to read the scores: words of each sentence}, seconds of training)."""
    train, test, start = data
    begun, crf = time.time(), None
    if head == "crf":
        model, crf = example.train_crf(train, start, args, seed)
    else:
        model = train_softmax(train, start, args, seed)
    seconds = time.time() - begun
    scores = example.predict_scores(model, test, start, args)
    if crf:
        return {"crf": example.segment(test, crf.decode(scores))}, seconds
    best = {"softmax": scores.argmax(-1), "softmax_constrained": constrained(scores)}
    return {name: example.segment(test, tags) for name, tags in best.items()}, seconds


def constrained(scores):
    """Return the best tags that the scheme allows."""
    free = np.zeros((len(example.TAGS), len(example.TAGS)))
    tags, _ = viterbi(scores, free, scores.max(-1) > example.NO_TAG, example.ALLOWED)
    return tags


def main(args):
    data = example.load(args)
    test = data[1]
    table = [("head", "precision %", "recall %", "F1 %", "± of seeds", "seconds to train")]
    for head in args.head:
        runs = [train_and_segment(head, data, args, seed) for seed in range(args.seeds)]
        seconds = np.mean([seconds for _, seconds in runs])
        for name in runs[0][0]:
            scores = [segmentation_f1(test, words[name])[:3] for words, _ in runs]
            scores = 100 * np.array(scores)
            values = (*scores.mean(axis=0), scores[:, 2].std(), seconds)
            table.append((name, *(f"{value:.2f}" for value in values)))
    print("\n" + text_table(table))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[example.parser], add_help=False)
    parser.add_argument("--head", choices=HEADS, nargs="+", default=HEADS)
    parser.add_argument("--seeds", type=int, default=2, help="models for each head")
    main(parser.parse_args())
