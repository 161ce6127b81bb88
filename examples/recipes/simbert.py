"""SimBERT: one model writes questions that ask the same, and ranks them by their vectors.

    python examples/recipes/simbert.py                                       # pairs made up here
    python examples/recipes/simbert.py --config chinese_simbert/ --epochs 0 --text 苹果多少钱一斤
    python examples/recipes/simbert.py --config chinese_simbert/ --epochs 0 --serve 8864

A UniLM learns to write the second question of a pair after the first one, and the vector of [CLS],
which sees the first one only, to tell it from the others of the batch (kexue.fm/archives/7427).
`--data` has lines of two questions with a tab between them.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import sequence_padding
from kerasx.datasets import generate_paraphrases
from kerasx.files import read_tsv
from kerasx.generation import Generator, Sampling
from kerasx.layers import CrossEntropy
from kerasx.losses import InfoNCE
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.serve import WebServing
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of SimBERT, or of a BERT; from scratch by default")
parser.add_argument("--data", help="file of pairs; pairs made up here by default")
parser.add_argument("--pairs", type=int, default=1000, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=24, help="tokens of a question")
parser.add_argument("--text", default="手机多少钱")
parser.add_argument("--samples", type=int, default=40, help="questions to write and to rank")
parser.add_argument("--serve", type=int, help="port to answer at, instead of --text")
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data: both orders of a pair are neighbours in the batch

if args.data:
    pairs = read_tsv(args.data, columns=(str, str))
else:
    drawn = generate_paraphrases(args.pairs * 4)
    pairs = [pair[:2] for pair in drawn if pair.score == 2][: args.pairs * 11 // 10]
test, train = pairs[::11], [pair for i, pair in enumerate(pairs) if i % 11]
texts = map("".join, train)
start = starting_point(args.config, texts, args.hidden_size, 2, 2 * args.maxlen, learning_rate=1e-3)
tokenizer = start.tokenizer
rows = [row for a, b in train for row in ((a, b), (b, a))]
rows = [tokenizer.encode(*row, maxlen=2 * args.maxlen) for row in rows]
inputs = [sequence_padding(part) for part in zip(*rows)]

# Model: vectors and scores of the next token, and a loss for each

options = {"application": "unilm", "with_pool": "linear", "with_mlm": "linear"}
simbert = build_transformer_model(start.config, **options)
vectors, scores = simbert.outputs
encoder, writer = (keras.Model(simbert.inputs, x) for x in (vectors, scores))
written = CrossEntropy(2)([*simbert.inputs, scores])
model = keras.Model(simbert.inputs, [vectors, written])
model.compile(keras.optimizers.Adam(start.learning_rate), [InfoNCE(), None])
if args.epochs:
    labels = [np.zeros(len(rows))] * 2  # of no account
    model.fit(inputs, labels, 64, args.epochs, shuffle="batch", verbose=2)

# Texts that ask the same, the nearest first

embed = Predictor(encoder, tokenizer, maxlen=args.maxlen)
strategy = Sampling(args.samples, top_p=0.95, seed=0)
generate = Generator(writer, strategy, tokenizer=tokenizer, max_new_tokens=args.maxlen)


def normalized(texts):
    found = embed(texts)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def synonyms(text, k=8):
    """Return (cosine, text) of the nearest texts among those written for a text."""
    found = {tokenizer.decode(ids) for ids in generate([text]).sequences[0]} - {text, ""}
    query, *others = normalized([text, *sorted(found)])
    return sorted(zip(map(float, others @ query), sorted(found)), reverse=True)[:k]


if args.serve:  # http://127.0.0.1:8864/synonyms?text=...
    web = WebServing("127.0.0.1", args.serve)
    web.route("/synonyms", synonyms, {"text": (str, True), "k": (int, False)})
    web.start()

first, second = (normalized(part) for part in zip(*test))
cosines = first @ second.T
nearer = np.mean(cosines.diagonal()[:, None] > cosines)
table = [("cosine", f"asks the same as {args.text}"), *synonyms(args.text)]
print("\n" + text_table([(f"{x:.4f}" if isinstance(x, float) else x, text) for x, text in table]))
print(f"\nof {len(test)} pairs held out: nearer than {nearer:.1%} of the other questions")
