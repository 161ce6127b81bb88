"""Titles of Chinese abstracts by mT5, and by UniLM BERT and WoBERT to compare.

    python examples/title_mt5.py                                           # made-up abstracts
    python examples/title_mt5.py --model bert wobert mt5                   # all three, speeds too
    python examples/title_mt5.py --data csl.tsv --spm sentencepiece_cn.model

`--data` has a title, a tab and an abstract a line. `--spm` and `--keep-tokens` are mT5's pieces and
rows of one language, as `kerasx.tokenizers.trim_sentencepiece` makes them; kexue.fm/archives/7867.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from kerasx import tokenizers
from kerasx.callbacks import Evaluator
from kerasx.data import sequence_padding
from kerasx.datasets import generate_papers, read_papers
from kerasx.generation import BeamSearch, Generator
from kerasx.layers import CrossEntropy
from kerasx.metrics import bleu, mean_rouge
from kerasx.models import bert_config, build_transformer_model, t5_config
from kerasx.optimizers import AdaFactor, warmup_cosine
from kerasx.text import text_table

PUBLISHED = (
    ("BERT*", 63.81, 65.45, 54.91, 45.52, "1.0x", "--model bert --config BERT"),
    ("WoBERT*", 66.38, 68.22, 57.83, 47.76, "1.1x", "--model wobert --config WOBERT"),
    ("mT5 small*", 65.14, 67.08, 56.71, 47.69, "2.3x", "--config MT5 --spm M --keep-tokens K"),
    ("mT5 base*", 66.81, 68.94, 58.49, 49.49, "1.6x", "--config MT5 --spm M --keep-tokens K"),
)
NOTE = """* published, on CSL, speeds as times BERT's; by pretrained folders, files in capitals, and
  --data train.tsv val.tsv test.tsv --epochs 40 --batch-size 16"""

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--model", nargs="+", choices=("mt5", "bert", "wobert"), default=["mt5"])
parser.add_argument("--config", nargs="+", help="folder of each --model; else from scratch")
parser.add_argument("--data", nargs="+", help="a file to be split 8:1:1; or train, valid and test")
parser.add_argument("--spm", help="SentencePiece model of mT5; one of the data's by default")
parser.add_argument("--keep-tokens", help="JSON list of the rows of mT5 that --spm has kept")
parser.add_argument("--papers", type=int, default=1600, help="made-up papers to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--adafactor", action="store_true", help="instead of Adam")
parser.add_argument("--learning-rate", type=float, help="2e-4, BERTs 2e-5; from scratch 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch, in 2 layers")
parser.add_argument("--maxlen", type=int, default=256, help="tokens of abstract and title")
parser.add_argument("--beam", type=int, default=1, help="width of the beam search")
parser.add_argument("--save", default="runs/title_mt5", help="folder of the models")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)
LONGEST = 32  # tokens of a title

# Data

if args.data and len(args.data) > 1:
    train, valid, test = map(read_papers, args.data)
else:
    papers = read_papers(args.data[0]) if args.data else generate_papers(args.papers * 5 // 4)
    random.Random(0).shuffle(papers)
    n = max(len(papers) // 10, 1)
    valid, test, train = papers[:n], papers[n : 2 * n], papers[2 * n :]
print(f"{len(train)} papers to learn from, {len(valid)} for validation, {len(test)} for the test")
texts = [text for paper in train for text in paper]

# Models, pretrained or on the pieces, characters or words of the data: tokenizer, model, arrays


def mt5(config):
    path = args.spm or os.path.join(args.save, "titles.model")
    if not args.spm:
        tokenizers.train_sentencepiece(texts, path, 600 + len(set("".join(texts))))
    tokenizer = tokenizers.SpTokenizer(path)
    kept = json.loads(Path(args.keep_tokens).read_text()) if args.keep_tokens else None
    config = config or t5_config(max(kept or [tokenizer.vocab_size - 1]) + 1, args.hidden_size, 2)
    model = build_transformer_model(config, model="mt5", with_lm="linear", keep_tokens=kept)
    sources = [tokenizer.encode(x.abstract, maxlen=args.maxlen - LONGEST)[0] for x in train]
    titles = [[0, *tokenizer.encode(x.title, maxlen=LONGEST)[0]] for x in train]
    return tokenizer, model, [sequence_padding(sources), sequence_padding(titles)]


def bert(config, cut=None):
    words = tokenizers.load_vocab(config) if config else tokenizers.word_vocab(texts, cut or list)
    tokenizer = tokenizers.Tokenizer(words, do_lower_case=True, pre_tokenize=cut)
    config = config or bert_config(len(words), args.hidden_size, 2, args.maxlen)
    model = build_transformer_model(config, application="unilm", with_mlm="linear")
    pairs = [tokenizer.encode(x.abstract, x.title, maxlen=args.maxlen) for x in train]
    return tokenizer, model, list(map(sequence_padding, zip(*pairs)))


BUILD = {"mt5": mt5, "bert": bert, "wobert": lambda x: bert(x, tokenizers.jieba_cut)}

# Training: the loss is on the titles; the weights of the best ROUGE-L in validation are kept


def scores(titles, papers):
    """In percent, by character."""
    pair = [title.lower() for title in titles], [paper.title.lower() for paper in papers]
    found = mean_rouge(*pair) | {"bleu": bleu(*pair) / 100}
    return {x: 100 * found[x.lower()] for x in ("ROUGE-L", "ROUGE-1", "ROUGE-2", "BLEU")}


def train_with(name, config):
    """A function from papers to titles."""
    keras.utils.set_random_seed(0)
    tokenizer, network, arrays = BUILD[name](config)
    given = network.inputs[name == "mt5" :]  # without the source
    model = keras.Model(network.inputs, CrossEntropy(len(given))([*given, network.output]))
    rate = args.learning_rate or (3e-3 if not config else 2e-4 if name == "mt5" else 2e-5)
    if not config:
        rate = warmup_cosine(rate, args.epochs * -(-len(train) // args.batch_size))
    adam = keras.optimizers.Adam(rate, beta_2=0.98)
    model.compile(AdaFactor(rate) if args.adafactor else adam)
    ids = {"end_id": tokenizer.end_id, "start_id": 0 if name == "mt5" else None}
    generate = Generator(network, BeamSearch(args.beam), max_new_tokens=LONGEST, **ids)

    def write(papers):
        prompts = [tokenizer.encode(x.abstract, maxlen=args.maxlen - LONGEST)[0] for x in papers]
        return list(map(tokenizer.decode, generate(prompts).best))

    path = os.path.join(args.save, f"{name}.weights.h5")
    best = Evaluator(lambda _: scores(write(valid), valid), path, load_best=True)
    model.fit(arrays, batch_size=args.batch_size, epochs=args.epochs, callbacks=[best])
    network.save(os.path.join(args.save, f"{name}.keras"))
    return write


# Results

n, speeds, decimals = round(sum(len(x.title) for x in train) / len(train)), [], "{:.2f}".format
lead = scores([x.abstract[:n] for x in test], test)
rows = [("titles, %", *lead, "speed", "")]
rows.append((f"first {n} characters", *map(decimals, lead.values()), "", ""))
for name, config in zip(args.model, args.config or [None] * len(args.model), strict=True):
    print(f"\n{name}")
    write = train_with(name, config)
    write(test)  # compiles for the shapes of the test
    start = time.perf_counter()
    titles = write(test)
    speeds.append(len(test) / (time.perf_counter() - start))
    speed = f"{speeds[-1] / speeds[0]:.1f}x", f"{speeds[-1]:.1f} titles/s"
    rows.append((name, *map(decimals, scores(titles, test).values()), *speed))
print("\n" + text_table([("title written", "title"), *zip(titles[:10], (x.title for x in test))]))
print("\n" + text_table([*rows, *PUBLISHED]), NOTE, sep="\n")
