"""Small batches on PyTorch: Keras walking nested structures by optree, and in its own way there.

    python -m benchmarks.trees [--rounds 15]

A forward pass and a training step of a 6-layer BERT on one sentence of 16 tokens, where the Python
of the layers weighs as much as their arithmetic. Both ways in one process, in turns.
"""

import argparse
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from keras.src.tree import torchtree_impl, tree_api

from benchmarks.harness import CONFIG, interleave, report, rows
from kerasx.models import build_transformer_model


def walking(implementation, function):
    """`function` while Keras has this implementation of keras.tree."""

    def call():
        tree_api.tree_impl = implementation
        function()

    return call


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    bert = build_transformer_model(CONFIG)
    model = keras.Model(bert.inputs, keras.layers.Dense(2)(bert.output[:, 0]))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.ones((1, 16), "int32")
    x, y = [ids, np.zeros_like(ids)], np.zeros(1, "int32")
    work = {
        "forward": torch.inference_mode()(lambda: model(x, training=False)),
        "training step": lambda: model.train_on_batch(x, y),
    }
    for name, function in work.items():
        walks = {"optree": tree_api.tree_impl, "torch's own": torchtree_impl}
        calls = {walk: walking(tree, function) for walk, tree in walks.items()}
        times = interleave(calls, options.rounds, warmup=3)
        report(f"One sentence, {name}", rows(times, "optree"), f"trees_{name.split()[0]}")
        tree_api.tree_impl = walks["optree"]


if __name__ == "__main__":
    main()
