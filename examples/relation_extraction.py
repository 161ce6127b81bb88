"""Triples (subject, predicate, object) from Chinese text: GPLinker and CasRel on one encoder.

    python examples/relation_extraction.py                              # generated texts
    python examples/relation_extraction.py --method casrel
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

from kerasx.data import sequence_padding
from kerasx.datasets import generate_relations, read_relations
from kerasx.datasets.relations import spo_record, triple_spans
from kerasx.files import write_jsonl
from kerasx.layers import EfficientGlobalPointer, GlobalAveragePooling1D, LayerNormalization
from kerasx.losses import GlobalPointerCrossentropy
from kerasx.metrics import spo_f1
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.spans import linked_triples, text_triples, token_triples, triple_labels
from kerasx.spans.half_pointers import half_pointer_spans
from kerasx.spans.linked import subject_labels
from kerasx.text import text_table

METHODS = ("gplinker", "casrel")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs=2, help="files to learn from and to test; else generated texts")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
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
predicates = sorted({predicate for x in train for _, predicate, _ in x.triples})
print(f"{len(train)} texts to learn from, {len(test)} to test; predicates: {' '.join(predicates)}")
texts = (x.text for x in train)
sizes = args.hidden_size, args.layers, args.maxlen
start = starting_point(args.config, texts, *sizes, min_count=2, learning_rate=3e-3)


def encode(text):
    """Return the token ids of a text, and where in the text each token is."""
    tokens, offsets = start.tokenizer.tokenize_with_offsets(text, args.maxlen)
    return start.tokenizer.tokens_to_ids(tokens), offsets


ids = [encode(x.text)[0] for x in train]
test_ids = [encode(x.text)[0] for x in test]
longest = max(map(len, ids + test_ids))
triples = []
for text, found in train:
    _, offsets = encode(text)
    triples.append(token_triples(text, triple_spans(text, found), offsets))

# Methods: each trains a model and returns the triples of each text of the test


def fit(model, x, y, loss):
    """Train on the arrays x, and on y, a row of labels for each text."""
    y = [np.stack(part) for part in zip(*y)]
    peak = args.learning_rate or start.learning_rate
    schedule = warmup_cosine(peak, args.epochs * -(-len(x[0]) // args.batch_size))
    model.compile(keras.optimizers.AdamW(schedule), [loss] * len(y))
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model.fit(x, y, args.batch_size, args.epochs, callbacks=callbacks, verbose=2)


def padded(ids, *others):
    """Return arrays of token ids, of segment ids, and of other sequences, of one length."""
    ids = sequence_padding(ids, longest)
    return [ids, np.zeros_like(ids), *(sequence_padding(x, longest) for x in others)]


def gplinker():
    bert = build_transformer_model(start.config)
    pairs = {"RoPE": False, "tril_mask": False}
    entities = EfficientGlobalPointer(2, 32)(bert.output)
    heads = EfficientGlobalPointer(len(predicates), 32, **pairs)(bert.output)
    tails = EfficientGlobalPointer(len(predicates), 32, **pairs)(bert.output)
    model = keras.Model(bert.inputs, [entities, heads, tails])
    most = max(map(len, triples))
    labels = [triple_labels(x, longest, predicates, most) for x in triples]
    fit(model, padded(ids), labels, GlobalPointerCrossentropy(sparse=True))

    def decode(*scores):
        return linked_triples(*scores, predicates)

    return Predictor(model, batch_size=args.batch_size)(test_ids, decode)


def casrel():
    bert = build_transformer_model(start.config)
    marks = keras.Input((None,), dtype="int32")  # 1 at the tokens of one subject
    rare = {"bias_initializer": keras.initializers.Constant(-4)}  # most tokens are no ends
    subjects = keras.layers.Dense(2, **rare)(bert.output)
    subject = GlobalAveragePooling1D()(bert.output, mask=marks)
    given = LayerNormalization(conditional=True)([bert.output, subject])
    objects = keras.layers.Dense(2 * len(predicates), **rare)(given)
    model = keras.Model([*bert.inputs, marks], [subjects, objects])

    rows = []
    for row, found in zip(ids, triples):
        rows += [(row, *labels) for labels in subject_labels(found, longest, predicates)]
    texts, subject_marks, *labels = zip(*rows)
    loss = keras.losses.BinaryCrossentropy(True, reduction="mean_with_sample_weight")
    fit(model, padded(texts, subject_marks), list(zip(*labels)), loss)
    return find_by_subjects(Predictor(model, batch_size=args.batch_size))


def find_by_subjects(predict):
    """Find the subjects of each text first, then the objects of each subject."""
    found = predict(
        [(row, [0] * len(row), [0] * len(row)) for row in test_ids],
        lambda subjects, objects: half_pointer_spans(subjects, [""]),
    )
    subjects = [(i, (first, after)) for i, spans in enumerate(found) for first, after, _ in spans]
    rows = []
    for i, span in subjects:
        marks = np.isin(np.arange(len(test_ids[i])), range(*span)).astype("int32")
        rows.append((test_ids[i], [0] * len(test_ids[i]), marks))
    objects = predict(rows, lambda subjects, objects: half_pointer_spans(objects, predicates))

    triples = [[] for _ in test_ids]
    for (i, subject), spans in zip(subjects, objects):
        triples[i] += [(subject, predicate, (first, after)) for first, after, predicate in spans]
    return triples


# Results

methods = {"gplinker": gplinker, "casrel": casrel}
table = [("method, %", "precision", "recall", "F1", "CPU seconds")]
for name in args.method:
    keras.utils.set_random_seed(0)
    begun = time.process_time()
    found = []
    for (text, _), spans in zip(test, methods[name]()):
        _, offsets = encode(text)
        found.append(text_triples(text, spans, offsets))
    seconds = time.process_time() - begun
    score = spo_f1([x.triples for x in test], found)
    values = score.precision, score.recall, score.f1
    table.append((name, *(f"{100 * value:.2f}" for value in values), f"{seconds:.0f}"))
    path = os.path.join(args.save, f"{name}.json")
    write_jsonl(path, [spo_record(x.text, y) for x, y in zip(test, found)])
    print(f"\n{name}: {path}\n{test[0].text}\n{found[0]}")
print("\n" + text_table(table))
