"""Perturbed Masking finds words in a masked language model that was never told of words.

A RoFormer of characters (2 layers, 64 wide) learns masked characters of made-up sentences and
reviews, 800 updates of 32 texts. Neighbours are joined to a word where the mean of their impacts
reaches a threshold, chosen on 30 other texts. The words of the sentences are known, those of the
reviews are jieba's (KERASX_WORDS: a file of sentences with spaces instead). It is compared with the
weights at the start, a word a character, and joining by the mutual information of neighbours.
"""

import os
from collections import Counter

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean, train_masked
from kerasx.data import sequence_padding
from kerasx.datasets import generate_reviews, generate_segmented, read_segmented
from kerasx.metrics import segmentation_f1
from kerasx.models import build_transformer_model, starting_point
from kerasx.probing import impact_matrix, segment
from kerasx.tokenizers import jieba_cut

SOURCE = "kexue.fm/archives/7476; Wu et al., ACL 2020, arXiv 2004.14786"
PUBLISHED = (
    "dependency trees of PUD, UAS 41.7 (published, BERT base); the trees of your own texts and "
    "weights: `python examples/perturbed_masking.py --model bert/ --text TEXT`."
)
SMALL = {"texts": 40, "checkpoints": (1,), "chosen": 2, "tests": 2}
KINDS = ("sentences", "reviews")
OTHERS = ("weights at the start", "a word a character", "mutual information")
LONGEST = 30  # characters


def corpora(texts, seed):
    """Return {kind: texts as lists of words}."""
    path = os.environ.get("KERASX_WORDS")
    sentences = read_segmented(path) if path else generate_segmented(texts, seed)
    reviews = (jieba_cut(review.text) for review in generate_reviews(2 * texts, seed))
    return {
        kind: [row for row in rows if 2 <= len("".join(row)) <= LONGEST][:texts]
        for kind, rows in zip(KINDS, (sentences, reviews))
    }


def impacts_of(encoder, tokenizer, texts):
    """Return the impacts of neighbours, one (T, T) a text."""
    return [
        impact_matrix(
            encoder, tokenizer.encode(text)[0], tokenizer.mask_id, reach=1, maxlen=LONGEST + 2
        )
        for text in map("".join, texts)
    ]


def joined(texts, impacts, threshold):
    """Return the words of texts, joined where impacts reach a threshold."""
    rows = zip(map("".join, texts), impacts)
    return [[text[a:b] for a, b in segment(matrix, threshold)] for text, matrix in rows]


def tuned_f1(texts, impacts, chosen):
    """Return the F1 of the words, the threshold chosen on the first texts."""
    near = np.concatenate([np.diagonal(x, 1) + np.diagonal(x, -1) for x in impacts[:chosen]]) / 2
    thresholds = np.quantile(near, np.linspace(0, 1, 21))

    def f1(threshold, part):
        return segmentation_f1(texts[part], joined(texts[part], impacts[part], threshold)).f1

    best = max(thresholds, key=lambda threshold: f1(threshold, slice(chosen)))
    return f1(best, slice(chosen, None))


def information_of(texts, train):
    """Return the pointwise mutual information of neighbours in the form of impacts."""
    counts = Counter("".join(train))
    pairs = Counter(a + b for text in train for a, b in zip(text, text[1:]))

    def information(a, b):
        expected = counts[a] * counts[b] / counts.total()
        return np.log(pairs[a + b] / expected) if pairs[a + b] else -10

    values = ([information(a, b) for a, b in zip(text, text[1:])] for text in map("".join, texts))
    return [np.diag(row, 1) + np.diag(row, -1) for row in values]


def measure(seed, texts=2500, checkpoints=(200, 400, 800), chosen=30, tests=60):
    data = corpora(texts + chosen + tests, seed)
    held = {kind: rows[: chosen + tests] for kind, rows in data.items()}
    train = ["".join(row) for rows in data.values() for row in rows[chosen + tests :]]
    start = starting_point(None, map("".join, sum(data.values(), [])), 64, 2, dropout_rate=0.0)
    ids = sequence_padding([start.tokenizer.encode(x)[0] for x in train], LONGEST + 2)
    bert = build_transformer_model(start.config, model="roformer", with_mlm="linear")
    encoder = keras.Model(bert.inputs, bert.get_layer("Transformer-1-FeedForward-Norm").output)

    def score(rows, impacts):
        return 100 * tuned_f1(rows, impacts, chosen)

    def by_masking():
        return [score(x, impacts_of(encoder, start.tokenizer, x)) for x in held.values()]

    curve = [by_masking()]
    losses = []
    for loss in train_masked(bert, start.tokenizer, ids, checkpoints[-1], 4e-3, seed):
        losses.append(loss)
        if len(losses) in checkpoints:
            curve.append(by_masking())
    figures = {"updates": [0, *checkpoints]}
    figures |= {
        "loss of masked characters, first 20 updates": np.mean(losses[:20]),
        "loss of masked characters, last 20 updates": np.mean(losses[-20:]),
    }
    for kind, column in zip(KINDS, zip(*curve)):
        rows = held[kind]
        single = segmentation_f1(rows[chosen:], [list("".join(row)) for row in rows[chosen:]]).f1
        figures |= {
            f"{kind}, F1 over updates": column,
            f"{kind}, Perturbed Masking": column[-1],
            f"{kind}, weights at the start": column[0],
            f"{kind}, a word a character": 100 * single,
            f"{kind}, mutual information": score(rows, information_of(rows, train)),
        }
    return figures


def judge(figures):
    better = {
        other: [
            higher(figures[f"{kind}, Perturbed Masking"], figures[f"{kind}, {other}"])
            for kind in KINDS
        ]
        for other in OTHERS
    }
    known = better["weights at the start"] + better["a word a character"]
    verdict = HOLDS if all(known) else PARTLY if any(known) else FAILS
    found = "; ".join(
        f"F1 on {kind} {figures[f'{kind}, Perturbed Masking'].mean():.1f}%, "
        + ", ".join(f"{name} {figures[f'{kind}, {name}'].mean():.1f}%" for name in OTHERS)
        for kind in KINDS
    )
    return verdict, f"{found}."


def draw(picture, figures):
    for axes, kind in zip(picture.subplots(1, 2, sharey=True), KINDS):
        updates = figures["updates"][0]
        plot_mean(
            axes, updates, figures[f"{kind}, F1 over updates"], "Perturbed Masking", marker="o"
        )
        for name, style in zip(OTHERS[1:], ("--", ":")):
            axes.axhline(figures[f"{kind}, {name}"].mean(), color="black", ls=style, label=name)
        axes.set(title=kind, xlabel="updates of the masked language model", ylim=(0, 100))
    picture.axes[0].set(ylabel="F1 of the words (%)")
    picture.axes[1].legend()
