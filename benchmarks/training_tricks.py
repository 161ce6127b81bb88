"""Training tricks side by side: one classifier of sentiment, trained once with each.

    python -m benchmarks.training_tricks [--data sentiment/] [--tricks plain fgm pgd r_drop tiger]

Data, model and training are those of `examples/sentiment_classification.py`, whose arguments this
command takes, too. Each trick is a line on the model (kexue.fm/archives/7234), its optimizer or its
builder; everything else is equal, also the seed. The weights of the best epoch count.
"""

import argparse
import os
import time

import keras

from examples import sentiment_classification as example
from kerasx import optimizers, training
from kerasx.callbacks import EMAEvaluation, FlushGradients, TrainingCurve
from kerasx.text import text_table

AdamW = keras.optimizers.AdamW
Averaged = optimizers.extend_with_exponential_moving_average(AdamW)
Accumulating = optimizers.extend_with_gradient_accumulation(AdamW)
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
OPTIMIZER_TRICKS = {
    "tiger": optimizers.Tiger,
    "ema": lambda rate: Averaged(rate, ema_momentum=0.99),
    "accumulation": lambda rate: Accumulating(rate, grad_accum_steps=2),
}
TRICKS = [*MODEL_TRICKS, *OPTIMIZER_TRICKS, "recompute"]


class Stopwatch(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.begun)


def compiled_model(trick, reviews, start, args):
    """Return the model with the trick applied."""
    recompute = True if trick == "recompute" else None
    model = example.build_classifier(start, args.seed, recompute=recompute)
    optimizer = OPTIMIZER_TRICKS.get(trick, AdamW)(example.learning_rate(reviews, start, args))
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return MODEL_TRICKS[trick](model) if trick in MODEL_TRICKS else model


def train(trick, reviews, start, args):
    """Return (model, best accuracy in validation, accuracy in the test, seconds per epoch)."""
    print(f"\n{trick}")
    model = compiled_model(trick, reviews, start, args)
    best, stopwatch = example.evaluator(trick, reviews, start, args), Stopwatch()
    evaluation = EMAEvaluation(best) if trick == "ema" else best
    callbacks = [stopwatch, FlushGradients(each_epoch=True), evaluation]
    if args.picture:
        callbacks.append(TrainingCurve(os.path.join(args.save, f"{trick}.png"), title=trick))
    micro_batches = 2 if trick == "accumulation" else 1
    dataset = example.batches(reviews.train, start, args, args.batch_size // micro_batches)
    model.fit(dataset, epochs=args.epochs, shuffle=False, callbacks=callbacks)
    test = example.accuracy(model, reviews.test, start, args)
    return model, best.best, test, min(stopwatch.seconds)


def main(args):
    os.makedirs(args.save, exist_ok=True)
    reviews, start = example.load(args)
    runs = {trick: train(trick, reviews, start, args) for trick in args.tricks}
    rows = [("trick", "validation", "test", "seconds per epoch")]
    for trick, (_, valid, test, seconds) in runs.items():
        rows.append((trick, f"{valid:.2%}", f"{test:.2%}", f"{seconds:.1f}"))
    print("\n" + text_table(rows))
    best = max(runs, key=lambda trick: runs[trick][1])
    print(f"\nthe best by validation is {best}")
    example.save(runs[best][0], start, args)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[example.parser], add_help=False)
    default = ["plain", "fgm", "r_drop"]
    parser.add_argument("--tricks", nargs="+", choices=TRICKS, default=default)
    parser.add_argument("--picture", action="store_true", help="draw the curves")
    main(parser.parse_args())
