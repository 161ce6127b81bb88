"""Heads for named entities side by side: CRF, softmax and two kinds of GlobalPointer.

    python -m benchmarks.ner [--data ner_weibo/] [--head crf softmax] [--seeds 3]

Data, encoder and training are those of `examples/ner.py`, whose arguments this command takes, too.
CRF and softmax give BIO tags; softmax_constrained is the best sequence of tags that BIO allows.
"""

import argparse
import time

import keras
import numpy as np

from examples import ner
from kerasx.data import sequence_padding
from kerasx.layers import ConditionalRandomField
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import span_report
from kerasx.models import Predictor
from kerasx.ops import viterbi
from kerasx.spans import (
    allowed_transitions,
    encode_tags,
    spans_to_tags,
    tag_set,
    tags_to_spans,
    text_spans,
)
from kerasx.text import text_table

HEADS = ("crf", "softmax", *ner.POINTERS)
NO_TAG = -1e9  # score of every tag at a place that is padding


def train_tagger(head, data, args, seed):
    """Return (model of the scores of tags, its CRF or None)."""
    train, _, labels, start = data
    tags = tag_set(labels)
    keras.utils.set_random_seed(seed)
    encoder = ner.build_encoder(start, args)
    scores, loss, crf = keras.layers.Dense(len(tags))(encoder.output), MaskedCrossEntropy(-1), None
    if head == "crf":
        crf = ConditionalRandomField(args.lr_multiplier, allowed_transitions(tags))
        scores, loss = crf(scores), crf.sparse_loss
    model = keras.Model(encoder.inputs, scores)
    examples = []
    for row in train:
        inputs = row.ids, [0] * len(row.ids)
        examples.append((inputs, encode_tags(spans_to_tags(row.spans, len(row.ids)), tags)))
    ner.fit(model, loss, examples, start, args, label_pad=-1, seed=seed)
    return model, crf


def find_by_tags(head, model, crf, data, args):
    """Return the entities of each sentence, for each way to read the scores of tags."""
    _, test, labels, _ = data
    tags = tag_set(labels)
    scores = Predictor(model, batch_size=args.batch_size)([row.ids for row in test])
    scores = sequence_padding(scores, value=NO_TAG)
    if crf:
        return {head: read_tags(crf.decode(scores), test, tags)}
    real, free = scores.max(-1) > NO_TAG, np.zeros((len(tags), len(tags)))
    constrained, _ = viterbi(scores, free, real, allowed_transitions(tags))
    best = {"softmax": scores.argmax(-1), "softmax_constrained": constrained}
    return {name: read_tags(ids, test, tags) for name, ids in best.items()}


def read_tags(ids, test, tags):
    found = []
    for row, best in zip(test, keras.ops.convert_to_numpy(ids), strict=True):
        spans = tags_to_spans([tags[i] for i in best[: len(row.ids)]])
        found.append(text_spans(row.text, spans, row.offsets))
    return found


def train_and_find(head, data, args, seed):
    """Return ({way to read the outputs: entities of each sentence}, seconds of training)."""
    train, test, labels, start = data
    begun = time.time()
    if head in ner.POINTERS:
        model = ner.train_pointer(head, train, labels, start, args, seed)
        seconds = time.time() - begun
        return {head: ner.find_entities(model, test, labels, args)}, seconds
    model, crf = train_tagger(head, data, args, seed)
    seconds = time.time() - begun
    return find_by_tags(head, model, crf, data, args), seconds


def scores_of(found, test, labels):
    """Return the F1 of each label and of all, in percent."""
    report = span_report([row.entities for row in test], found)
    return [100 * report[name].f1 if name in report else np.nan for name in (*labels, "micro")]


def main(args):
    data = ner.load(args)
    _, test, labels, _ = data
    table = [("head, F1 in %", *labels, "micro", "± of seeds", "seconds to train")]
    for head in args.head:
        runs = [train_and_find(head, data, args, seed) for seed in range(args.seeds)]
        seconds = np.mean([seconds for _, seconds in runs])
        for name in runs[0][0]:
            f1 = np.array([scores_of(found[name], test, labels) for found, _ in runs])
            values = (*np.nanmean(f1, axis=0), f1[:, -1].std(), seconds)
            table.append((name, *(f"{value:.2f}" for value in values)))
    print("\n" + text_table(table))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[ner.parser], add_help=False)
    parser.add_argument("--head", choices=HEADS, nargs="+", default=HEADS)
    parser.add_argument("--seeds", type=int, default=1, help="models for each head")
    parser.add_argument("--lr-multiplier", type=float, default=1, help="of CRF transitions")
    main(parser.parse_args())
