"""A contrastive batch in chunks has its exact gradient at a chunk's memory, and retrieves better.

A small BERT (width 64, one block, no dropout) learns which sentence of an abstract belongs to a
title, among the sentences of its batch (InfoNCE). The gradient of a batch of 128 in 1, 2 and 8
chunks is compared, with the peak of memory of a step. Then 1,024 pairs are seen once, never more
than 16 in memory: in batches of 16, in batches of 64 and 128 that are encoded in chunks of 16, and
in batches of 16 whose gradients are added up over 128 pairs, as other losses allow. The learning
rate of each is the best of a grid by factors of about 3 on a seed not shown here; 500 new titles
are the test.
"""

import keras
import numpy as np
from keras import ops

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import flattened, peak_memory, plot_mean
from kerasx.data import sequence_padding
from kerasx.datasets import generate_papers
from kerasx.layers import GlobalAveragePooling1D
from kerasx.losses import InfoNCE
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import extend_with_gradient_accumulation
from kerasx.tokenizers import Tokenizer, character_vocab
from kerasx.training import contrastive_accumulation

SOURCE = "kexue.fm/archives/8471; GradCache, arXiv 2101.06983"
SMALL = {"pairs": 32, "test": 10, "width": 8, "batch": 16}
LENGTH, CHUNK = 32, 16
# batch, batches whose gradients are added up, learning rate
WAYS = {
    "batches of 16": (16, 1, 3e-4),
    "64 in chunks": (64, 1, 1e-3),
    "128 in chunks": (128, 1, 3e-3),
    "16, added up to 128": (16, 8, 3e-3),
}
Accumulated = extend_with_gradient_accumulation(keras.optimizers.Adam)


def load(seed, n):
    """Return ids (n, 2, LENGTH) of titles and the sentences that tell them, and the tokenizer."""
    pairs = [(p.title, p.abstract.split("。")[1]) for p in generate_papers(n, seed)]
    tokenizer = Tokenizer(character_vocab(x for pair in pairs for x in pair))
    ids = [tokenizer.encode(x, maxlen=LENGTH)[0] for pair in pairs for x in pair]
    return sequence_padding(ids, LENGTH).astype("int32").reshape(n, 2, LENGTH), tokenizer


def build(tokenizer, width):
    """Return a model from pairs of texts (b, 2, n) to pairs of vectors (b, 2, width)."""
    bert = build_transformer_model(bert_config(tokenizer.vocab_size, width, dropout_rate=0.0))
    encoder = keras.Model(bert.inputs, GlobalAveragePooling1D()(bert.output))
    pair = keras.Input((2, LENGTH), dtype="int32")
    vectors = [encoder([x, ops.zeros_like(x)]) for x in (pair[:, 0], pair[:, 1])]
    return keras.Model(pair, ops.stack(vectors, axis=1))


def step(model, weights, batch, chunks):
    """Return the gradient of a batch, as the change of the weights by SGD, and the peak in MiB."""
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(1.0), InfoNCE())
    contrastive_accumulation(model, chunks)
    peak = peak_memory(lambda: model.train_on_batch(batch, np.zeros(len(batch))))
    changes = [old - new for old, new in zip(weights, model.get_weights())]
    return flattened(changes), peak


def accuracies(model, way, train, test):
    """Return the share of test titles whose own sentence is the nearest, at four points."""
    batch, accumulated, rate = way
    model.compile(Accumulated(rate, grad_accum_steps=accumulated), InfoNCE())
    contrastive_accumulation(model, batch // CHUNK)
    found = []
    for part in np.array_split(train, 4):
        model.fit(part, np.zeros(len(part)), batch_size=batch, verbose=0)
        vectors = model.predict(test, verbose=0)
        title, sentence = np.moveaxis(
            vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), 1, 0
        )
        found.append(np.mean((title @ sentence.T).argmax(1) == np.arange(len(test))))
    return found


def measure(seed, pairs=1024, test=500, width=64, batch=128):
    ids, tokenizer = load(seed, test + pairs)
    model, figures = build(tokenizer, width), {}
    weights, one = model.get_weights(), ids[:batch]
    step(model, weights, one, 1)  # libraries keep some memory after their first use
    whole, figures["MiB of a step, 1 chunk"] = step(model, weights, one, 1)
    for chunks in (2, 8):
        gradient, peak = step(model, weights, one, chunks)
        error = np.linalg.norm(gradient - whole) / np.linalg.norm(whole)
        figures[f"MiB of a step, {chunks} chunks"] = peak
        figures[f"error of the gradient, {chunks} chunks"] = error
    for name, way in WAYS.items():
        model.set_weights(weights)
        curve = accuracies(model, way, ids[test:], ids[:test])
        figures |= {f"test accuracy, {name}": curve[-1], f"accuracies, {name}": curve}
    return figures


def judge(figures):
    error = figures["error of the gradient, 8 chunks"].max()
    memory = figures["MiB of a step, 8 chunks"] / figures["MiB of a step, 1 chunk"]
    chunked, accumulated, small = (
        figures[f"test accuracy, {name}"]
        for name in ("128 in chunks", "16, added up to 128", "batches of 16")
    )
    exact = error < 1e-5 and memory.mean() < 0.25
    better = [higher(chunked, accumulated), higher(chunked, small)]
    verdict = FAILS if not exact else HOLDS if all(better) else PARTLY
    return verdict, (
        f"8 chunks take {memory.mean():.0%} of the memory, the gradient differs by {error:.1g}; "
        f"accuracy {chunked.mean():.3f} with 128 in chunks, {accumulated.mean():.3f} with ordinary "
        f"accumulation to 128, {small.mean():.3f} with eight times as many updates of 16."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2, width_ratios=(2, 3))
    counts = ("1 chunk", "2 chunks", "8 chunks")
    heights = [figures[f"MiB of a step, {count}"].mean() for count in counts]
    left.bar(counts, heights, color="tab:gray")
    left.set(ylabel="peak memory of a step of 128, MiB")
    for name, style in zip(WAYS, ("-", "--", "-.", ":")):
        curves = figures[f"accuracies, {name}"]
        plot_mean(right, np.arange(1, 5) / 4, curves, name, linestyle=style, marker=".")
    right.set(xlabel="share of the pairs seen", ylabel="test accuracy", ylim=(0.75, 1))
    right.legend()
