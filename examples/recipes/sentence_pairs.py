"""Do two questions ask the same? A BERT that reads both of them, in LCQMC's format.

    python examples/recipes/sentence_pairs.py                                # pairs made up here
    python examples/recipes/sentence_pairs.py --data lcqmc.train.data lcqmc.test.data --config bert/

`--data` are files of lines "first<tab>second<tab>0 or 1", to learn from and to test.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_paraphrases
from kerasx.files import read_tsv
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", nargs=2, help="two files of pairs; pairs made up here by default")
parser.add_argument("--pairs", type=int, default=2500, help="made-up ones")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64, help="tokens of a pair")
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data: pairs and whether they ask the same

if args.data:
    train, test = (read_tsv(path, (str, str, int), labels=(0, 1)) for path in args.data)
else:
    drawn = [
        (*pair, score // 2) for *pair, score in generate_paraphrases(args.pairs * 2) if score != 1
    ]
    test, train = drawn[::5], [pair for i, pair in enumerate(drawn) if i % 5]
texts = [a + b for a, b, _ in train]
start = starting_point(args.config, texts, args.hidden_size, 2, args.maxlen, learning_rate=1e-3)
encode = start.tokenizer.encode
examples = [(encode(a, b, maxlen=args.maxlen), same) for a, b, same in train]

# Model and training

bert = build_transformer_model(start.config, with_pool=True, keep_tokens=start.keep_tokens)
x = keras.layers.Dropout(0.1)(bert.output)
model = keras.Model(bert.inputs, keras.layers.Dense(2, activation="softmax")(x))
model.compile(keras.optimizers.Adam(start.learning_rate), "sparse_categorical_crossentropy")
dataset = BucketDataset(examples, batch_size=32, max_shapes=3)
model.fit(dataset, epochs=args.epochs, shuffle=False, verbose=2)

# Results

predict = Predictor(model, start.tokenizer, maxlen=args.maxlen)
p = predict([(a, b) for a, b, _ in test])[:, 1]
same = np.array([same for *_, same in test])
rows = [(*pair, f"{x:.3f}") for pair, x in zip(test[:8], p)]
print("\n" + text_table([("first", "second", "same", "p(same)"), *rows]))
print(f"\n{np.mean((p > 0.5) == same):.1%} of {len(test)} pairs right", end="; ")
print(f"{max(same.mean(), 1 - same.mean()):.1%} if all are called the same")
