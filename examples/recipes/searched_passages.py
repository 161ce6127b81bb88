"""One answer out of several passages that a search found, by masked tokens or token by token.

    python examples/recipes/searched_passages.py                         # questions made up here
    python examples/recipes/searched_passages.py --method seq2seq
    python examples/recipes/searched_passages.py --data SogouQA.json --config chinese_bert/

`--data` has the form of WebQA and SogouQA. "mlm" reads [CLS] [MASK]... [SEP] question [SEP] passage
and fills all masks at once; "seq2seq" is a UniLM that goes on after passage and question. Either
may write pieces of the passage only, and ends at once where a passage has no answer; then the
passages vote (kexue.fm/archives/7148, 7115).
"""

import argparse
import os
from collections import defaultdict

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import sequence_padding
from kerasx.datasets.searched_questions import generate_searched_questions, read_webqa
from kerasx.generation import Generator, PassageNgrams
from kerasx.layers import CrossEntropy
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import answer_scores
from kerasx.models import build_transformer_model, starting_point
from kerasx.text import text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--method", choices=("mlm", "seq2seq"), default="mlm")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="file of questions; questions made up here by default")
parser.add_argument("--questions", type=int, default=1200, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=96, help="tokens of question and passage")
parser.add_argument("--longest", type=int, default=10, help="tokens of an answer and its end")
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data: a row for each passage of a question

made_up = args.questions * 11 // 10
questions = read_webqa(args.data) if args.data else generate_searched_questions(made_up)
rows = [(x.question, *pair) for i, x in enumerate(questions) if i % 11 for pair in x.passages]
test = questions[::11]
texts, room = map("".join, rows), args.maxlen + args.longest + 2
start = starting_point(args.config, texts, args.hidden_size, 1, room)
tokenizer, end = start.tokenizer, start.tokenizer.end_id
masks = [tokenizer.start_id, *[tokenizer.mask_id] * args.longest, end]


def encode(text, maxlen):
    """Return the ids of a text and its end."""
    return tokenizer.encode(text, maxlen=maxlen + 1)[0][1:]


def prompt(question, passage):
    asked = encode(question, args.maxlen // 3)
    told = encode(passage, args.maxlen - len(asked))
    return [*masks, *asked, *told] if args.method == "mlm" else [masks[0], *told, *asked]


def passage_of(ids):
    """Return the passage in a prompt of "seq2seq", without [CLS] and its end."""
    return ids[1 : ids.index(end)]


# Model and training: the answer in place of the masks, or after the prompt

prompts = [prompt(question, passage) for question, passage, _ in rows]
answers = [encode(answer, args.longest) if answer else [end] for *_, answer in rows]
if args.method == "mlm":
    bert = build_transformer_model(start.config, with_mlm="linear")
    model = keras.Model(bert.inputs, bert.output[:, 1 : args.longest + 1])
    inputs, labels = prompts, sequence_padding(answers, args.longest, -100)
    segments = [[0] * len(ids) for ids in inputs]
    loss = MaskedCrossEntropy(ignore_class=-100)
else:
    bert = build_transformer_model(start.config, application="unilm", with_mlm="linear")
    model = keras.Model(bert.inputs, CrossEntropy(2)([*bert.inputs, bert.output]))
    inputs, labels = [ids + answer for ids, answer in zip(prompts, answers)], None
    segments = [[0] * len(ids) + [1] * len(answer) for ids, answer in zip(prompts, answers)]
    loss = None
model.compile(keras.optimizers.Adam(start.learning_rate), loss)
inputs = [sequence_padding(inputs), sequence_padding(segments)]
model.fit(inputs, labels, batch_size=32, epochs=args.epochs, verbose=2)

# Answers: (text, probability) for each passage, the text "" where it has none


def read_masks(passages, question):
    ids = sequence_padding([prompt(question, passage) for passage in passages], room)
    scores = keras.ops.softmax(model.predict([ids, 0 * ids], verbose=0))
    for passage, p in zip(passages, keras.ops.convert_to_numpy(scores)):
        told, piece, chosen = encode(passage, args.maxlen)[:-1], [], []
        while len(piece) < args.longest and piece[-1:] != [end]:
            n = len(piece)
            follows = {told[i + n] for i in range(len(told) - n) if told[i : i + n] == piece}
            piece.append(max({*follows, end}, key=p[n].__getitem__))
            chosen.append(p[n, piece[-1]])
        yield tokenizer.decode(piece), np.mean(chosen)


def write_pieces(passages, question):
    found = generate([prompt(question, passage) for passage in passages])
    for ids, (score,) in zip(found.best, found.scores):
        yield tokenizer.decode(ids), np.exp(score)


def answer(question):
    """Return the text with the most votes."""
    votes = defaultdict(list)
    passages = [passage for passage, _ in question.passages]
    for text, p in (read_masks if args.method == "mlm" else write_pieces)(passages, question[1]):
        votes[text].append(p)
    strength = {text: sum(p * p for p in ps) / (1 + sum(ps)) for text, ps in votes.items() if text}
    return max(strength, key=strength.get, default="")


if args.method == "seq2seq":
    only = PassageNgrams(end, passage_of)
    generate = Generator(bert, end_id=end, max_new_tokens=args.longest, constraints=[only])
found = [answer(x) for x in test]
wanted = [[answer for _, answer in x.passages if answer] or [""] for x in test]
shown = [(x.question, y, z[0]) for x, y, z in zip(test[:8], found, wanted)]
print("\n" + text_table([("question", "answer", "reference"), *shown]))
exact, f1 = answer_scores(found, wanted).values()
print(f"\n{args.method}: {exact:.1%} of {len(test)} answers exact, F1 {f1:.1%}")
