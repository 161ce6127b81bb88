"""Sentiment of Chinese reviews: one model, trained once for each training trick.

    python examples/sentiment_classification.py                              # generated reviews
    python examples/sentiment_classification.py --tricks plain fgm pgd r_drop tiger
    python examples/sentiment_classification.py --data sentiment/ --maxlen 96 --epochs 4
    python examples/sentiment_classification.py --data sentiment/ --config chinese_bert/

`--data` is a folder with sentiment.train.data, sentiment.valid.data and sentiment.test.data, lines
of text<tab>label; without the last the validation file is halved. Each trick is a line on the
model (kexue.fm/archives/7234), its optimizer or its builder; all else is equal, also the seed.
"""

import argparse
import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx import optimizers, training
from kerasx.callbacks import EMAEvaluation, Evaluator, FlushGradients, TrainingCurve
from kerasx.data import BucketDataset
from kerasx.datasets import generate_reviews
from kerasx.files import read_tsv
from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.models import bert_config, build_transformer_model
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab, save_vocab

AdamW = keras.optimizers.AdamW
MODEL_TRICKS = {
    "plain": lambda model: model,
    "fgm": lambda model: training.adversarial_training(model, epsilon=0.5),
    "pgd": lambda model: training.adversarial_training(model, epsilon=0.5, steps=3),
    "gradient_penalty": lambda model: training.gradient_penalty(model, epsilon=1.0),
    "vat": lambda model: training.virtual_adversarial_training(model, epsilon=0.5, xi=0.5),
    "r_drop": lambda model: training.r_drop(model, alpha=4.0),
    "flooding": lambda model: training.flooding(model, level=0.1),
    "noise": lambda model: training.random_noise(model, stddev=0.02),
}
Averaged = optimizers.extend_with_exponential_moving_average(AdamW)
Accumulating = optimizers.extend_with_gradient_accumulation(AdamW)
OPTIMIZER_TRICKS = {
    "tiger": optimizers.Tiger,
    "ema": lambda rate: Averaged(rate, ema_momentum=0.99),
    "accumulation": lambda rate: Accumulating(rate, grad_accum_steps=2),
}
TRICKS = [*MODEL_TRICKS, *OPTIMIZER_TRICKS, "recompute"]

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="folder of the reviews; generated ones by default")
parser.add_argument("--config", help="folder or configuration of a pretrained BERT")
parser.add_argument("--checkpoint", help="its weights, if --config is not their folder")
parser.add_argument("--vocab", help="its vocabulary; vocab.txt beside the configuration by default")
parser.add_argument("--tricks", nargs="+", choices=TRICKS, default=["plain", "fgm", "r_drop"])
parser.add_argument("--reviews", type=int, default=2400, help="generated training reviews")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=1, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64, help="tokens; longer reviews are cut")
parser.add_argument("--picture", action="store_true", help="draw the curves; needs matplotlib")
parser.add_argument("--save", default="runs/sentiment_classification", help="folder of the models")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)

# Data: texts and their labels, 1 for praise

if args.data:
    path = os.path.join(args.data, "sentiment.{}.data").format
    train, valid = (read_tsv(path(part), labels=(0, 1)) for part in ("train", "valid"))
    if os.path.exists(path("test")):
        test = read_tsv(path("test"), labels=(0, 1))
    else:
        valid, test = valid[::2], valid[1::2]
else:
    n = max(args.reviews // 6, 1)
    reviews = [(r.text, r.sentiment) for r in generate_reviews(args.reviews + 2 * n, args.seed)]
    valid, test, train = reviews[:n], reviews[n : 2 * n], reviews[2 * n :]
print(f"{len(train)} reviews to learn from, {len(valid)} for validation, {len(test)} for the test")

if args.config:
    config, vocabulary = args.config, load_vocab(args.vocab or args.config)
else:
    vocabulary = character_vocab((text for text, _ in train), min_count=2 if args.data else 1)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
tokenizer = Tokenizer(vocabulary, do_lower_case=True)
save_vocab(os.path.join(args.save, "vocab.txt"), vocabulary)


def dataset(rows, batch_size=args.batch_size, **options):
    examples = [(tokenizer.encode(text, maxlen=args.maxlen), label) for text, label in rows]
    return BucketDataset(examples, batch_size, max_shapes=4, seed=args.seed, **options)


def accuracy(model, rows):
    data = dataset(rows, 128, shuffle=False)
    logits = data.restore(model.predict(data, verbose=0))
    return float(np.mean(logits.argmax(-1) == [label for _, label in rows]))


# Training: the same model, data and seed for each trick; the weights of the best epoch count


def train_with(trick):
    """(model, row of the table)."""
    print(f"\n{trick}")
    keras.utils.set_random_seed(args.seed)
    recompute = True if trick == "recompute" else None
    bert = build_transformer_model(config, args.checkpoint, recompute=recompute)
    pooled = (FirstToken() if args.config else GlobalAveragePooling1D())(bert.output)
    model = keras.Model(bert.inputs, keras.layers.Dense(2, name="Sentiment")(pooled))
    batches = dataset(train, args.batch_size // 2 if trick == "accumulation" else args.batch_size)
    peak = args.learning_rate or (2e-5 if args.config else 3e-3)
    rate = optimizers.warmup_cosine(peak, args.epochs * -(-len(train) // args.batch_size))
    optimizer = OPTIMIZER_TRICKS.get(trick, AdamW)(rate)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    if trick in MODEL_TRICKS:
        model = MODEL_TRICKS[trick](model)
    path = os.path.join(args.save, f"{trick}.weights.h5")
    best = Evaluator(lambda model: {"accuracy": accuracy(model, valid)}, path, load_best=True)
    begun, seconds = [], []
    stopwatch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begun.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: seconds.append(time.perf_counter() - begun[-1]),
    )
    evaluation = EMAEvaluation(best) if trick == "ema" else best
    callbacks = [stopwatch, FlushGradients(each_epoch=True), evaluation]
    if args.picture:
        callbacks.append(TrainingCurve(os.path.join(args.save, f"{trick}.png"), title=trick))
    model.fit(batches, epochs=args.epochs, shuffle=False, callbacks=callbacks)
    return model, (trick, best.best, accuracy(model, test), min(seconds))


results = [train_with(trick) for trick in args.tricks]

# Results: what each trick is worth, and what it costs

rows = [("trick", "validation", "test", "seconds per epoch")]
rows += [(name, f"{v:.2%}", f"{t:.2%}", f"{s:.1f}") for _, (name, v, t, s) in results]
print("\n" + text_table(rows))
best, (name, *_) = max(results, key=lambda result: result[1][1])
keras.Model(best.inputs, best.outputs).save(os.path.join(args.save, "model.keras"))
print(f"\nbest by validation: {name}; model and vocabulary saved in {args.save}")
