"""Answers to questions out of Chinese passages: pointed at, or written token by token.

    python examples/reading_comprehension.py                        # generated passages
    python examples/reading_comprehension.py --method seq2seq
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
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from kerasx.data import sequence_padding
from kerasx.datasets import generate_questions, read_squad
from kerasx.generation import BeamSearch, Generator, PassageNgrams
from kerasx.layers import CrossEntropy
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import answer_scores
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.spans import best_span, text_spans, token_spans
from kerasx.text import text_table

METHODS = ("pointer", "seq2seq")
NOT_PASSAGE = -1e4  # score of a token of the question as an end of the answer

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs="+", help="files of questions; generated ones by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
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

# Data: questions with passages and answers

if args.data:
    train, *tests = (read_squad(path, errors="skip") for path in args.data)
    held_out = set() if tests else {x.passage for x in train[::20]}
    test = tests[0] if tests else [x for x in train if x.passage in held_out]
    train = [x for x in train if x.passage not in held_out]
else:
    questions = generate_questions(args.questions + 100)
    test, train = questions[:100], questions[100:]
start = starting_point(
    args.config,
    (x.passage + x.question for x in train),
    args.hidden_size,
    args.layers,
    args.maxlen + args.longest,
    min_count=2,
    learning_rate=2e-3,
)
tokenizer = start.tokenizer


class Encoded(NamedTuple):
    """A question and its passage in tokens."""

    ids: list  # of both
    begin: int  # index of the passage's first token
    offsets: list  # (start, end) of each token of the passage, in its text
    answer: tuple | None = None  # (first token, token after the last)

    def inputs(self):
        """Return token ids and segment ids, where the passage is segment 1."""
        return self.ids, [int(i >= self.begin) for i in range(len(self.ids))]


def encode(x):
    asked, _ = tokenizer.encode(x.question, maxlen=args.maxlen // 2)
    tokens, offsets = tokenizer.tokenize_with_offsets(x.passage, args.maxlen - len(asked) + 1)
    return Encoded(asked + tokenizer.tokens_to_ids(tokens[1:]), len(asked), offsets[1:])


def encode_with_answer(x):
    """Return an `Encoded` with answer, or None if that is cut off or tokens cannot tell it."""
    encoded, (text, place) = encode(x), x.answers[0]
    spans = token_spans(x.passage, [(place, place + len(text), "")], encoded.offsets, errors="skip")
    if not spans:
        return None
    first, after, _ = spans[0]
    return encoded._replace(answer=(encoded.begin + first, encoded.begin + after))


def extract(x, encoded, first, after):
    """Return the text of the passage's tokens from `first` up to `after`."""
    spans = text_spans(x.passage, [(first, after, "")], encoded.offsets)
    return "".join(x.passage[start:end] for start, end, _ in spans)


known = [encoded for encoded in map(encode_with_answer, train) if encoded]
asked = [encode(x) for x in test]
print(f"{len(known)} questions to learn from, {len(test)} to test, such as\n{test[0]}")

# Methods: each trains a model and returns the answers to the questions of the test


def fit(model, inputs, labels=None, loss=None):
    peak = args.learning_rate or start.learning_rate
    schedule = warmup_cosine(peak, args.epochs * -(-len(known) // args.batch_size))
    model.compile(keras.optimizers.AdamW(schedule), loss)
    inputs = [sequence_padding(part) for part in zip(*inputs)]
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model.fit(inputs, labels, args.batch_size, args.epochs, callbacks=callbacks, verbose=2)


def answer_by_pointer():
    bert = build_transformer_model(start.config)
    scores = ops.swapaxes(keras.layers.Dense(2)(bert.output), 1, 2)  # (b, 2, n)
    in_passage = bert.inputs[1][:, None] > 0
    model = keras.Model(bert.inputs, ops.where(in_passage, scores, NOT_PASSAGE))
    ends = np.array([(first, after - 1) for *_, (first, after) in known])
    fit(model, [x.inputs() for x in known], ends, MaskedCrossEntropy(None))

    answers = []
    found = Predictor(model, batch_size=args.batch_size)([x.inputs() for x in asked])
    for x, encoded, (starts, ends) in zip(test, asked, found):
        passage = slice(encoded.begin, -1)  # without [SEP]
        first, after = best_span(starts[passage], ends[passage], args.longest)
        answers.append(extract(x, encoded, first, after))
    return answers


def answer_by_writing():
    bert = build_transformer_model(start.config, application="unilm", with_mlm="linear")
    end = tokenizer.end_id
    rows = []
    for x in known:
        answer = x.ids[slice(*x.answer)][: args.longest]
        ids = [*x.ids, *answer, end]
        rows.append((ids, [int(i >= len(x.ids)) for i in range(len(ids))]))
    fit(keras.Model(bert.inputs, CrossEntropy(2)([*bert.inputs, bert.output])), rows)

    passage_only = PassageNgrams(end, lambda ids: ids[ids.index(end) + 1 : -1])
    options = {"max_new_tokens": args.longest, "constraints": [passage_only]}
    generate = Generator(bert, BeamSearch(2), end_id=end, **options)
    answers = []
    for x, encoded, piece in zip(test, asked, generate([x.ids for x in asked]).best):
        first = index_of(list(piece), encoded.ids[encoded.begin :])
        answers.append(extract(x, encoded, first, first + len(piece)))
    return answers


def index_of(piece, ids):
    """Return where the piece first stands in the ids."""
    return next(i for i in range(len(ids)) if ids[i : i + len(piece)] == piece)


# Results

references = [[text for text, _ in x.answers] for x in test]
methods = {"pointer": answer_by_pointer, "seq2seq": answer_by_writing}
table = [("method", "exact, %", "F1, %", "CPU seconds")]
for name in args.method:
    keras.utils.set_random_seed(0)
    begun = time.process_time()
    answers = methods[name]()
    seconds = time.process_time() - begun
    scores = answer_scores(answers, references).values()
    table.append((name, *(f"{100 * score:.2f}" for score in scores), f"{seconds:.0f}"))
    shown = [(x.question, y, x.answers[0][0]) for x, y in zip(test[:6], answers)]
    print("\n" + text_table([("question", name, "reference"), *shown]))
print("\n" + text_table(table))
