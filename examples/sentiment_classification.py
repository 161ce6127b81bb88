"""Sentiment of Chinese reviews: a classifier, regularized by R-Drop in one more line.

    python examples/sentiment_classification.py                              # generated reviews
    python examples/sentiment_classification.py --alpha 0                    # plain training
    python examples/sentiment_classification.py --data sentiment/ --maxlen 96 --epochs 4
    python examples/sentiment_classification.py --data sentiment/ --config chinese_bert/

`--data` is a folder with sentiment.train.data, sentiment.valid.data and sentiment.test.data, lines
of text<tab>label; without the last the validation file is halved. R-Drop passes each
text twice, with different dropout, and keeps the two predictions close (arXiv 2106.14448).
`python -m benchmarks.training_tricks` compares it with FGM, PGD, VAT and others.
"""

import argparse
import os
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.callbacks import Evaluator
from kerasx.data import BucketDataset
from kerasx.datasets import generate_reviews
from kerasx.files import read_tsv
from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.models import Predictor, build_transformer_model, save_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.training import r_drop

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="folder of the reviews; generated ones by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--reviews", type=int, default=2400, help="generated training reviews")
parser.add_argument("--alpha", type=float, default=4.0, help="weight of R-Drop; 0: plain training")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=1, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64, help="tokens; longer reviews are cut")
parser.add_argument("--save", default="runs/sentiment_classification", help="folder of the model")
parser.add_argument("--seed", type=int, default=0)


class Reviews(NamedTuple):
    """Rows (text, label), where 1 is praise."""

    train: list
    valid: list
    test: list


def load(args):
    """Return the reviews, and what to start from."""
    if args.data:
        reviews = read_folder(args.data)
    else:
        n = max(args.reviews // 6, 1)
        generated = generate_reviews(args.reviews + 2 * n, args.seed)
        rows = [(review.text, review.sentiment) for review in generated]
        reviews = Reviews(rows[2 * n :], rows[:n], rows[n : 2 * n])
    train, valid, test = map(len, reviews)
    print(f"{train} reviews to learn from, {valid} for validation, {test} for the test")
    start = starting_point(
        args.config,
        (text for text, _ in reviews.train),
        args.hidden_size,
        args.layers,
        args.maxlen,
        min_count=2 if args.data else 1,
    )
    return reviews, start


def read_folder(folder):
    path = os.path.join(folder, "sentiment.{}.data").format
    train, valid = (read_tsv(path(part), labels=(0, 1)) for part in ("train", "valid"))
    if not os.path.exists(path("test")):
        return Reviews(train, valid[::2], valid[1::2])
    return Reviews(train, valid, read_tsv(path("test"), labels=(0, 1)))


def build_classifier(start, seed, **options):
    """Return a model of the logits of the two labels."""
    keras.utils.set_random_seed(seed)
    bert = build_transformer_model(start.config, **options)
    pool = FirstToken() if start.pretrained else GlobalAveragePooling1D()
    return keras.Model(bert.inputs, keras.layers.Dense(2, name="Sentiment")(pool(bert.output)))


def batches(rows, start, args, batch_size):
    encode = start.tokenizer.encode
    examples = [(encode(text, maxlen=args.maxlen), label) for text, label in rows]
    return BucketDataset(examples, batch_size, max_shapes=4, seed=args.seed)


def learning_rate(reviews, start, args):
    """Return the learning rate of each step."""
    steps = args.epochs * -(-len(reviews.train) // args.batch_size)
    return warmup_cosine(args.learning_rate or start.learning_rate, steps)


def accuracy(model, rows, start, args):
    predict = Predictor(model, start.tokenizer, batch_size=128, maxlen=args.maxlen)
    logits = predict([text for text, _ in rows])
    return float(np.mean(logits.argmax(-1) == [label for _, label in rows]))


def evaluator(name, reviews, start, args):
    """Return the callback that keeps the weights of the best epoch."""

    def measure(model):
        return {"accuracy": accuracy(model, reviews.valid, start, args)}

    path = os.path.join(args.save, f"{name}.weights.h5")
    return Evaluator(measure, path, load_best=True)


def save(model, start, args):
    """Write the model without its optimizer, its vocabulary and the names of the labels."""
    model = keras.Model(model.inputs, model.outputs)
    save_model(args.save, model, start.tokenizer, labels=["negative", "positive"])
    print(f"model and vocabulary saved in {args.save}")


def main(args):
    os.makedirs(args.save, exist_ok=True)
    reviews, start = load(args)

    # The model is compiled as any other; the trick is a line on it

    model = build_classifier(start, args.seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(learning_rate(reviews, start, args)), loss)
    if args.alpha:
        model = r_drop(model, alpha=args.alpha)
    best = evaluator("r_drop", reviews, start, args)
    dataset = batches(reviews.train, start, args, args.batch_size)
    callbacks = [best, keras.callbacks.TerminateOnNaN()]
    model.fit(dataset, epochs=args.epochs, shuffle=False, callbacks=callbacks)

    print(f"\naccuracy in validation: {best.best:.2%}")
    print(f"accuracy in the test: {accuracy(model, reviews.test, start, args):.2%}")
    save(model, start, args)


if __name__ == "__main__":
    main(parser.parse_args())
