"""Questions and answers out of a passage: a UniLM samples an answer, then asks for it.

    python examples/recipes/question_answer_generation.py                # passages made up here
    python examples/recipes/question_answer_generation.py --data WebQA.json --config chinese_bert/

One text holds all three, [CLS] passage [SEP] answer [SEP] question [SEP], so one model learns both
steps. `--data` has the form of WebQA and SogouQA.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from kerasx.data import sequence_padding
from kerasx.datasets.searched_questions import generate_searched_questions, read_webqa
from kerasx.generation import BeamSearch, Generator, PassageNgrams, Sampling
from kerasx.layers import CrossEntropy
from kerasx.metrics import mean_rouge
from kerasx.models import build_transformer_model, starting_point
from kerasx.text import text_segmentate, text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="file of questions; questions made up here by default")
parser.add_argument("--questions", type=int, default=1200, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--passage", type=int, default=80, help="tokens of a passage")
parser.add_argument("--answer", type=int, default=12, help="tokens of an answer")
parser.add_argument("--question", type=int, default=24, help="tokens of a question")
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data: the pieces of passages that hold the answer

made_up = args.questions * 21 // 20
questions = read_webqa(args.data) if args.data else generate_searched_questions(made_up)
rows = [
    (piece, answer, x.question)
    for x in questions
    for passage, answer in x.passages
    for piece in text_segmentate(passage, args.passage - 2, "\n。！？；，", "；，")
    if answer and answer in piece
]
texts, room = map("".join, rows), args.passage + args.answer + args.question
start = starting_point(args.config, texts, args.hidden_size, 1, room, simplified=True)
tokenizer, end = start.tokenizer, start.tokenizer.end_id


def encode(*texts):
    """Return the ids of a passage and of what follows it, each with its end."""
    ids = []
    for text, longest in zip(texts, (args.passage, args.answer + 1, args.question + 1)):
        ids += tokenizer.encode(text, maxlen=longest)[0][bool(ids) :]
    return ids


train = [encode(*row) for i, row in enumerate(rows) if i % 21]
lengths = [ids.index(end) + 1 for ids in train]  # of the passages
segments = [[0] * n + [1] * (len(ids) - n) for n, ids in zip(lengths, train)]

# Model and training

options = {"with_mlm": "linear", "keep_tokens": start.keep_tokens}
unilm = build_transformer_model(start.config, application="unilm", **options)
model = keras.Model(unilm.inputs, CrossEntropy(2)([*unilm.inputs, unilm.output]))
model.compile(keras.optimizers.Adam(start.learning_rate))
inputs = [sequence_padding(train), sequence_padding(segments)]
model.fit(inputs, batch_size=32, epochs=args.epochs, verbose=2)

# Results: answers are sampled among the pieces of a passage, questions are searched for

passages, references, asked = zip(*rows[::21])
options = {"tokenizer": tokenizer, "constraints": [PassageNgrams(end, lambda ids: ids[1:])]}
sample = Generator(unilm, Sampling(top_p=0.95, seed=0), end, args.answer, **options)
search = Generator(unilm, BeamSearch(2), end, args.question, tokenizer=tokenizer)


def questions_for(answers):
    """Return a question for an answer to each passage."""
    prompts = [encode(*pair) for pair in zip(passages, answers)]
    lengths = [(len(encode(passage)), len(ids)) for passage, ids in zip(passages, prompts)]
    return search(prompts, [[0] * m + [1] * (n - m) for m, n in lengths]).texts


answers = sample([encode(passage) for passage in passages]).texts
written = [("passage", "answer", "question"), *zip(passages, answers, questions_for(answers))]
print("\n" + text_table(written[:9], (60, 20, 40)))
rouge = mean_rouge(questions_for(references), asked)["rouge-l"]
print(f"\nquestions for {len(asked)} answers held out: ROUGE-L {rouge:.1%} of the questions asked")
