"""Models that write titles side by side: mT5, UniLM BERT and WoBERT, and published figures.

    python -m benchmarks.titles                             # made-up abstracts, from scratch
    python -m benchmarks.titles --model bert mt5 --configs chinese_bert/ mt5/ --data csl.tsv

Data, mT5 and training are those of `examples/title_mt5.py`, whose arguments this command takes,
too.
"""

import argparse
import os
import time

import keras

from examples import title_mt5 as example
from kerasx.data import sequence_padding
from kerasx.generation import BeamSearch, Generator
from kerasx.layers import CrossEntropy
from kerasx.models import bert_config, build_transformer_model
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, jieba_cut, load_vocab, word_vocab

MT5 = "--model mt5 --configs MT5 --spm M --keep-tokens K"
PUBLISHED = (
    ("BERT*", 63.81, 65.45, 54.91, 45.52, "1.0x", "--model bert --configs BERT"),
    ("WoBERT*", 66.38, 68.22, 57.83, 47.76, "1.1x", "--model wobert --configs WOBERT"),
    (
        "mT5 small*",
        65.14,
        67.08,
        56.71,
        47.69,
        "2.3x",
        MT5,
    ),
    (
        "mT5 base*",
        66.81,
        68.94,
        58.49,
        49.49,
        "1.6x",
        MT5,
    ),
)
NOTE = """* published, on CSL, speeds as times BERT's; by pretrained folders, files in capitals, and
  --data train.tsv val.tsv test.tsv --epochs 40 --batch-size 16"""


def train_bert(papers, args, config=None, cut=None):
    """Return a function from papers to titles, by BERT with the UniLM mask."""
    keras.utils.set_random_seed(0)
    words = load_vocab(config) if config else word_vocab(papers.texts(), cut or list)
    tokenizer = Tokenizer(words, do_lower_case=True, pre_tokenize=cut)
    small = bert_config(len(words), args.hidden_size, 2, args.maxlen)
    bert = build_transformer_model(config or small, application="unilm", with_mlm="linear")
    model = keras.Model(bert.inputs, CrossEntropy(2)([*bert.inputs, bert.output]))
    rate = args.learning_rate or (2e-5 if config else 3e-3)
    example.compile_model(model, rate, papers, config is not None, args)

    pairs = [tokenizer.encode(x.abstract, x.title, maxlen=args.maxlen) for x in papers.train]
    arrays = [sequence_padding(part) for part in zip(*pairs)]
    options = {"end_id": tokenizer.end_id, "max_new_tokens": example.LONGEST}
    generate = Generator(bert, BeamSearch(args.beam), **options)
    write = example.writer(generate, tokenizer, args)
    name = "wobert" if cut else "bert"
    example.fit(name, model, arrays, write, papers, args)
    bert.save(os.path.join(args.save, f"{name}.keras"))
    return write


def train_wobert(papers, args, config=None):
    return train_bert(papers, args, config, jieba_cut)


MODELS = {"bert": train_bert, "wobert": train_wobert, "mt5": example.train_mt5}


def titles_per_second(write, papers):
    write(papers)  # compiles for the shapes of these papers
    start = time.perf_counter()
    write(papers)
    return len(papers) / (time.perf_counter() - start)


def main(args):
    os.makedirs(args.save, exist_ok=True)
    papers = example.load(args)
    n, first = example.first_characters(papers)
    table = [("titles, %", *first, "speed", "")]
    table.append((f"first {n} characters", *(f"{x:.2f}" for x in first.values()), "", ""))
    speeds = []
    for name, config in zip(args.model, args.configs or [None] * len(args.model), strict=True):
        print(f"\n{name}")
        write = MODELS[name](papers, args, config)
        speeds.append(titles_per_second(write, papers.test))
        found = example.scores(write(papers.test), papers.test)
        speed = f"{speeds[-1] / speeds[0]:.1f}x", f"{speeds[-1]:.1f} titles/s"
        table.append((name, *(f"{x:.2f}" for x in found.values()), *speed))
    print("\n" + text_table([*table, *PUBLISHED]), NOTE, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[example.parser], add_help=False)
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument(
        "--configs", nargs="+", help="pretrained folder of each --model; else from scratch"
    )
    main(parser.parse_args())
