"""Sentence vectors of Chinese questions: SimCSE, FlatNCE and CoSENT against whitening.

    python examples/sentence_similarity.py                         # generated pairs
    python examples/sentence_similarity.py --losses cosent
    python examples/sentence_similarity.py --data pairs.tsv --config chinese_bert/ --maxlen 64

`--data` is a file of lines "first<TAB>second<TAB>score". SimCSE (kexue.fm/archives/8348) and
FlatNCE (8586) learn without scores: a text goes through the model twice, with other dropout, and
the two vectors are to be more alike than those of other texts. CoSENT (8847) learns the order of
the scores. Whitening (8069) trains nothing. Spearman's correlation with the scores counts.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from kerasx.callbacks import Evaluator
from kerasx.data import sequence_padding
from kerasx.datasets import generate_paraphrases
from kerasx.files import read_tsv
from kerasx.layers import GlobalAveragePooling1D
from kerasx.losses import CoSENT, FlatNCE, InfoNCE
from kerasx.models import bert_config, build_transformer_model
from kerasx.similarity import SpearmanEvaluation, Whitening
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab
from kerasx.training import contrastive_accumulation

LOSSES = {"simcse": InfoNCE, "flatnce": FlatNCE, "cosent": CoSENT}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="TSV file of pairs and scores; generated ones by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
parser.add_argument("--pairs", type=int, default=1500, help="generated training pairs")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=64, help="pairs that are compared")
parser.add_argument("--chunks", type=int, default=2, help="parts of a batch encoded at a time")
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 1e-3")
parser.add_argument("--dropout", type=float, default=0.3, help="of SimCSE's and FlatNCE's views")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=24, help="tokens; longer texts are cut")
parser.add_argument("--components", type=int, default=32, help="directions that whitening keeps")
args = parser.parse_args()

# Data: pairs of texts as ids (pairs, 2, maxlen), and their scores

if args.data:
    rows = read_tsv(args.data, columns=(str, str, float))
    held_out = len(rows) // 5
else:
    held_out = max(args.pairs // 3, 50)
    rows = generate_paraphrases(args.pairs + held_out)
texts = [text for row in rows[held_out:] for text in row[:2]]
vocabulary = load_vocab(args.config) if args.config else character_vocab(texts)
tokenizer = Tokenizer(vocabulary, do_lower_case=True)
ids = sequence_padding(
    [tokenizer.encode(text, maxlen=args.maxlen)[0] for row in rows for text in row[:2]], args.maxlen
)
ids = ids.astype("int32").reshape(len(rows), 2, args.maxlen)
scores = np.array([row[2] for row in rows], "float32")
test, train = (ids[:held_out], scores[:held_out]), (ids[held_out:], scores[held_out:])
print(f"{len(train[0])} pairs to learn from, {len(test[0])} for the test, e.g. {rows[0]}")

# Model: mean of the token vectors; pairs go through it one beside the other


def build(dropout):
    """(encoder of texts (b, n) to (b, d), model of pairs (b, 2, n) to (b, 2, d))."""
    keras.utils.set_random_seed(0)
    config = args.config or bert_config(len(vocabulary), args.hidden_size, 1, args.maxlen)
    bert = build_transformer_model(config, dropout_rate=dropout)
    encoder = keras.Model(bert.inputs, GlobalAveragePooling1D()(bert.output))
    pair = keras.Input((2, args.maxlen), dtype="int32")
    sides = [encoder([pair[:, i], ops.zeros_like(pair[:, i])]) for i in (0, 1)]
    return encoder, keras.Model(pair, ops.stack(sides, axis=1))


def without_segments(tokens):
    return [tokens, np.zeros_like(tokens)]


def correlation(encoder, transform=None):
    sides = [without_segments(test[0][:, i]) for i in (0, 1)]
    return SpearmanEvaluation(*sides, test[1], transform)(encoder)


def whitened(encoder):
    vectors = encoder.predict(
        without_segments(train[0].reshape(-1, args.maxlen)), batch_size=128, verbose=0
    )
    components = min(args.components, np.linalg.matrix_rank(vectors - vectors.mean(0)))
    return correlation(encoder, Whitening(int(components)).fit(vectors).transform)


encoder, _ = build(0.1)
results = {"no training": (correlation(encoder), whitened(encoder))}

# Training


def train_with(loss):
    """Spearman's correlation after training, plain and whitened."""
    labelled = loss == "cosent"
    encoder, model = build(0.1 if labelled else args.dropout)
    x, y = train
    if not labelled:  # each text twice; what it is paired with in the data is not looked at
        texts = np.unique(x.reshape(-1, args.maxlen), axis=0)
        texts = texts[np.random.default_rng(0).permutation(len(texts))[: len(x)]]
        x, y = np.stack([texts, texts], axis=1), np.zeros(len(texts), "float32")
    rate = args.learning_rate or (2e-5 if args.config else 1e-3)
    model.compile(keras.optimizers.Adam(rate), LOSSES[loss]())
    contrastive_accumulation(model, args.chunks)
    whole = len(x) // args.batch_size * args.batch_size or len(x)  # batches of one shape
    model.fit(
        *(x[:whole], y[:whole]),
        batch_size=args.batch_size,
        epochs=args.epochs,
        callbacks=[Evaluator(lambda _: correlation(encoder))],
        verbose=2,
    )
    return correlation(encoder), whitened(encoder)


for loss in args.losses:
    print(f"\n{loss}")
    results[loss] = train_with(loss)

# Results

table = [("Spearman, %", "as they are", "whitened")]
for name, values in results.items():
    table.append((name, *(f"{100 * value['spearman']:.1f}" for value in values)))
print("\n" + text_table(table))
