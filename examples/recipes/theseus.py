"""A shallow BERT takes the places of a deep one, block by block: BERT-of-Theseus.

    python examples/recipes/theseus.py                          # kinds of problems made up here
    python examples/recipes/theseus.py --data iflytek/train.json iflytek/dev.json --config bert/ \
        --blocks 3 --maxlen 128 --epochs 5 10 5

`--data` are files in IFLYTEK's form, a JSON object with "sentence" and "label" a line, to learn
from and to test. The deep model learns first; then each of its modules is replaced at random while
the shallow one learns to work in its place; then the shallow one learns alone (arXiv 2002.02925).
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_problems
from kerasx.files import read_jsonl
from kerasx.layers import FirstToken
from kerasx.models import Predictor, build_transformer_model, starting_point, theseus
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", nargs=2, help="two files; problems made up here by default")
parser.add_argument("--problems", type=int, default=1000, help="made-up ones to learn from")
parser.add_argument("--blocks", type=int, default=1, help="of the shallow model")
parser.add_argument("--deep", type=int, default=4, help="blocks of the deep model, from scratch")
parser.add_argument("--epochs", type=int, nargs=3, default=[3, 2, 1], help="deep, both, shallow")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64)
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data: texts and the numbers of their classes

if args.data:
    train, test = (read_jsonl(path, ("sentence", "label")) for path in args.data)
else:
    drawn = [(x.question, x.family) for x in generate_problems(args.problems * 6 // 5)]
    test, train = drawn[::6], [row for i, row in enumerate(drawn) if i % 6]
names = sorted({label for _, label in train})
number = {name: i for i, name in enumerate(names)}
texts = [text for text, _ in train]
start = starting_point(args.config, texts, args.hidden_size, args.deep, args.maxlen)
encode = start.tokenizer.encode
examples = [(encode(text, maxlen=args.maxlen), number[label]) for text, label in train]

# Models: a deep one, a shallow one of its first blocks, and both; one classifier for all

deep = build_transformer_model(start.config, return_keras_model=False, prefix="Deep-")
shallow = build_transformer_model(
    start.config, return_keras_model=False, prefix="Shallow-", num_hidden_layers=args.blocks
)
classify = keras.layers.Dense(len(names))


def train_and_test(name, inputs, output, epochs):
    """Train a model; add a row of its size and accuracy."""
    model = keras.Model(inputs, classify(FirstToken()(output)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(start.learning_rate), loss)
    print(f"\n{name}")
    dataset = BucketDataset(examples, batch_size=32, max_shapes=3)
    model.fit(dataset, epochs=epochs, shuffle=False, verbose=2)
    predict = Predictor(model, start.tokenizer, maxlen=args.maxlen)
    found = predict([text for text, _ in test]).argmax(-1)
    right = np.mean([names[i] == label for i, (_, label) in zip(found, test)])
    rows.append((name, epochs, f"{100 * right:.1f}"))


rows = [("model", "epochs", "accuracy, %")]
train_and_test(f"deep, {deep.num_hidden_layers} blocks", deep.inputs, deep.output, args.epochs[0])
classify.trainable = False
both = theseus(deep, shallow)  # freezes the deep model
train_and_test("shallow in the deep one", both.inputs, both.output, args.epochs[1])
name = f"shallow, {shallow.num_hidden_layers} blocks"
train_and_test(name, shallow.inputs, shallow.output, args.epochs[2])
print("\n" + text_table(rows))
