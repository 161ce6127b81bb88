"""Answers to questions out of Chinese passages: pointed at, or written token by token.

    python examples/reading_comprehension.py                        # generated passages
    python examples/reading_comprehension.py --data cmrc2018_trial.json --maxlen 512
    python examples/reading_comprehension.py --data train.json dev.json --config chinese_roberta/

`--data` are files in the form of SQuAD: one to learn from, and one to test, which by default is a
part of the passages. "pointer" scores each token as start and end of the answer; "seq2seq" is a
UniLM that a constraint lets write pieces of the passage only (kexue.fm/archives/7115). What of a
passage is beyond `--maxlen` is not read.
"""

import argparse
import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from kerasx import data, tokenizers
from kerasx.backend import mask_value
from kerasx.datasets import generate_questions, read_squad
from kerasx.generation import BeamSearch, Generator, PassageNgrams
from kerasx.layers import CrossEntropy
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import answer_scores
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import warmup_cosine
from kerasx.spans import best_span, text_spans, token_spans
from kerasx.text import text_table

METHODS = ("pointer", "seq2seq")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs="+", help="files of questions; generated ones by default")
parser.add_argument("--config", help="folder of a pretrained BERT and its vocabulary")
parser.add_argument("--method", choices=METHODS, nargs="+", default=METHODS)
parser.add_argument("--questions", type=int, default=1500, help="generated ones to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 2e-3")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=128, help="tokens of question and passage")
parser.add_argument("--longest", type=int, default=16, help="tokens of an answer")
args = parser.parse_args()

# Data: ids of question and passage, answers as spans of them

if args.data:
    train, *tests = (read_squad(path, errors="skip") for path in args.data)
    held_out = set() if tests else {x.passage for x in train[::20]}
    test = tests[0] if tests else [x for x in train if x.passage in held_out]
    train = [x for x in train if x.passage not in held_out]
else:
    questions = generate_questions(args.questions + 100)
    test, train = questions[:100], questions[100:]
if args.config:
    config, vocabulary = args.config, tokenizers.load_vocab(args.config)
else:
    vocabulary = tokenizers.character_vocab((x.passage + x.question for x in train), min_count=2)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen + args.longest)
tokenizer = tokenizers.Tokenizer(vocabulary, do_lower_case=True)


def encode(x):
    """(ids of question and passage, where the passage begins, offsets of its tokens)."""
    asked, _ = tokenizer.encode(x.question, maxlen=args.maxlen // 2)
    tokens, offsets = tokenizer.tokenize_with_offsets(x.passage, args.maxlen - len(asked) + 1)
    return asked + tokenizer.tokens_to_ids(tokens[1:]), len(asked), offsets[1:]


def extract(x, first, after):
    """The text of the tokens from `first` up to `after` of the passage."""
    spans = text_spans(x.passage, [(first, after, "")], encode(x)[2])
    return "".join(x.passage[start:end] for start, end, _ in spans)


known = []  # without the answers that are cut off, or that tokens cannot tell
for x in train:
    (ids, begin, offsets), (text, start) = encode(x), x.answers[0]
    spans = [(start, start + len(text), "")]
    for first, after, _ in token_spans(x.passage, spans, offsets, errors="skip"):
        known.append((ids, begin, (begin + first, begin + after)))
print(f"{len(known)} questions to learn from, {len(test)} to test, such as\n{test[0]}")

# Methods: each trains a model and returns a function from questions and their ids to answers


def fit(model, inputs, labels=None, loss=None):
    peak = args.learning_rate or (2e-5 if args.config else 2e-3)
    rate = warmup_cosine(peak, args.epochs * -(-len(known) // args.batch_size))
    model.compile(keras.optimizers.AdamW(rate), loss)
    model.fit(inputs, labels, args.batch_size, args.epochs, verbose=2)


def padded(rows):
    """Token and segment ids of (ids, where segment 1 begins, ...) each."""
    segments = [[int(i >= begin) for i in range(len(ids))] for ids, begin, *_ in rows]
    return list(map(data.sequence_padding, ([ids for ids, *_ in rows], segments)))


def pointer():
    bert = build_transformer_model(config)
    scores = ops.swapaxes(keras.layers.Dense(2)(bert.output), 1, 2)  # (b, 2, n)
    scores = ops.where(bert.inputs[1][:, None] > 0, scores, mask_value("float32"))
    model = keras.Model(bert.inputs, scores)
    ends = np.array([y for *_, y in known]) - [0, 1]
    fit(model, padded(known), ends, MaskedCrossEntropy(None))

    def answer(questions, coded):
        found = model.predict(padded(coded), args.batch_size, verbose=0)
        for x, (ids, begin, _), ends in zip(questions, coded, found):
            yield extract(x, *best_span(*ends[:, begin : len(ids) - 1], args.longest))

    return answer


def seq2seq():
    bert = build_transformer_model(config, application="unilm", with_mlm="linear")
    model = keras.Model(bert.inputs, CrossEntropy(2)([*bert.inputs, bert.output]))
    end = tokenizer.end_id
    fit(model, padded([([*x, *x[slice(*y)][: args.longest], end], len(x)) for x, _, y in known]))
    limits = [PassageNgrams(end, lambda ids: ids[ids.index(end) + 1 : -1])]
    generate = Generator(bert, BeamSearch(2), end, args.longest, constraints=limits)

    def answer(questions, coded):
        pieces = generate([ids for ids, *_ in coded]).best
        for x, (ids, begin, _), piece in zip(questions, coded, map(list, pieces)):
            first = next(i for i in range(len(ids)) if ids[begin + i :][: len(piece)] == piece)
            yield extract(x, first, first + len(piece))

    return answer


# Results

references = [[y for y, _ in x.answers] for x in test]
table = [("method", "exact, %", "F1, %", "CPU seconds")]
for name in args.method:
    keras.utils.set_random_seed(0)
    start = time.process_time()
    answers = list({"pointer": pointer, "seq2seq": seq2seq}[name]()(test, list(map(encode, test))))
    scores, seconds = answer_scores(answers, references), time.process_time() - start
    table.append((name, *(f"{100 * x:.2f}" for x in scores.values()), f"{seconds:.0f}"))
    rows = [(x.question, y, x.answers[0][0]) for x, y in zip(test[:6], answers)]
    print("\n" + text_table([("question", name, "reference"), *rows]))
print("\n" + text_table(table))
