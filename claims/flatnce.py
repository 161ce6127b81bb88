"""In small batches FlatNCE trains vectors that retrieve better than those of InfoNCE.

A small BERT (width 64, one block, no dropout) learns which sentence of an abstract belongs to a
title, among the sentences of its batch: 1,024 pairs, seen once, in batches of 4, 8 and 32 pairs.
500 new titles are the test. The learning rate of each loss and batch is the best of 1e-4, 3e-4,
1e-3 and 3e-3 on a seed not shown here.
"""

import keras
import numpy as np

from claims.contrastive_accumulation import build, load
from claims.running import FAILS, HOLDS, PARTLY, higher
from kerasx.losses import FlatNCE, InfoNCE

SOURCE = "kexue.fm/archives/8586; arXiv 2107.01152"
SMALL = {"pairs": 8, "test": 4, "width": 8, "batches": (4,)}
LOSSES = {"InfoNCE": InfoNCE, "FlatNCE": FlatNCE}
RATES = {
    ("InfoNCE", 4): 1e-4,
    ("InfoNCE", 8): 3e-4,
    ("InfoNCE", 32): 1e-3,
    ("FlatNCE", 4): 3e-4,
    ("FlatNCE", 8): 1e-3,
    ("FlatNCE", 32): 1e-3,
}


def accuracy(model, loss, rate, batch, train, test):
    """Return the share of test titles whose own sentence is the nearest after training."""
    model.compile(keras.optimizers.Adam(rate), loss())
    model.fit(train, np.zeros(len(train)), batch_size=batch, verbose=0)
    vectors = model.predict(test, verbose=0)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    nearest = (vectors[:, 0] @ vectors[:, 1].T).argmax(1)
    return np.mean(nearest == np.arange(len(test)))


def measure(seed, pairs=1024, test=500, width=64, batches=(4, 8, 32)):
    ids, tokenizer = load(seed, test + pairs)
    model, figures = build(tokenizer, width), {}
    weights = model.get_weights()
    for batch in batches:
        for name, loss in LOSSES.items():
            model.set_weights(weights)
            found = accuracy(model, loss, RATES[name, batch], batch, ids[test:], ids[:test])
            figures[f"test accuracy, batches of {batch}, {name}"] = found
    return figures


def judge(figures):
    batches = [key.split(", ")[1] for key in figures][::2]
    pairs = [[figures[f"test accuracy, {b}, {name}"] for name in LOSSES] for b in batches]
    better = [higher(flat, info) for info, flat in pairs]
    worse = [higher(info, flat) for info, flat in pairs]
    verdict = HOLDS if better[0] and not any(worse) else PARTLY if any(better) else FAILS
    shown = "; ".join(
        f"{b} {info.mean():.3f} and {flat.mean():.3f}" for b, (info, flat) in zip(batches, pairs)
    )
    return verdict, f"Accuracies of InfoNCE and FlatNCE: {shown}."


def draw(picture, figures):
    axes = picture.subplots()
    for shift, (name, mark) in zip((-0.1, 0.1), zip(LOSSES, "os")):
        values = [x for key, x in figures.items() if key.endswith(name)]
        places = np.repeat(np.arange(len(values)) + shift, len(values[0]))
        axes.plot(places, np.ravel(values), mark, label=name)
    batches = [key.split(", ")[1] for key in figures][::2]
    axes.set_xticks(range(len(batches)), batches)
    axes.set(ylabel="test accuracy, one mark a seed", xlim=(-0.5, len(batches) - 0.5))
    axes.legend()
