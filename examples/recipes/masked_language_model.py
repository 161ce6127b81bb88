"""A masked language model fills gaps, and samples whole texts by Gibbs sampling.

    python examples/recipes/masked_language_model.py                     # questions made up here
    python examples/recipes/masked_language_model.py --config chinese_bert/ --epochs 0 \
        --text 科学__是第一生产力 --init 科学技术是第一生产力。

`--data` has a text a line. Gibbs sampling hides one token after another, and draws it anew from
what the model thinks of it (arXiv 1902.04094; kexue.fm/archives/8119).
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import sequence_padding
from kerasx.datasets import generate_paraphrases
from kerasx.files import read_lines
from kerasx.losses import MaskedCrossEntropy
from kerasx.models import build_transformer_model, starting_point
from kerasx.probing import gibbs_sample

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="file of texts; questions made up here by default")
parser.add_argument("--questions", type=int, default=2000, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=32)
parser.add_argument("--text", default="请问__什么时候能到", help="_ is a gap")
parser.add_argument("--init", help="the text that sampling starts from; masks by default")
parser.add_argument("--length", type=int, default=9, help="tokens of a sampled text")
parser.add_argument("--samples", type=int, default=6)
args = parser.parse_args()
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# Data and training: a sixth of the tokens is hidden

if args.data:
    texts = read_lines(args.data, str)
else:
    texts = [x.first for x in generate_paraphrases(args.questions * 11 // 10)]
start = starting_point(args.config, texts, args.hidden_size, 2, args.maxlen, dropout_rate=0.0)
tokenizer = start.tokenizer
bert = build_transformer_model(start.config, with_mlm="linear")
bert.compile(keras.optimizers.Adam(start.learning_rate), MaskedCrossEntropy(ignore_class=-100))
ids = sequence_padding([tokenizer.encode(text, maxlen=args.maxlen)[0] for text in texts])
ids = np.repeat(ids, 2, axis=0)  # each text with two maskings
hidden = (rng.random(ids.shape) < 1 / 6) & (ids > 0)
masked = np.where(hidden, tokenizer.mask_id, ids)
n = len(ids) * 10 // 11
labels = np.where(hidden, ids, -100)
bert.fit([masked[:n], 0 * masked[:n]], labels[:n], 64, epochs=args.epochs, verbose=2)
found = bert.predict([masked[n:], 0 * masked[n:]], verbose=0).argmax(-1)
right = np.mean((found == ids[n:])[hidden[n:]])
print(f"\n{right:.1%} of {hidden[n:].sum()} tokens hidden in texts held out are found")

# Gaps: each is filled with what is most probable there

marked = tokenizer.tokenize(args.text)
tokens = np.array(tokenizer.tokens_to_ids(["[MASK]" if x == "_" else x for x in marked]))
gaps = tokens == tokenizer.mask_id
scores = bert.predict([tokens[None], 0 * tokens[None]], verbose=0)[0]
tokens[gaps] = scores[gaps].argmax(-1)
print(f"\n{args.text}\n{tokenizer.decode(tokens)}\n")

# Samples

if args.init:
    tokens = tokenizer.encode(args.init)[0]
else:
    tokens = [tokenizer.start_id, *[tokenizer.mask_id] * args.length, tokenizer.end_id]
never = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.start_id, tokenizer.end_id]
options = {"from_logits": True, "forbidden": never, "chains": args.samples, "burn_in": 20}
for sample in gibbs_sample(bert, tokens, tokenizer.mask_id, **options)[-1]:
    print(tokenizer.decode(sample))
