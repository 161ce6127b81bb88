"""Events and their arguments from Chinese text, by GPLinker, in the form of LIC2020.

    python examples/event_extraction.py                                 # generated texts
    python examples/event_extraction.py --data train.json dev.json --config bert/ --epochs 20

`--data` are files of JSON lines as of LIC2020's event extraction (DuEE), to learn from and to test.
One EfficientGlobalPointer has a head for each pair of an event type and a role, of which the
trigger is one, and finds the arguments; two more link the first and the last tokens of arguments of
the same event. The events are the largest sets of arguments of a type in which each is linked with
each, so that a text may tell of several events of a type (kexue.fm/archives/8926). The scores
count arguments: type, role and text must be right, whichever event they are in.
"""

import argparse
import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx import data, tokenizers
from kerasx.datasets import generate_events, read_events
from kerasx.datasets.events import event_record
from kerasx.files import write_jsonl
from kerasx.layers import EfficientGlobalPointer
from kerasx.losses import GlobalPointerCrossentropy
from kerasx.metrics import event_f1, set_f1
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import warmup_cosine
from kerasx.spans import event_labels, linked_events, text_spans, token_spans
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs=2, help="files to learn from and to test; else generated texts")
parser.add_argument("--config", help="folder of a pretrained BERT and its vocabulary")
parser.add_argument("--texts", type=int, default=1000, help="generated ones to learn from")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 2e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=128, help="tokens; longer texts are cut")
parser.add_argument("--save", default="runs/event_extraction", help="folder of what is found")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)

# Data: texts as ids, events as lists of spans of tokens

if args.data:
    train, test = (read_events(path, errors="skip") for path in args.data)
else:
    texts = generate_events(args.texts + 100)
    test, train = texts[:100], texts[100:]
if args.config:
    config, vocabulary = args.config, tokenizers.load_vocab(args.config)
else:
    vocabulary = tokenizers.character_vocab((x.text for x in train), min_count=2)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
tokenizer = tokenizers.Tokenizer(vocabulary, do_lower_case=True)
labels = sorted({label for x in train for event in x.events for *_, label in event})


def encode(text):
    tokens, offsets = tokenizer.tokenize_with_offsets(text, args.maxlen)
    return np.array(tokenizer.tokens_to_ids(tokens)), offsets


def token_events(text, events):
    """The events without the arguments that are cut off, or that tokens cannot tell."""
    offsets = encode(text)[1]
    return [token_spans(text, event, offsets, errors="skip") for event in events]


ids, test_ids = ([encode(x.text)[0] for x in part] for part in (train, test))
longest, known = max(map(len, ids + test_ids)), [token_events(*x) for x in train]
most = max(sum(len(x) * (len(x) + 1) // 2 for x in events) for events in known)  # links
print(f"{len(train)} texts to learn from, {len(test)} to test; {len(labels)} types and roles")

# Model: arguments, and the links of their first and of their last tokens


def inputs(ids):
    ids = data.sequence_padding(ids, longest)
    return [ids, np.zeros_like(ids)]


keras.utils.set_random_seed(0)
start = time.process_time()
bert = build_transformer_model(config)
heads = (len(labels), True), (1, False), (1, False)
pointers = [EfficientGlobalPointer(h, 32, RoPE=rotary)(bert.output) for h, rotary in heads]
model = keras.Model(bert.inputs, pointers)
y = zip(*(event_labels(events, longest, labels, most) for events in known))
peak = args.learning_rate or (2e-5 if args.config else 2e-3)
rate = warmup_cosine(peak, args.epochs * -(-len(train) // args.batch_size))
model.compile(keras.optimizers.AdamW(rate), [GlobalPointerCrossentropy(sparse=True)] * 3)
model.fit(inputs(ids), list(map(np.stack, y)), args.batch_size, args.epochs, verbose=2)

# Results

found = []
for i in range(0, len(test), args.batch_size):
    scores = model.predict_on_batch(inputs(test_ids[i : i + args.batch_size]))
    for (text, _), *parts in zip(test[i:], *scores):
        row, offsets = encode(text)
        scores = (part[:, : len(row), : len(row)] for part in parts)
        events = linked_events(*scores, labels)
        spans = [text_spans(text, event, offsets) for event in events]
        found.append(event_record(text, [event for event in spans if event]))
gold = [event_record(text, events) for text, events in test]
score = event_f1(*([record["event_list"] for record in x] for x in (gold, found)))
whole = set_f1(*([list(map(str, record["event_list"])) for record in x] for x in (gold, found)))
path = os.path.join(args.save, "events.json")
write_jsonl(path, found)
print(f"\n{path}")
for event in found[0]["event_list"]:
    print(event)
table = [("in %", "precision", "recall", "F1")]
for name, x in (("arguments", score), ("whole events", whole)):
    table.append((name, *(f"{100 * part:.2f}" for part in x[:3])))
print("\n" + text_table(table), f"{time.process_time() - start:.0f} CPU seconds", sep="\n")
