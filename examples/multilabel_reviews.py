"""The subjects that a Chinese review speaks of: several of them, or one, by the loss ZLPR.

    python examples/multilabel_reviews.py                                   # generated reviews
    python examples/multilabel_reviews.py --data multilabel_car/train_2.csv --maxlen 96
    python examples/multilabel_reviews.py --data multilabel_car/train_2.csv --config chinese_bert/

`--data` is a CSV file with the columns content and subject; the rows of one content are the
subjects of one review. The model predicts the subjects with a score above 0. ZLPR compares each
subject with all other subjects instead of deciding each on its own (kexue.fm/archives/7359).
`python -m benchmarks.multilabel_losses` compares it with binary cross-entropy.
"""

import argparse
import csv
import os
import random
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.callbacks import Evaluator
from kerasx.data import BucketDataset
from kerasx.datasets import generate_reviews
from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.losses import MultilabelAccuracy, MultilabelCategoricalCrossentropy, MultilabelF1
from kerasx.models import Predictor, build_transformer_model, save_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.text import text_table

METRICS = {
    "micro-F1": MultilabelF1("micro"),
    "macro-F1": MultilabelF1("macro"),
    "exact": MultilabelAccuracy("subset"),
}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="CSV file of reviews; generated ones by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--reviews", type=int, default=800, help="generated training reviews")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=1, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64, help="tokens; longer reviews are cut")
parser.add_argument("--save", default="runs/multilabel_reviews", help="folder of the model")


class Reviews(NamedTuple):
    """Rows (text, a 0 or 1 for each subject), and the names of the subjects."""

    train: list
    valid: list
    test: list
    subjects: list


def load(args):
    """Return the reviews, and what to start from."""
    if args.data:
        reviews = read_reviews(args.data)
        random.Random(0).shuffle(reviews)
        held_out = len(reviews) // 10
    else:
        held_out = max(args.reviews // 4, 1)
        generated = generate_reviews(args.reviews + 2 * held_out)
        reviews = [(review.text, review.subjects) for review in generated]
    subjects = sorted({subject for _, named in reviews for subject in named})
    rows = [(text, [int(subject in named) for subject in subjects]) for text, named in reviews]
    train, valid, test = rows[2 * held_out :], rows[:held_out], rows[held_out : 2 * held_out]
    print(f"{len(train)} reviews to learn from, {held_out} for validation, {held_out} for the test")
    mean = np.mean([sum(labels) for _, labels in rows])
    print(f"{len(subjects)} subjects, {mean:.2f} a review: {subjects}")
    start = starting_point(
        args.config,
        (text for text, _ in train),
        args.hidden_size,
        args.layers,
        args.maxlen,
        min_count=2 if args.data else 1,
    )
    return Reviews(train, valid, test, subjects), start


def read_reviews(path):
    """Return (text, set of subjects) of each review in a CSV file."""
    found = {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["content"].strip(), set()).add(row["subject"])
    return sorted(found.items())


def scores(model, rows, start, args):
    """Return the value of each metric."""
    predict = Predictor(model, start.tokenizer, batch_size=128, maxlen=args.maxlen)
    logits = predict([text for text, _ in rows])
    labels = np.array([label for _, label in rows])
    for metric in METRICS.values():
        metric.reset_state()
        metric.update_state(labels, logits)
    return {name: float(metric.result()) for name, metric in METRICS.items()}


def train(loss, name, reviews, start, args, seed=0):
    """Return a trained model, of the epoch with the best micro-F1 in validation."""
    keras.utils.set_random_seed(seed)
    bert = build_transformer_model(start.config)
    pool = FirstToken() if start.pretrained else GlobalAveragePooling1D()
    logits = keras.layers.Dense(len(reviews.subjects), name="Subjects")(pool(bert.output))
    model = keras.Model(bert.inputs, logits)

    encode = start.tokenizer.encode
    examples = [(encode(text, maxlen=args.maxlen), labels) for text, labels in reviews.train]
    batches = BucketDataset(examples, args.batch_size, max_shapes=3, seed=seed)
    peak = args.learning_rate or start.learning_rate
    schedule = warmup_cosine(peak, args.epochs * len(batches))
    model.compile(keras.optimizers.AdamW(schedule), loss)

    def measure(model):
        return scores(model, reviews.valid, start, args)

    path = os.path.join(args.save, f"{name}-{seed}.weights.h5")
    best = Evaluator(measure, path, load_best=True)
    callbacks = [best, keras.callbacks.TerminateOnNaN()]
    model.fit(batches, epochs=args.epochs, shuffle=False, callbacks=callbacks)
    return model


def save(model, reviews, start, args):
    """Write the model without its optimizer, its vocabulary and the subjects."""
    model = keras.Model(model.inputs, model.outputs)
    save_model(args.save, model, start.tokenizer, labels=reviews.subjects)
    print(f"model, vocabulary and subjects saved in {args.save}")


def main(args):
    os.makedirs(args.save, exist_ok=True)
    reviews, start = load(args)
    model = train(MultilabelCategoricalCrossentropy(), "zlpr", reviews, start, args)

    rows = [("in %", *METRICS)]
    for name, part in (("validation", reviews.valid), ("test", reviews.test)):
        values = scores(model, part, start, args).values()
        rows.append((name, *(f"{100 * value:.2f}" for value in values)))
    print("\n" + text_table(rows) + "\n")
    save(model, reviews, start, args)


if __name__ == "__main__":
    main(parser.parse_args())
