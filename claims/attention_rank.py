"""Attention that looks both ways has a low rank, causal attention has the full rank.

First softmax(QKᵀ/√d) of normal queries and keys, over the number of tokens n, the size d of a head
and the standard deviation of the scores. Then the 16 heads of a BERT (two blocks, head size 8) that
was trained with either mask to fill masked characters of generated abstracts, 64 at a time, in 150
updates. A rank counts the singular values above 0.001 of the largest.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY
from claims.tools import learning_curve, masked_abstracts, plot_mean, small_bert
from kerasx.losses import MaskedCrossEntropy
from kerasx.models import score_places
from kerasx.optimizers import warmup_cosine
from kerasx.probing import attention_weights, numerical_ranks
from kerasx.probing.attention_rank import random_attention

SOURCE = "kexue.fm/archives/9529"
SMALL = {"lengths": [16, 32], "updates": 1, "abstracts": 1000}
CASES = [(4, 0.1), (64, 0.1), (4, 1.0), (64, 1.0)]  # head size, deviation of the scores
MASKS = {"both ways": "encoder", "causal": "lm"}
TOLERANCE = 1e-3


def measure(seed, lengths=(16, 32, 64, 128, 256), updates=150, abstracts=6000):
    figures, n = {"n": lengths}, lengths[-1]
    for size, deviation in CASES:
        for mask in MASKS:
            options = {"causal": mask == "causal", "deviation": deviation**0.5, "seed": seed}
            made = [random_attention(n, size, 4, **options) for n in lengths]
            ranks = [numerical_ranks(weights, TOLERANCE).mean() for weights in made]
            case = f"{mask}, head size {size}, deviation {deviation}"
            figures[f"rank of n = {n}, {case}"] = ranks[-1]
            figures[f"ranks, {case}"] = ranks
    diagonal = np.diagonal(made[0], axis1=-2, axis2=-1)
    difference = np.abs(np.linalg.slogdet(made[0])[1] - np.log(diagonal).sum(-1))
    figures[f"log det - Σ log diagonal, n = {lengths[0]}, causal"] = difference.max()
    for mask, application in MASKS.items():
        weights = trained_heads(application, seed, updates, abstracts)
        values = np.linalg.svd(weights, compute_uv=False)
        figures[f"rank of n = 64, {mask}, trained"] = numerical_ranks(weights, TOLERANCE).mean()
        figures[f"singular values, {mask}, trained"] = (values / values[..., :1]).mean((0, 1))
    return figures


def trained_heads(application, seed, updates, abstracts):
    """Return the attention matrices (texts, heads, n, n) of a trained model's blocks."""
    train, test, size = masked_abstracts(updates, seed, length=64, abstracts=abstracts)
    keras.utils.set_random_seed(seed)
    bert = small_bert(size, num_attention_heads=8, application=application)
    model = score_places(bert)
    model.compile(keras.optimizers.Adam(warmup_cosine(6e-3, updates)), MaskedCrossEntropy())
    learning_curve(model, train, test, points=1)
    layers = [f"Transformer-{i}-MultiHeadSelfAttention" for i in range(2)]
    texts = [x[:8] for x in test[0][:2]]
    return np.concatenate([attention_weights(bert, texts, layer) for layer in layers], axis=1)


def judge(figures):
    ranks = {key: value.mean() for key, value in figures.items() if key.startswith("rank of")}
    pairs = [(key, key.replace("both ways", "causal")) for key in ranks if "both ways" in key]
    lower = [ranks[both] < 0.9 * ranks[causal] for both, causal in pairs]
    n, trained = figures["n"][0, -1], "rank of n = 64, {}, trained"
    verdict = HOLDS if all(lower) else PARTLY if any(lower) else FAILS
    return verdict, (
        f"In {sum(lower)} of {len(pairs)} cases the rank both ways is over 10% below the causal"
        f" one. With scores of deviation 0.1 it is {ranks[pairs[0][0]]:.0f} to"
        f" {ranks[pairs[0][1]]:.0f} of {n:.0f} (head size 4), with 1 and head size 64 it is"
        f" {ranks[pairs[3][0]]:.0f} to {ranks[pairs[3][1]]:.0f}; of the trained heads it is"
        f" {ranks[trained.format('both ways')]:.0f} to {ranks[trained.format('causal')]:.0f} of 64."
        " The determinant of a causal matrix is never 0, but some of its singular values are small."
    )


def draw(picture, figures):
    left, right = picture.subplots(1, 2)
    for (size, deviation), colour in zip(CASES, ("tab:blue", "tab:orange", "tab:green", "k")):
        for mask, style in zip(MASKS, ("-", ":")):
            curves = figures[f"ranks, {mask}, head size {size}, deviation {deviation}"]
            label = f"d = {size}, σ = {deviation:g}" if style == "-" else None
            options = {"color": colour, "linestyle": style}
            plot_mean(left, figures["n"][0], curves / figures["n"], label, **options)
    left.set(xscale="log", xlabel="tokens n", ylabel="rank / n", ylim=(0, 1.3))
    left.set_xticks(figures["n"][0], [f"{n:.0f}" for n in figures["n"][0]])
    left.minorticks_off()
    left.set_title("normal Q and K; solid: both ways, dotted: causal", fontsize=9)
    left.legend(ncols=2, fontsize=8, loc="upper center")
    for mask, style in zip(MASKS, ("-", ":")):
        values = figures[f"singular values, {mask}, trained"]
        plot_mean(right, range(1, values.shape[1] + 1), values, mask, linestyle=style)
    right.axhline(TOLERANCE, color="grey", linewidth=0.8)
    right.set(xlabel="number of the singular value", yscale="log", title="trained heads, n = 64")
    right.set_ylabel("singular value / largest")
    right.title.set_fontsize(9)
    right.legend()
