"""Titles of Chinese abstracts by mT5.

    python examples/title_mt5.py                                           # made-up abstracts
    python examples/title_mt5.py --data csl.tsv --spm sentencepiece_cn.model
    python examples/title_mt5.py --data csl.tsv --config mt5_small/ --spm M --keep-tokens K

`--data` has a title, a tab and an abstract a line. `--spm` and `--keep-tokens` are mT5's pieces and
rows of one language, as `kerasx.tokenizers.trim_sentencepiece` makes them; kexue.fm/archives/7867.
`python -m benchmarks.titles` compares it with UniLM BERT and WoBERT, and with published figures.
"""

import argparse
import json
import os
import random
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from kerasx.callbacks import Evaluator
from kerasx.data import sequence_padding
from kerasx.datasets import generate_papers, read_papers
from kerasx.generation import BeamSearch, Generator
from kerasx.layers import CrossEntropy
from kerasx.metrics import bleu, mean_rouge
from kerasx.models import build_transformer_model, t5_config
from kerasx.optimizers import AdaFactor, warmup_cosine
from kerasx.text import text_table
from kerasx.tokenizers import SpTokenizer, train_sentencepiece

LONGEST = 32  # tokens of a title

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained mT5; from scratch by default")
parser.add_argument("--data", nargs="+", help="a file to be split 8:1:1; or train, valid and test")
parser.add_argument("--spm", help="SentencePiece model of mT5; one of the data's by default")
parser.add_argument("--keep-tokens", help="JSON list of the rows of mT5 that --spm has kept")
parser.add_argument("--papers", type=int, default=1600, help="made-up papers to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--adafactor", action="store_true", help="instead of Adam")
parser.add_argument("--learning-rate", type=float, help="2e-4 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch, in 2 layers")
parser.add_argument("--maxlen", type=int, default=256, help="tokens of abstract and title")
parser.add_argument("--beam", type=int, default=1, help="width of the beam search")
parser.add_argument("--save", default="runs/title_mt5", help="folder of the model")


class Papers(NamedTuple):
    """Papers, each with a title and an abstract."""

    train: list
    valid: list
    test: list

    def texts(self):
        """Return all texts to learn from."""
        return [text for paper in self.train for text in paper]


def load(args):
    if args.data and len(args.data) > 1:
        papers = Papers(*map(read_papers, args.data))
    else:
        found = read_papers(args.data[0]) if args.data else generate_papers(args.papers * 5 // 4)
        random.Random(0).shuffle(found)
        n = max(len(found) // 10, 1)
        papers = Papers(found[2 * n :], found[:n], found[n : 2 * n])
    train, valid, test = map(len, papers)
    print(f"{train} papers to learn from, {valid} for validation, {test} for the test")
    return papers


def load_tokenizer(papers, args):
    """Return the tokenizer of `--spm`, or one that is trained on the texts to learn from."""
    if args.spm:
        return SpTokenizer(args.spm)
    path, texts = os.path.join(args.save, "titles.model"), papers.texts()
    train_sentencepiece(texts, path, 600 + len(set("".join(texts))))
    return SpTokenizer(path)


def build_mt5(tokenizer, config, args):
    """Return mT5 with the kept rows of its vocabulary, or a small mT5."""
    kept = json.loads(Path(args.keep_tokens).read_text()) if args.keep_tokens else None
    if config is None:
        rows = max(kept) + 1 if kept else tokenizer.vocab_size
        config = t5_config(rows, args.hidden_size, num_layers=2)
    return build_transformer_model(config, model="mt5", with_lm="linear", keep_tokens=kept)


def compile_model(model, rate, papers, pretrained, args):
    """Compile a model that has its loss inside."""
    if not pretrained:
        rate = warmup_cosine(rate, args.epochs * -(-len(papers.train) // args.batch_size))
    adam = keras.optimizers.Adam(rate, beta_2=0.98)
    model.compile(AdaFactor(rate) if args.adafactor else adam)


def fit(name, model, arrays, write, papers, args):
    """Train, and keep the weights of the epoch with the best ROUGE-L in validation."""
    path = os.path.join(args.save, f"{name}.weights.h5")
    best = Evaluator(lambda _: scores(write(papers.valid), papers.valid), path, load_best=True)
    callbacks = [best, keras.callbacks.TerminateOnNaN()]
    model.fit(arrays, batch_size=args.batch_size, epochs=args.epochs, callbacks=callbacks)


def writer(generate, tokenizer, args):
    """Return a function from papers to the titles that the generator writes for them."""

    def write(papers):
        longest = args.maxlen - LONGEST
        prompts = [tokenizer.encode(paper.abstract, maxlen=longest)[0] for paper in papers]
        return [tokenizer.decode(ids) for ids in generate(prompts).best]

    return write


def train_mt5(papers, args, config=None):
    """Return a function from papers to titles."""
    keras.utils.set_random_seed(0)
    tokenizer = load_tokenizer(papers, args)
    mt5 = build_mt5(tokenizer, config, args)
    _, titles = mt5.inputs
    model = keras.Model(mt5.inputs, CrossEntropy(1)([titles, mt5.output]))
    rate = args.learning_rate or (2e-4 if config else 3e-3)
    compile_model(model, rate, papers, config is not None, args)

    encode = tokenizer.encode
    sources = [encode(x.abstract, maxlen=args.maxlen - LONGEST)[0] for x in papers.train]
    titles = [[0, *encode(x.title, maxlen=LONGEST)[0]] for x in papers.train]
    options = {"start_id": 0, "end_id": tokenizer.end_id, "max_new_tokens": LONGEST}
    generate = Generator(mt5, BeamSearch(args.beam), **options)
    write = writer(generate, tokenizer, args)
    fit("mt5", model, [sequence_padding(sources), sequence_padding(titles)], write, papers, args)
    mt5.save(os.path.join(args.save, "mt5.keras"))
    return write


def scores(titles, papers):
    """Return F1 by character and BLEU, in percent."""
    titles = [title.lower() for title in titles]
    references = [paper.title.lower() for paper in papers]
    rouge = mean_rouge(titles, references)
    found = {name: 100 * rouge[name.lower()] for name in ("ROUGE-L", "ROUGE-1", "ROUGE-2")}
    return {**found, "BLEU": bleu(titles, references)}


def first_characters(papers):
    """Return (how many, their scores) of the abstract's beginning as title."""
    n = round(sum(len(paper.title) for paper in papers.train) / len(papers.train))
    return n, scores([paper.abstract[:n] for paper in papers.test], papers.test)


def main(args):
    os.makedirs(args.save, exist_ok=True)
    papers = load(args)
    write = train_mt5(papers, args, args.config)

    titles = write(papers.test)
    shown = zip(titles[:10], (paper.title for paper in papers.test))
    print("\n" + text_table([("title written", "title"), *shown]))
    n, first = first_characters(papers)
    rows = [("titles, %", *first)]
    for name, found in ((f"first {n} characters", first), ("mt5", scores(titles, papers.test))):
        rows.append((name, *(f"{value:.2f}" for value in found.values())))
    print("\n" + text_table(rows))


if __name__ == "__main__":
    main(parser.parse_args())
