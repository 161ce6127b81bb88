"""What a Chinese review speaks of: ZLPR against binary cross-entropy, all else equal.

    python examples/multilabel_reviews.py                                   # generated reviews
    python examples/multilabel_reviews.py --data multilabel_car/train_2.csv --maxlen 96
    python examples/multilabel_reviews.py --data multilabel_car/train_2.csv --config chinese_bert/

`--data` is a CSV file with the columns content and subject; the rows of one content are the
subjects of one review. Both losses predict the classes with a score above 0. ZLPR compares each
class with the others instead of deciding each on its own (kexue.fm/archives/7359).
"""

import argparse
import csv
import os
import random

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.callbacks import Evaluator
from kerasx.data import BucketDataset
from kerasx.datasets import generate_reviews
from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.losses import MultilabelAccuracy, MultilabelCategoricalCrossentropy, MultilabelF1
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import warmup_cosine
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab, save_vocab

LOSSES = {
    "zlpr": MultilabelCategoricalCrossentropy,
    "binary": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
}
METRICS = {
    "micro-F1": MultilabelF1("micro"),
    "macro-F1": MultilabelF1("macro"),
    "exact": MultilabelAccuracy("subset"),
}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="CSV file of reviews; generated ones by default")
parser.add_argument("--config", help="folder or configuration of a pretrained BERT")
parser.add_argument("--checkpoint", help="its weights, if --config is not their folder")
parser.add_argument("--vocab", help="its vocabulary; vocab.txt beside the configuration by default")
parser.add_argument("--reviews", type=int, default=800, help="generated training reviews")
parser.add_argument("--seeds", type=int, default=2, help="models for each loss")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=1, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64, help="tokens; longer reviews are cut")
parser.add_argument("--save", default="runs/multilabel_reviews", help="folder of the models")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)

# Data: texts, and a 0 or 1 for each subject

if args.data:
    found = {}
    with open(args.data, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["content"].strip(), set()).add(row["subject"])
    reviews = sorted(found.items())
    random.Random(0).shuffle(reviews)
    held_out = len(reviews) // 10
else:
    held_out = max(args.reviews // 4, 1)
    reviews = [(r.text, r.subjects) for r in generate_reviews(args.reviews + 2 * held_out)]
subjects = sorted({subject for _, named in reviews for subject in named})
rows = [(text, [int(subject in named) for subject in subjects]) for text, named in reviews]
valid, test, train = rows[:held_out], rows[held_out : 2 * held_out], rows[2 * held_out :]
print(f"{len(train)} reviews to learn from, {held_out} for validation, {held_out} for the test")
print(f"{len(subjects)} subjects, {np.mean([sum(y) for _, y in rows]):.2f} a review: {subjects}")

if args.config:
    config, vocabulary = args.config, load_vocab(args.vocab or args.config)
else:
    vocabulary = character_vocab((text for text, _ in train), min_count=2 if args.data else 1)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
tokenizer = Tokenizer(vocabulary, do_lower_case=True)
save_vocab(os.path.join(args.save, "vocab.txt"), vocabulary)


def dataset(rows, batch_size, **options):
    examples = [(tokenizer.encode(text, maxlen=args.maxlen), label) for text, label in rows]
    return BucketDataset(examples, batch_size, max_shapes=3, **options)


def scores(model, rows):
    data = dataset(rows, 128, shuffle=False)
    logits = data.restore(model.predict(data, verbose=0))
    for metric in METRICS.values():
        metric.reset_state()
        metric.update_state(np.array([label for _, label in rows]), logits)
    return {name: float(metric.result()) for name, metric in METRICS.items()}


# Training: the epoch of the best micro-F1 in validation counts


def train_with(loss, seed):
    """(model, scores in validation, scores in the test)."""
    keras.utils.set_random_seed(seed)
    bert = build_transformer_model(config, args.checkpoint)
    pooled = (FirstToken() if args.config else GlobalAveragePooling1D())(bert.output)
    model = keras.Model(bert.inputs, keras.layers.Dense(len(subjects), name="Subjects")(pooled))
    batches = dataset(train, args.batch_size, seed=seed)
    peak = args.learning_rate or (2e-5 if args.config else 3e-3)
    rate = warmup_cosine(peak, args.epochs * len(batches))
    model.compile(keras.optimizers.AdamW(rate), LOSSES[loss]())
    path = os.path.join(args.save, f"{loss}-{seed}.weights.h5")
    best = Evaluator(lambda model: scores(model, valid), path, load_best=True)
    model.fit(batches, epochs=args.epochs, shuffle=False, callbacks=[best])
    return model, scores(model, valid), scores(model, test)


results = {loss: [] for loss in LOSSES}
for loss, seed in ((loss, seed) for seed in range(args.seeds) for loss in LOSSES):
    print(f"\n{loss}, seed {seed}")
    results[loss].append(train_with(loss, seed))

# Results: means over the seeds, and how far the seeds lie apart


def cell(values):
    spread = f" ± {100 * np.std(values):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{spread}"


rows = [("loss, %", *(f"{part} {name}" for part in ("validation", "test") for name in METRICS))]
for loss, runs in results.items():
    rows.append((loss, *(cell([run[part][k] for run in runs]) for part in (1, 2) for k in METRICS)))
print("\n" + text_table(rows))
best, *_ = max((run for runs in results.values() for run in runs), key=lambda r: r[1]["micro-F1"])
keras.Model(best.inputs, best.outputs).save(os.path.join(args.save, "model.keras"))
print(f"\nbest model by validation, and the vocabulary, saved in {args.save}")
