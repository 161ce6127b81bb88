"""At equal size, queries and keys larger than a value head make a better model.

First, matrices P = softmax(S) with normal scores S of 12 tokens are written as softmax(QKᵀ), as
well as the key size allows: QKᵀ is the best approximation of log P in squares, up to a constant in
each row. Then UniLMs of two blocks (hidden size 64, 8 heads of size 8) learn to solve word problems
in 160 updates; what larger queries and keys cost, the feed-forward network saves. Adam's rate is
0.01, the best for four heads of size 16 in the claim gpt_unilm.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean, small_bert, solver_curve, word_problems

SOURCE = "kexue.fm/archives/7325; Bhojanapalli et al., arXiv 2002.07028"
SMALL = {"updates": 1, "points": 1}
SIZES = {8: 256, 16: 192, 32: 63}  # key size: hidden size of the feed-forward network
TOKENS = 12


def measure(seed, updates=160, points=4):
    figures = {"key sizes": range(1, TOKENS + 1), "errors": errors(seed)}
    train, test, size = word_problems(updates, seed)
    figures["updates"] = np.arange(1, points + 1) * updates // points
    for key_size, inner in SIZES.items():
        keras.utils.set_random_seed(seed)
        sizes = {"attention_key_size": key_size, "intermediate_size": inner}
        bert = small_bert(size, num_attention_heads=8, application="unilm", **sizes)
        losses, _ = solver_curve(bert, train, test, points)
        figures[f"parameters, key size {key_size}"] = bert.count_params()
        figures[f"test loss, key size {key_size}"] = losses[-1]
        figures[f"losses, key size {key_size}"] = losses
    for k in (2, 6, 11):
        figures[f"largest error of a probability, key size {k}"] = figures["errors"][k - 1]
    return figures


def errors(seed):
    """Return the largest error of softmax(QKᵀ) for the key sizes from 1 on."""
    scores = np.random.default_rng(seed).normal(size=(TOKENS, TOKENS))
    u, s, v = np.linalg.svd(scores - scores.mean(1, keepdims=True))
    products = ((u[:, :k] * s[:k]) @ v[:k] for k in range(1, TOKENS + 1))
    return [np.abs(softmax(x) - softmax(scores)).max() for x in products]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def judge(figures):
    loss = {k: figures[f"test loss, key size {k}"] for k in SIZES}
    better = [higher(loss[8], loss[k]) for k in (16, 32)]
    verdict = {2: HOLDS, 1: PARTLY, 0: FAILS}[sum(better)]
    shown = ", ".join(f"{x.mean():.3g} (key size {k})" for k, x in loss.items())
    return verdict, (
        f"The test losses are {shown}; in {sum(better)} of 2 cases the larger size is better by"
        f" more than two standard errors. A key size of {TOKENS - 1} writes any positive matrix of"
        f" {TOKENS} tokens exactly, a key size of 2 is off by up to"
        f" {figures['largest error of a probability, key size 2'].mean():.2g}."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2)
    plot_mean(left, figures["key sizes"][0], figures["errors"], None, marker="o")
    left.set_xticks(figures["key sizes"][0])
    left.set(xlabel="key size", ylabel="largest error of a probability", title="12 tokens")
    for key_size, style in zip(SIZES, ("-", "--", ":")):
        losses, label = figures[f"losses, key size {key_size}"], f"key size {key_size}"
        plot_mean(right, figures["updates"][0], losses, label, linestyle=style)
    right.set(xlabel="updates", ylabel="test loss of a token, nats", title="head size 8")
    right.legend()
