"""An uncased BERT learns upper case: each word's token begets tokens of its capital forms.

    python examples/recipes/cased.py                                         # a small BERT
    python examples/recipes/cased.py --config chinese_bert/ --text "Welcome to BEIJING."

"welcome" begets "Welcome" and "WELCOME", which start with its embedding (`compound_tokens`) and are
trained apart from then on. To show it, a classifier learns whether a text ends in a name, as in
"they saw Turkey", or in a word, as in "they saw turkey".
"""

import argparse
import os
import random

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import sequence_padding
from kerasx.layers import FirstToken
from kerasx.models import bert_config, build_transformer_model
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, load_vocab

SUBJECTS, VERBS = ("he", "she", "they"), ("saw", "met", "liked", "drew")
WORDS = ("us", "may", "polish", "turkey", "china", "march")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of an uncased BERT; a small one by default")
parser.add_argument("--text", default="They saw TURKEY")
parser.add_argument("--texts", type=int, default=640, help="to learn from")
parser.add_argument("--epochs", type=int, default=4)
args = parser.parse_args()

# The vocabulary, and for each new token the tokens that it starts as the mean of

small = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SUBJECTS, *VERBS, *WORDS]
uncased = load_vocab(args.config) if args.config else {token: i for i, token in enumerate(small)}
cased, compound_tokens = dict(uncased), []
for token, i in uncased.items():
    part, rest = ("##", token[2:]) if token[:2] == "##" else ("", token)
    forms = {rest.upper()} if part else {rest.capitalize(), rest.upper()}
    for form in sorted(part + form for form in forms if rest.isalpha()):
        if form not in cased:
            cased[form] = len(cased)
            compound_tokens.append([i])
config = args.config or bert_config(len(uncased), 32, 1, 64)
new_tokens = {"uncased": None, "cased": compound_tokens}
tokenizers = {"uncased": Tokenizer(uncased, do_lower_case=True), "cased": Tokenizer(cased)}
print(f"{len(uncased)} tokens and {len(compound_tokens)} new ones")
for name, tokenizer in tokenizers.items():
    print(f"{name}: {' '.join(tokenizer.tokenize(args.text))}")

# Data: the last word is a name where it has a capital

rng = random.Random(0)
labels = np.array([rng.randrange(2) for _ in range(args.texts * 5 // 4)])
words = [rng.choice(WORDS) for _ in labels]
words = [word.capitalize() if name else word for word, name in zip(words, labels)]
texts = [f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {word}" for word in words]
n = args.texts

# Models, which differ in the tokenizer and the new tokens

rows = [("", "accuracy, %")]
for name, tokenizer in tokenizers.items():
    keras.utils.set_random_seed(0)
    bert = build_transformer_model(config, compound_tokens=new_tokens[name])
    ids = sequence_padding([tokenizer.encode(text)[0] for text in texts])
    model = keras.Model(bert.inputs, keras.layers.Dense(2)(FirstToken()(bert.output)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-5 if args.config else 3e-3), loss)
    model.fit([ids[:n], 0 * ids[:n]], labels[:n], epochs=args.epochs, verbose=2)
    found = model.predict([ids[n:], 0 * ids[n:]], verbose=0).argmax(-1)
    rows.append((name, f"{100 * np.mean(found == labels[n:]):.1f}"))
print("\n" + text_table(rows))
