"""Losses of several labels side by side: ZLPR against binary cross-entropy.

    python -m benchmarks.multilabel_losses [--data multilabel_car/train_2.csv] [--seeds 2]

Data, model and training are those of `examples/multilabel_reviews.py`, whose arguments this command
takes, too. The mean over the seeds is given with the standard deviation.
"""

import argparse
import os

import keras
import numpy as np

from examples import multilabel_reviews as example
from kerasx.losses import MultilabelCategoricalCrossentropy
from kerasx.text import text_table

LOSSES = {
    "zlpr": MultilabelCategoricalCrossentropy,
    "binary": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
}


def train_and_score(name, reviews, start, args, seed):
    """Return (model, scores in validation, scores in the test)."""
    print(f"\n{name}, seed {seed}")
    model = example.train(LOSSES[name](), name, reviews, start, args, seed)
    parts = reviews.valid, reviews.test
    return model, *(example.scores(model, part, start, args) for part in parts)


def cell(values):
    spread = f" ± {100 * np.std(values):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{spread}"


def main(args):
    os.makedirs(args.save, exist_ok=True)
    reviews, start = example.load(args)
    runs = {name: [] for name in LOSSES}
    for seed in range(args.seeds):
        for name in LOSSES:
            runs[name].append(train_and_score(name, reviews, start, args, seed))

    names = [f"{part} {metric}" for part in ("validation", "test") for metric in example.METRICS]
    table = [("loss, %", *names)]
    for name in LOSSES:
        valid = [[run[1][metric] for run in runs[name]] for metric in example.METRICS]
        test = [[run[2][metric] for run in runs[name]] for metric in example.METRICS]
        table.append((name, *map(cell, valid + test)))
    print("\n" + text_table(table) + "\n")
    everything = [run for name in LOSSES for run in runs[name]]
    best = max(everything, key=lambda run: run[1]["micro-F1"])
    example.save(best[0], reviews, start, args)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[example.parser], add_help=False)
    parser.add_argument("--seeds", type=int, default=2, help="models for each loss")
    main(parser.parse_args())
