"""At equal size, heads that mix their scores make a better model.

First the rank of the scores of 24 tokens in four heads of size 3, with and without mixing by a
random matrix. Then UniLMs of two blocks (hidden size 64) learn to solve word problems in 160
updates: with 4 heads of size 16, and with 16 heads of size 4 that mix their scores or do not. The
feed-forward network is two units narrower where heads mix. Adam's rate is 0.01, the best for the
four heads in the claim gpt_unilm.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean, small_bert, solver_curve, word_problems
from kerasx.layers import TalkingHeadsAttention
from kerasx.probing import numerical_ranks

SOURCE = "kexue.fm/archives/7325; Talking-Heads Attention, arXiv 2003.02436"
SMALL = {"updates": 1, "points": 1}
MODELS = {
    "4 heads": {"num_attention_heads": 4},
    "16 heads": {"num_attention_heads": 16},
    "16 talking heads": {
        "num_attention_heads": 16,
        "talking_heads": True,
        "intermediate_size": 254,
    },
}


def measure(seed, updates=160, points=4):
    figures = {"updates": np.arange(1, points + 1) * updates // points}
    figures["rank of scores, plain"], figures["rank of scores, mixed"] = ranks(seed)
    train, test, size = word_problems(updates, seed)
    for name, options in MODELS.items():
        keras.utils.set_random_seed(seed)
        bert = small_bert(size, application="unilm", **options)
        losses, seconds = solver_curve(bert, train, test, points)
        figures[f"parameters, {name}"] = bert.count_params()
        figures[f"CPU ms of an update, {name}"] = 1000 * seconds[-1] / updates
        figures[f"test loss, {name}"] = losses[-1]
        figures[f"losses, {name}"] = losses
    return figures


def ranks(seed):
    """Return the mean ranks of a layer's scores, before and after its heads are mixed."""
    rng = np.random.default_rng(seed)
    layer = TalkingHeadsAttention(heads=4, head_size=3, return_attention_scores=True)
    x = rng.normal(size=(1, 24, 12)).astype("float32")
    plain = layer([x, x, x])[1]
    layer.mixing.assign(rng.normal(size=(4, 4)))
    mixed = layer([x, x, x])[1]
    scores = (keras.ops.convert_to_numpy(s) for s in (plain, mixed))
    return [numerical_ranks(s, 1e-5).mean() for s in scores]


def judge(figures):
    loss = {name: figures[f"test loss, {name}"] for name in MODELS}
    better = [higher(loss[name], loss["16 talking heads"]) for name in ("16 heads", "4 heads")]
    verdict = HOLDS if all(better) else PARTLY if better[0] else FAILS
    shown = ", ".join(f"{x.mean():.3g} ({name})" for name, x in loss.items())
    return verdict, (
        f"The test losses are {shown}. Mixing raises the rank of the scores from"
        f" {figures['rank of scores, plain'].mean():.3g} to"
        f" {figures['rank of scores, mixed'].mean():.3g}."
    )


def draw(picture, figures):
    axes = picture.subplots()
    for name, style in zip(MODELS, ("-", "--", ":")):
        plot_mean(axes, figures["updates"][0], figures[f"losses, {name}"], name, linestyle=style)
    axes.set(xlabel="updates", ylabel="test loss of a token of the expression, nats")
    axes.legend()
