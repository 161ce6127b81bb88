"""A masked language model learns more if half of its heads look back and half look ahead.

Heads that all look both ways are the other side. A BERT and a RoFormer of two blocks (hidden size
64, four heads) fill masked characters of generated abstracts. The two masks have the same weights
at the start and the same batches. Adam's rate 0.006 was better than 0.012 for both masks with
seed 5, and as good as 0.003 with a third more updates.
"""

import keras
import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from claims.tools import learning_curve, masked_abstracts, plot_mean, small_bert
from kerasx.losses import MaskedCrossEntropy
from kerasx.models import score_places
from kerasx.optimizers import warmup_cosine

SOURCE = "kexue.fm/archives/9529"
SMALL = {"updates": 2, "points": 1, "abstracts": 1000}
POSITIONS = {"BERT": "bert", "RoFormer": "roformer"}
HEADS = {"all both ways": False, "half each way": True}


def measure(seed, updates=200, points=5, abstracts=6000):
    train, test, size = masked_abstracts(updates, seed, abstracts=abstracts)
    figures = {"updates": np.arange(1, points + 1) * updates // points}
    for family, name in POSITIONS.items():
        for heads, half_causal in HEADS.items():
            keras.utils.set_random_seed(seed)
            bert = small_bert(size, model=name, half_causal_heads=half_causal)
            model = score_places(bert)
            model.compile(keras.optimizers.Adam(warmup_cosine(6e-3, updates)), MaskedCrossEntropy())
            losses, _ = learning_curve(model, train, test, points)
            figures[f"test loss, {family}, heads {heads}"] = losses[-1]
            figures[f"losses, {family}, heads {heads}"] = losses
    return figures


def judge(figures):
    better, parts = [], []
    for family in POSITIONS:
        both, half = (figures[f"test loss, {family}, heads {heads}"] for heads in HEADS)
        better.append(higher(both, half))
        parts.append(f"{both.mean():.3g} to {half.mean():.3g} ({family})")
    verdict = {2: HOLDS, 1: PARTLY, 0: FAILS}[sum(better)]
    return verdict, (
        f"From all both ways to half each way the loss goes from {' and from '.join(parts)}"
        " after 200 updates: longer training may change the gap."
    )


def draw(picture, figures):
    axes = picture.subplots()
    for family, colour in zip(POSITIONS, ("tab:blue", "tab:orange")):
        for heads, style in zip(HEADS, ("--", "-")):
            losses = figures[f"losses, {family}, heads {heads}"]
            label, options = f"{family}, {heads}", {"color": colour, "linestyle": style}
            plot_mean(axes, figures["updates"][0], losses, label, **options)
    axes.set(xlabel="updates", ylabel="test loss of a masked character, nats")
    axes.legend()
