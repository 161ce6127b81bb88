"""A language model continues a text: NEZHA-GEN, CPM or GPT2-ML, or a small one trained here.

    python examples/recipes/language_model.py                       # sentences made up here
    python examples/recipes/language_model.py --family cpm          # words of jieba, SentencePiece
    python examples/recipes/language_model.py --data novel.txt --config nezha_gen/
    python examples/recipes/language_model.py --family gpt2_ml --config gpt2_ml/ --epochs 0

`--data` is a text; what is longer than `--maxlen` is split between sentences. `--config` has the
weights and the vocabulary of the family; with `--epochs 0` it writes as it is.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import sequence_padding
from kerasx.datasets import generate_reviews
from kerasx.files import read_lines
from kerasx.generation import Generator, Sampling
from kerasx.layers import CrossEntropy
from kerasx.models import bert_config, build_transformer_model
from kerasx.text import text_segmentate
from kerasx.tokenizers import (
    SpTokenizer,
    Tokenizer,
    character_vocab,
    jieba_cut,
    load_vocab,
    train_sentencepiece,
)

# How each family is built, and the token that ends what it writes

FAMILIES = {
    "nezha_gen": ({"application": "lm", "segment_vocab_size": 0, "with_mlm": "linear"}, "。"),
    "cpm": ({"model": "gpt2", "final_activation": "linear"}, "<cls>"),
    "gpt2_ml": ({"model": "gpt2_ml", "final_activation": "linear"}, "。"),
}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--family", choices=FAMILIES, default="nezha_gen")
parser.add_argument("--config", help="folder of the family's model; from scratch by default")
parser.add_argument("--data", help="text to learn from; reviews made up here by default")
parser.add_argument("--reviews", type=int, default=2000, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--hidden-size", type=int, default=96, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64)
parser.add_argument("--prompt", default="房间", help="the text to be continued")
parser.add_argument("--samples", type=int, default=5)
parser.add_argument("--save", default="runs/language_model", help="folder of CPM's pieces")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)
keras.utils.set_random_seed(0)

# Data

if args.data:
    lines = read_lines(args.data, str.strip)
    texts = [x for line in lines for x in text_segmentate(line, args.maxlen - 2, "\n。！？，")]
else:
    texts = [review.text for review in generate_reviews(args.reviews * 11 // 10)]
held_out = texts[::11]
train = [text for i, text in enumerate(texts) if i % 11]

# Tokenizer: CPM cuts words, and has signs of its own for spaces and line ends


def cut_words(text):
    return [word.replace(" ", "\u2582").replace("\n", "\u2583") for word in jieba_cut(text)]


if args.family == "cpm":
    pieces = os.path.join(args.config or args.save, "chinese_vocab.model")
    if not args.config:
        words = [" ".join(cut_words(text)) for text in train]
        train_sentencepiece(words, pieces, 2000, symbols=["\u2582", "\u2583", "<cls>"])
    options = {"pre_tokenize": cut_words, "token_translate": {"\u2583": "<cls>"}}
    tokenizer = SpTokenizer(pieces, token_start=None, token_end=None, **options)
else:
    vocabulary = load_vocab(args.config) if args.config else character_vocab(train)
    edges = {} if args.family == "nezha_gen" else {"token_start": None, "token_end": None}
    tokenizer = Tokenizer(vocabulary, do_lower_case=True, **edges)

# Model and training

options, end = FAMILIES[args.family]
end_id = tokenizer.token_to_id(end)
config = args.config or bert_config(tokenizer.vocab_size, args.hidden_size, 2, args.maxlen)
lm = build_transformer_model(config, **options)
model = keras.Model(lm.inputs, CrossEntropy(1)([lm.inputs[0], lm.output]))
model.compile(keras.optimizers.Adam(2e-5 if args.config else 3e-3))


def encode(text):
    """Return the ids of a text and of the token that ends it, without the tokenizer's own end."""
    ids = tokenizer.encode(text, maxlen=args.maxlen - 1)[0]
    ids = ids[:-1] if tokenizer.end_id is not None else ids
    return ids if ids[-1] == end_id else [*ids, end_id]


ids, unseen = (sequence_padding([encode(text) for text in part]) for part in (train, held_out))
before = model.evaluate(unseen, verbose=0)
model.fit(ids, batch_size=32, epochs=args.epochs, verbose=2)
after = model.evaluate(unseen, verbose=0)
print(f"\nperplexity of {len(held_out)} texts held out: {np.exp(before):.1f}", end=", ")
print(f"after {args.epochs} epochs {np.exp(after):.2f}\n")

# Texts

room = args.maxlen - len(encode(args.prompt))
strategy = Sampling(args.samples, top_p=0.9, seed=0)
generate = Generator(lm, strategy, end_id=end_id, max_new_tokens=room)
prompt = encode(args.prompt)[:-1]
for sample in generate([prompt]).sequences[0]:
    text = tokenizer.decode(prompt + sample)
    print(text.replace(" ", "").replace("\u2582", " ").replace("\u2583", "\n"))
