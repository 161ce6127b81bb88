"""Speculative decoding: greedy tokens per second with a draft model and without.

    python -m benchmarks.speculative [--backends tensorflow jax torch] [--rounds 5] [--steps 200]

A language model of 6 layers of 384 and a draft of 1 layer of 128 learn made-up abstracts, once, on
PyTorch; then each backend continues beginnings of other abstracts in a process of its own, with and
without drafts of 4 tokens. The tokens are the same. How much drafts save depends on how often the
model agrees with them, which is printed: such texts are easy to guess.
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.harness import BACKENDS, installed, interleave, report, rows, run

SIZES = {"large": (6, 384, 1536), "draft": (1, 128, 512)}
LENGTH, PROMPT, NEW, DRAFT = 96, 16, 64, 4


def texts():
    """(abstracts to learn from, others, the vocabulary)."""
    from kerasx.datasets import generate_papers
    from kerasx.tokenizers import character_vocab

    abstracts = [paper.abstract for paper in generate_papers(6000)]
    return abstracts[200:], abstracts[:200], character_vocab(abstracts)


def build(name, vocabulary):
    from kerasx.models import build_transformer_model

    layers, hidden, intermediate = SIZES[name]
    config = dict(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        intermediate_size=intermediate,
        max_position_embeddings=LENGTH,
    )
    options = dict(application="lm", norm_position="pre", dropout_rate=0.0)
    return build_transformer_model(config, model="roformer", with_mlm="linear", **options)


def train(folder, steps):
    """Train both models and save their weights."""
    import keras

    from kerasx.losses import MaskedCrossEntropy
    from kerasx.optimizers import warmup_cosine

    train, _, vocabulary = texts()
    ids = [vocabulary[c] for c in "".join(train) if c in vocabulary]
    ids = np.array(ids[: len(ids) // LENGTH * LENGTH]).reshape(-1, LENGTH)
    for name in SIZES:
        keras.utils.set_random_seed(0)
        model = build(name, vocabulary)
        x = np.resize(ids, (steps * 16, LENGTH))
        y = np.pad(x[:, 1:], [(0, 0), (0, 1)])
        rate = warmup_cosine(1e-3, steps)
        model.compile(keras.optimizers.AdamW(rate), MaskedCrossEntropy())
        model.fit([x, np.zeros_like(x)], y, batch_size=16, verbose=2)
        model.save_weights(Path(folder) / f"{name}.weights.h5")


def compare(backend, folder, rounds):
    """Time both in turns, in this process."""
    from kerasx.generation import Generator, SpeculativeGenerator

    _, others, vocabulary = texts()
    models = {name: build(name, vocabulary) for name in SIZES}
    for name, model in models.items():
        model.load_weights(Path(folder) / f"{name}.weights.h5")
    options = dict(max_new_tokens=NEW)
    plain = Generator(models["large"], **options)
    speculative = SpeculativeGenerator(*models.values(), draft_tokens=DRAFT, **options)
    ids = np.array([[vocabulary[c] for c in text[:PROMPT]] for text in others[:8]])
    table = []
    for batch in (1, 8):
        prompts = ids[:batch]
        found = speculative(prompts)
        if found.best != plain(prompts).best:
            raise ValueError("the tokens must be those of greedy decoding")
        candidates = {
            f"drafts, batch {batch}": partial(speculative, prompts),
            f"greedy, batch {batch}": partial(plain, prompts),
        }
        part = rows(interleave(candidates, rounds), f"drafts, batch {batch}", batch * NEW)
        part[0] |= {"accepted": found.acceptance_rate, "steps": float(np.mean(found.steps))}
        table += part
    title = f"{NEW} new tokens after prompts of {PROMPT}, {backend}"
    report(title, table, f"speculative_{backend}", cores=os.cpu_count())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200, help="of training, 16 texts each")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        task, folder = arguments.work
        if task == "train":
            return train(folder, arguments.steps)
        return compare(task, folder, arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        for task in ("train", *filter(installed, arguments.backends)):
            options = "--rounds", arguments.rounds, "--steps", arguments.steps
            backend = "torch" if task == "train" else task
            run("benchmarks.speculative", backend, "--work", task, folder, *options)


if __name__ == "__main__":
    main()
