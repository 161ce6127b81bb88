"""Training against small changes of the embeddings: FGM, gradient penalty, VAT.

    python examples/recipes/adversarial_training.py                       # reviews made up here
    python examples/recipes/adversarial_training.py --trick vat --labelled 0.05
    python examples/recipes/adversarial_training.py --data iflytek/train.json iflytek/dev.json \
        --config chinese_bert/ --trick fgm --epochs 10
    python examples/recipes/adversarial_training.py --trick vat --labelled 0.01 --config bert/ \
        --data sentiment.train.data sentiment.test.data

`--data` are files to learn from and to test: in IFLYTEK's form, a JSON object with "sentence" and
"label" a line, or lines of text<tab>label. VAT needs no labels, so it learns from the texts whose
labels `--labelled` hides, too (kexue.fm/archives/7234, 7466).
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_reviews
from kerasx.files import read_jsonl, read_tsv
from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.text import text_table
from kerasx.training import (
    adversarial_training,
    gradient_penalty,
    virtual_adversarial_training,
)

TRICKS = {
    "none": lambda model: model,
    "fgm": lambda model: adversarial_training(model, "Embedding-Token", epsilon=0.1),
    "gradient_penalty": lambda model: gradient_penalty(model, "Embedding-Token", epsilon=1.0),
    "vat": lambda model: virtual_adversarial_training(model, "Embedding-Token", 0.5, xi=0.5),
}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--trick", choices=TRICKS, nargs="+", default=["none", "fgm"])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", nargs=2, help="two files; reviews made up here by default")
parser.add_argument("--reviews", type=int, default=1600, help="made-up ones to learn from")
parser.add_argument("--labelled", type=float, default=1.0, help="share of texts with a label")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64)
args = parser.parse_args()

# Data


def read(path):
    """Return the rows (text, label) of a file."""
    if path.endswith(".json"):
        return read_jsonl(path, ("sentence", "label"))
    return read_tsv(path, columns=(str, str))


if args.data:
    train, test = map(read, args.data)
else:
    drawn = [(x.text, x.sentiment) for x in generate_reviews(args.reviews * 4 // 3)]
    test, train = drawn[::4], [row for i, row in enumerate(drawn) if i % 4]
names = sorted({label for _, label in train})
number = {name: i for i, name in enumerate(names)}
texts = [text for text, _ in train]
start = starting_point(args.config, texts, args.hidden_size, 1, args.maxlen)
every = round(1 / args.labelled)  # a weight of 0 hides a label
examples = [
    (start.tokenizer.encode(text, maxlen=args.maxlen), number[label], float(i % every == 0))
    for i, (text, label) in enumerate(train)
]
if "vat" not in args.trick:
    examples = [example for example in examples if example[-1]]

# Training, once with each trick

rows = [("trick", "loss", "accuracy, %")]
for trick in args.trick:
    keras.utils.set_random_seed(0)
    bert = build_transformer_model(start.config)
    pool = FirstToken() if start.pretrained else GlobalAveragePooling1D()
    model = keras.Model(bert.inputs, keras.layers.Dense(len(names))(pool(bert.output)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(start.learning_rate), loss)
    model = TRICKS[trick](model)
    dataset = BucketDataset(examples, batch_size=32, max_shapes=2)
    fitted = model.fit(dataset, epochs=args.epochs, shuffle=False, verbose=2)

    predict = Predictor(model, start.tokenizer, maxlen=args.maxlen)
    found = predict([text for text, _ in test]).argmax(-1)
    right = np.mean([names[i] == label for i, (_, label) in zip(found, test)])
    rows.append((trick, f"{fitted.history['loss'][-1]:.3f}", f"{100 * right:.1f}"))
print("\n" + text_table(rows))
