"""Triples (subject, predicate, object) from Chinese text: GPLinker and CasRel on one encoder.

    python examples/relation_extraction.py                              # generated texts
    python examples/relation_extraction.py --data train_data.json dev_data.json --config bert/

`--data` are files of JSON lines as of DuIE and LIC2020, to learn from and to test. GPLinker scores
spans as subjects and objects, and pairs of first and of last tokens as linked by a predicate
(kexue.fm/archives/8888). CasRel marks where subjects start and end, then, given one by conditional
layer normalization, where its objects do (arXiv 1909.03227; kexue.fm/archives/7161). What each
finds in the test is written in the form of LIC2020.
"""

import argparse
import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx import data, tokenizers
from kerasx.datasets import generate_relations, read_relations
from kerasx.datasets.relations import spo_record, triple_spans
from kerasx.files import write_jsonl
from kerasx.layers import EfficientGlobalPointer, GlobalAveragePooling1D, LayerNormalization
from kerasx.losses import GlobalPointerCrossentropy
from kerasx.metrics import spo_f1
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import warmup_cosine
from kerasx.spans import linked_triples, text_triples, token_triples, triple_labels
from kerasx.spans.half_pointers import half_pointer_spans
from kerasx.spans.linked import subject_labels
from kerasx.text import text_table

METHODS = ("gplinker", "casrel")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs=2, help="files to learn from and to test; else generated texts")
parser.add_argument("--config", help="folder of a pretrained BERT and its vocabulary")
parser.add_argument("--method", choices=METHODS, nargs="+", default=METHODS)
parser.add_argument("--texts", type=int, default=2000, help="generated ones to learn from")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=128, help="tokens; longer texts are cut")
parser.add_argument("--save", default="runs/relation_extraction", help="folder of what is found")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)

# Data: texts as ids, triples as spans of tokens

if args.data:
    train, test = (read_relations(path, errors="skip") for path in args.data)
else:
    texts = generate_relations(args.texts + 100)
    test, train = texts[:100], texts[100:]
if args.config:
    config, vocabulary = args.config, tokenizers.load_vocab(args.config)
else:
    vocabulary = tokenizers.character_vocab((x.text for x in train), min_count=2)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
tokenizer = tokenizers.Tokenizer(vocabulary, do_lower_case=True)
predicates = sorted({predicate for x in train for _, predicate, _ in x.triples})
known, cut = [], [tokenizer.tokenize_with_offsets(x.text, args.maxlen) for x in train + test]
for (text, triples), (_, offsets) in zip(train, cut):
    known.append(token_triples(text, triple_spans(text, triples), offsets))
ids = [np.array(tokenizer.tokens_to_ids(tokens)) for tokens, _ in cut]
ids, test_ids, longest = ids[: len(train)], ids[len(train) :], max(map(len, ids))
print(f"{len(train)} texts to learn from, {len(test)} to test; predicates: {' '.join(predicates)}")

# Methods: each trains a model and returns a function from ids to triples


def inputs(ids, *others):
    """Arrays of token ids, segment ids and whatever else there is, all of one length."""
    ids, *others = (data.sequence_padding(x, longest) for x in (ids, *others))
    return [ids, np.zeros_like(ids), *others]


def fit(model, x, y, loss):
    y = list(map(np.stack, y))
    peak = args.learning_rate or (2e-5 if args.config else 3e-3)
    rate = warmup_cosine(peak, args.epochs * -(-len(y[0]) // args.batch_size))
    model.compile(keras.optimizers.AdamW(rate), [loss] * len(y))
    model.fit(x, y, args.batch_size, args.epochs, verbose=2)


def outputs(model, x):
    """What the model says of each row, batch by batch: scores of pairs take much room."""
    for i in range(0, len(x[0]), args.batch_size):
        yield from zip(*model.predict_on_batch([array[i : i + args.batch_size] for array in x]))


def gplinker():
    bert, p = build_transformer_model(config), len(predicates)
    pairs = {"RoPE": False, "tril_mask": False}
    pointers = [EfficientGlobalPointer(h, 32, **x) for h, x in ((2, {}), (p, pairs), (p, pairs))]
    model = keras.Model(bert.inputs, [pointer(bert.output) for pointer in pointers])
    most = max(map(len, known))
    labels = (triple_labels(x, longest, predicates, most) for x in known)
    fit(model, inputs(ids), zip(*labels), GlobalPointerCrossentropy(sparse=True))

    def find(ids):
        for row, scores in zip(ids, outputs(model, inputs(ids))):
            scores = (x[:, : len(row), : len(row)] for x in scores)
            yield linked_triples(*scores, predicates)

    return find


def casrel():
    bert, marks = build_transformer_model(config), keras.Input((None,), dtype="int32")
    few = {"bias_initializer": keras.initializers.Constant(-4)}  # most tokens are no ends
    subjects = keras.layers.Dense(2, **few)(bert.output)
    subject = GlobalAveragePooling1D()(bert.output, mask=marks)
    given = LayerNormalization(conditional=True)([bert.output, subject])
    objects = keras.layers.Dense(2 * len(predicates), **few)(given)
    model = keras.Model([*bert.inputs, marks], [subjects, objects])
    labels = [subject_labels(x, longest, predicates) for x in known]
    x, marks, *y = zip(*((x, *label) for x, rows in zip(ids, labels) for label in rows))
    loss = keras.losses.BinaryCrossentropy(True, reduction="mean_with_sample_weight")
    fit(model, inputs(x, marks), y, loss)

    def find(ids):
        spans, found = [], [[] for _ in ids]
        for i, (scores, _) in enumerate(outputs(model, inputs(ids, [0 * row for row in ids]))):
            subjects = half_pointer_spans(scores[: len(ids[i])], [""])
            spans += [(i, (start, end)) for start, end, _ in subjects]
        marks = [np.isin(np.arange(longest), range(*span)) for _, span in spans]
        rows = outputs(model, inputs([ids[i] for i, _ in spans], marks)) if spans else ()
        for (i, subject), (_, scores) in zip(spans, rows):
            objects = half_pointer_spans(scores[: len(ids[i])], predicates)
            found[i] += [(subject, predicate, (start, end)) for start, end, predicate in objects]
        return found

    return find


# Results

table = [("method, %", "precision", "recall", "F1", "CPU seconds")]
for name in args.method:
    keras.utils.set_random_seed(0)
    start = time.process_time()
    spans = {"gplinker": gplinker, "casrel": casrel}[name]()(test_ids)
    rows = zip(test, spans, cut[len(train) :])
    found = [text_triples(x.text, triples, offsets) for x, triples, (_, offsets) in rows]
    score, seconds = spo_f1([x.triples for x in test], found), time.process_time() - start
    table.append((name, *(f"{100 * x:.2f}" for x in score[:3]), f"{seconds:.0f}"))
    path = os.path.join(args.save, f"{name}.json")
    write_jsonl(path, [spo_record(x.text, y) for x, y in zip(test, found)])
    print(f"\n{name}: {path}\n{test[0].text}\n{found[0]}")
print("\n" + text_table(table))
