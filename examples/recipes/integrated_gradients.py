"""Find the characters that decide a classifier's score of a review, by integrated gradients.

    python examples/recipes/integrated_gradients.py                        # reviews made up here
    python examples/recipes/integrated_gradients.py --data sentiment.train.data --config albert/ \
        --text 这是一本很糟糕的书

`--data` has lines of text<tab>label. The attributions add up to the score of the class minus that
of a text of zero vectors (arXiv 1703.01365; kexue.fm/archives/7533).
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_reviews
from kerasx.files import read_tsv
from kerasx.layers import FirstToken, GlobalAveragePooling1D
from kerasx.models import build_transformer_model, starting_point
from kerasx.probing import integrated_gradients
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="file of reviews; reviews made up here by default")
parser.add_argument("--reviews", type=int, default=1600, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64)
parser.add_argument(
    "--text", nargs="+", default=["床单干净，不过早餐难吃", "早餐难吃，不过床单干净"]
)
args = parser.parse_args()
keras.utils.set_random_seed(0)

# A classifier: its outputs are logits, as probabilities saturate

if args.data:
    rows = read_tsv(args.data, labels=(0, 1))
else:
    rows = [(x.text, x.sentiment) for x in generate_reviews(args.reviews)]
texts = [text for text, _ in rows]
start = starting_point(args.config, texts, args.hidden_size, 1, args.maxlen)
encode = start.tokenizer.encode
bert = build_transformer_model(start.config)
pool = FirstToken() if start.pretrained else GlobalAveragePooling1D()
model = keras.Model(bert.inputs, keras.layers.Dense(2)(pool(bert.output)))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(start.learning_rate), loss, metrics=["accuracy"])
examples = [(encode(text, maxlen=args.maxlen), label) for text, label in rows]
model.fit(BucketDataset(examples, 32, max_shapes=2), epochs=args.epochs, shuffle=False, verbose=2)

# The attribution of each character to the class that the model finds

for text in args.text:
    inputs = [np.array([x]) for x in encode(text, maxlen=args.maxlen)]
    label = int(model.predict(inputs, verbose=0).argmax())
    tokens, differences = integrated_gradients(model, inputs, label)
    print(f"\n{text}: {('blame', 'praise')[label]}")
    names = start.tokenizer.ids_to_tokens(inputs[0][0])
    print(text_table([(name, f"{x:+.2f}") for name, x in zip(names, tokens[0])]))
    print(f"sum {tokens.sum():+.3f}, difference of the scores {differences[0]:+.3f}")
