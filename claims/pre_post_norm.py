"""Each sublayer of pre-norm changes the sum by less than the one before, by about 1/√t.

A sublayer's output y is compared with the x to which it is added, |y| / |x|, in models of twelve
blocks (hidden size 32), with pre-norm and with post-norm: untrained with Xavier's kernels, and
after 40 updates by Adam at the rate 0.003 from BERT's kernels, on word problems as UniLMs. The
slope is that of log |y| / |x| over log t, so 1/√t has the slope -0.5 and 1/t has -1.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import plot_mean, small_bert, solver_curve, word_problems

SOURCE = "kexue.fm/archives/9009; arXiv 2004.08249, 2002.04745"
SMALL = {"blocks": 2, "updates": 1}
XAVIER = 0.18  # deviation of (32, 32) kernels
NORMS = ("pre-norm", "post-norm")
TIMES = ("untrained", "trained")


def measure(seed, blocks=12, updates=40, rate=3e-3):
    train, test, size = word_problems(updates, seed)
    numbers = np.arange(1, 2 * blocks + 1)
    figures = {"sublayers": numbers}
    for norm in NORMS:
        options = {"application": "unilm", "norm_position": norm.removesuffix("-norm")}
        untrained = small_bert(size, 32, blocks, **options, initializer_range=XAVIER)
        bert = small_bert(size, 32, blocks, **options)
        solver_curve(bert, train, test, points=1, rate=rate)
        for time, model in zip(TIMES, (untrained, bert)):
            added = shares(model, blocks, test)
            slope = np.polyfit(np.log(numbers[::2] + 0.5), np.log(blockwise(added)), 1)[0]
            figures[f"slope, {norm}, {time}"] = slope
            figures[f"share of the last block, {norm}, {time}"] = blockwise(added)[-1]
            figures[f"shares, {norm}, {time}"] = added
    return figures


def shares(bert, blocks, test):
    """Return |y| / |x| of the sums x + y of all sublayers, over the tokens of some problems."""
    parts = ("MultiHeadSelfAttention", "FeedForward")
    names = [f"Transformer-{i}-{part}-Add" for i in range(blocks) for part in parts]
    sums = keras.Model(bert.inputs, [x for name in names for x in bert.get_layer(name).input])
    real = test[0][:32] != 0
    found = sums.predict([x[:32] for x in test], verbose=0)
    sizes = [np.linalg.norm(x[real]) for x in found]
    return np.array([y / x for x, y in zip(sizes[::2], sizes[1::2])])


def blockwise(added):
    """Return the geometric means over attention and network, which alternate."""
    return np.sqrt(np.multiply(added[..., ::2], added[..., 1::2]))


def judge(figures):
    slope = {key: figures[f"slope, {key}"] for key in (f"{n}, {t}" for n in NORMS for t in TIMES)}
    falls = [
        higher(slope[f"post-norm, {time}"], slope[f"pre-norm, {time}"])
        and -0.75 < slope[f"pre-norm, {time}"].mean() < -0.25
        for time in TIMES
    ]
    verdict = {2: HOLDS, 1: PARTLY, 0: FAILS}[sum(falls)]
    shown = ", ".join(f"{x.mean():.2f} ({key})" for key, x in slope.items())
    return verdict, (
        f"The slopes are {shown}. From BERT's small kernels a sublayer adds"
        f" {figures['share of the last block, pre-norm, trained'].mean():.0%} so early in"
        " training, and the sum hardly grows."
    )


def draw(picture, figures):
    axes = picture.subplots(1, 2, sharex=True)
    numbers = figures["sublayers"][0, ::2] + 0.5
    for part, time in zip(axes, TIMES):
        for norm, style in zip(NORMS, ("-", "--")):
            curves = blockwise(figures[f"shares, {norm}, {time}"])
            plot_mean(part, numbers, curves, norm, linestyle=style, marker=".")
        start = blockwise(figures[f"shares, pre-norm, {time}"])[:, 0].mean()
        falling = start * np.sqrt(numbers[0] / numbers)
        part.plot(numbers, falling, ":", color="grey", label="falling by 1/√t")
        part.set(xlabel="sublayer t", title=time, ylim=(0, None))
    axes[0].set_ylabel("|y| / |x|, mean of a block's two sublayers")
    axes[1].legend()
