"""A language model that writes praise or blame: its layer normalizations depend on a class.

    python examples/recipes/conditional_language_model.py                   # reviews made up here
    python examples/recipes/conditional_language_model.py --data sentiment.train.data --config bert/

`--data` has lines of text<tab>class, 0 or 1. Conditional layer normalization scales and shifts by
vectors that are computed from the class (kexue.fm/archives/7124). By Bayes' theorem the model
also classifies: it finds the class that makes a text most probable.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from kerasx.data import sequence_padding
from kerasx.datasets import generate_reviews
from kerasx.files import read_tsv
from kerasx.generation import Generator, Sampling
from kerasx.layers import CrossEntropy
from kerasx.models import build_transformer_model, starting_point

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="file of texts and classes; reviews made up here by default")
parser.add_argument("--reviews", type=int, default=1600, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64)
parser.add_argument("--samples", type=int, default=5, help="texts to write for each class")
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data

if args.data:
    rows = read_tsv(args.data, labels=(0, 1))
else:
    rows = [(x.text, x.sentiment) for x in generate_reviews(args.reviews * 11 // 10)]
texts, classes = zip(*rows)
start = starting_point(args.config, texts, args.hidden_size, 2, args.maxlen, simplified=True)
encode = start.tokenizer.encode
ids = sequence_padding([encode(text, maxlen=args.maxlen)[0] for text in texts]).astype("int32")
classes = np.array(classes, "int32")[:, None]
held_out = np.arange(len(ids)) % 11 == 0

# Model: the condition is a vector of the class

label = keras.Input((1,), dtype="int32")
condition = keras.layers.Flatten()(keras.layers.Embedding(2, 128)(label))
lm = build_transformer_model(
    start.config,
    application="lm",
    with_mlm="linear",
    keep_tokens=start.keep_tokens,
    layer_norm_cond=condition,
    additional_input_layers=label,
)
model = keras.Model(lm.inputs, CrossEntropy(1)([lm.inputs[0], lm.output]))
model.compile(keras.optimizers.Adam(start.learning_rate))
train = [ids[~held_out], np.zeros_like(ids[~held_out]), classes[~held_out]]
model.fit(train, batch_size=32, epochs=args.epochs, verbose=2)

# Results: texts of each class, and the class of texts held out


def log_probabilities(ids, label):
    """Return log p(text | class) for each text (b, n)."""
    scores = lm.predict([ids, 0 * ids, np.full((len(ids), 1), label)], verbose=0)
    log_p = ops.convert_to_numpy(ops.log_softmax(scores[:, :-1]))
    log_p = np.take_along_axis(log_p, ids[:, 1:, None], 2)[:, :, 0]
    return np.sum(log_p * (ids[:, 1:] > 0), axis=1)


unseen = ids[held_out]
found = np.argmax([log_probabilities(unseen, label) for label in (0, 1)], axis=0)
right = np.mean(found == classes[held_out, 0])
print(f"\nclass found by p(text | class) for {right:.1%} of {len(unseen)} texts held out")

strategy = Sampling(args.samples, top_k=5, seed=0)
options = {"tokenizer": start.tokenizer, "max_new_tokens": args.maxlen - 1}
generate = Generator(lm, strategy, **options)
prompts = [[start.tokenizer.start_id]] * 2
written = generate(prompts, additional_inputs=[np.array([[1], [0]])])
for name, samples in zip(("praise", "blame"), written.sequences):
    print(f"\n{name}:", *map(start.tokenizer.decode, samples), sep="\n  ")
