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

from kerasx.data import sequence_padding
from kerasx.datasets import generate_events, read_events
from kerasx.datasets.events import event_record
from kerasx.files import write_jsonl
from kerasx.layers import EfficientGlobalPointer
from kerasx.losses import GlobalPointerCrossentropy
from kerasx.metrics import event_f1, set_f1
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.spans import event_labels, linked_events, text_spans, token_spans
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs=2, help="files to learn from and to test; else generated texts")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
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
labels = sorted({label for x in train for event in x.events for *_, label in event})
print(f"{len(train)} texts to learn from, {len(test)} to test; {len(labels)} types and roles")
start = starting_point(
    args.config,
    (x.text for x in train),
    args.hidden_size,
    args.layers,
    args.maxlen,
    min_count=2,
    learning_rate=2e-3,
)
tokenizer = start.tokenizer


def encode(text):
    """Return the token ids of a text, and where in the text each token is."""
    tokens, offsets = tokenizer.tokenize_with_offsets(text, args.maxlen)
    return tokenizer.tokens_to_ids(tokens), offsets


def token_events(text, events):
    """Return the events without the arguments that are cut off, or that tokens cannot tell."""
    _, offsets = encode(text)
    return [token_spans(text, event, offsets, errors="skip") for event in events]


ids = [encode(x.text)[0] for x in train]
test_ids = [encode(x.text)[0] for x in test]
longest = max(map(len, ids + test_ids))
events = [token_events(x.text, x.events) for x in train]

# Model: arguments, and the links of their first and of their last tokens

keras.utils.set_random_seed(0)
bert = build_transformer_model(start.config)
arguments = EfficientGlobalPointer(len(labels), 32)(bert.output)
heads = EfficientGlobalPointer(1, 32, RoPE=False)(bert.output)
tails = EfficientGlobalPointer(1, 32, RoPE=False)(bert.output)
model = keras.Model(bert.inputs, [arguments, heads, tails])

# Training

begun = time.process_time()
peak = args.learning_rate or start.learning_rate
schedule = warmup_cosine(peak, args.epochs * -(-len(train) // args.batch_size))
loss = GlobalPointerCrossentropy(sparse=True)
model.compile(keras.optimizers.AdamW(schedule), [loss, loss, loss])
links = max(sum(len(event) * (len(event) + 1) // 2 for event in x) for x in events)
y = [event_labels(x, longest, labels, links) for x in events]
x = sequence_padding(ids, longest)
model.fit(
    [x, np.zeros_like(x)],
    [np.stack(part) for part in zip(*y)],
    batch_size=args.batch_size,
    epochs=args.epochs,
    callbacks=[keras.callbacks.TerminateOnNaN()],
    verbose=2,
)

# Results: the events of each text of the test, in LIC2020's form


def decode(*scores):
    return linked_events(*scores, labels)


found = []
for (text, _), events in zip(test, Predictor(model, batch_size=args.batch_size)(test_ids, decode)):
    _, offsets = encode(text)
    spans = [text_spans(text, event, offsets) for event in events]
    found.append(event_record(text, [event for event in spans if event]))
path = os.path.join(args.save, "events.json")
write_jsonl(path, found)
print(f"\n{path}")
for event in found[0]["event_list"]:
    print(event)

gold_events = [event_record(text, events)["event_list"] for text, events in test]
found_events = [record["event_list"] for record in found]
scores = {
    "arguments": event_f1(gold_events, found_events),
    "whole events": set_f1(
        [[str(event) for event in events] for events in gold_events],
        [[str(event) for event in events] for events in found_events],
    ),
}
table = [("in %", "precision", "recall", "F1")]
for name, score in scores.items():
    values = score.precision, score.recall, score.f1
    table.append((name, *(f"{100 * value:.2f}" for value in values)))
print("\n" + text_table(table), f"{time.process_time() - begun:.0f} CPU seconds", sep="\n")
