"""200 blocks train with DeepNorm, where post-norm learns nothing.

Models of width 16 learn which token a fixed random table gives for each of six tokens, in 20
updates by Adam, 32 texts each. All start with Xavier's kernels, times β for DeepNorm; one post-norm
model starts with BERT's own, of deviation 0.02. The rates are the better ones of 0.001 and 0.003 at
200 blocks on a seed not shown here; at 0.01 none learns in 10 updates. Guessing has the loss
ln 15 = 2.71.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean, small_bert

SOURCE = "kexue.fm/archives/8994, 8978; DeepNet, arXiv 2203.00555"
SMALL = {"depths": [2, 3], "updates": 2}
TOKENS, GUESSING = 16, np.log(15)
XAVIER = 0.25  # of (16, 16) kernels
MODELS = {
    "DeepNorm": {"norm_position": "deepnorm", "initializer_range": XAVIER},
    "post-norm": {"norm_position": "post", "initializer_range": XAVIER},
    "post-norm, 0.02": {"norm_position": "post", "initializer_range": 0.02},
}
RATES = {"DeepNorm": 0.003, "post-norm": 0.001, "post-norm, 0.02": 0.003}


def measure(seed, depths=(12, 200), updates=20):
    figures = {"updates": range(1, updates + 1)}
    for depth in depths:
        for name, options in MODELS.items():
            keras.utils.set_random_seed(seed)
            bert = small_bert(TOKENS, 16, depth, intermediate_size=16, **options)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            bert.compile(keras.optimizers.Adam(RATES[name]), loss)
            place = "12 blocks" if depth == depths[0] else "200 blocks"
            losses, change = trained(bert, np.random.default_rng(seed), updates)
            figures[f"last loss, {place}, {name}"] = losses[-1]
            figures[f"change of scores by an update, {place}, {name}"] = change
            figures[f"losses, {place}, {name}"] = losses
    return figures


def trained(bert, rng, updates):
    """Return the losses, and how far the first update moves the scores."""
    table, losses = rng.permutation(TOKENS), []
    ids = rng.integers(1, TOKENS, (updates, 32, 6))
    inputs = [[x, np.zeros_like(x)] for x in ids]
    scores = [bert.predict_on_batch(inputs[-1])]
    for x in inputs:
        losses.append(float(bert.train_on_batch(x, table[x[0]])))
        if len(scores) == 1:
            scores.append(bert.predict_on_batch(inputs[-1]))
    return losses, np.sqrt(np.mean((scores[1] - scores[0]) ** 2))


def judge(figures):
    last = {name: figures[f"last loss, 200 blocks, {name}"] for name in MODELS}
    learns = {name: higher(np.full(len(x), GUESSING), x) for name, x in last.items()}
    verdict = FAILS
    if learns["DeepNorm"] and not learns["post-norm"]:
        verdict = PARTLY if learns["post-norm, 0.02"] else HOLDS
    shown = ", ".join(f"{x.min():.2f} to {x.max():.2f} ({name})" for name, x in last.items())
    return verdict, (
        f"The last losses at 200 blocks are {shown}; guessing has {GUESSING:.3g}. Small kernels"
        " are another way to small updates, at this width."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2, sharey=True)
    for axes, place in ((left, "12 blocks"), (right, "200 blocks")):
        for name, style in zip(MODELS, ("-", "--", ":")):
            losses = figures[f"losses, {place}, {name}"]
            plot_mean(axes, figures["updates"][0], losses, name, linestyle=style)
        axes.axhline(GUESSING, color="grey", linewidth=0.8, label="guessing")
        axes.set(xlabel="update", title=place)
    left.set_ylabel("loss of a token, nats")
    left.legend()
