"""Math word problems: a UniLM Transformer writes the expression that solves a Chinese problem.

    python examples/math_word_problems.py                                  # generated problems
    python examples/math_word_problems.py --data ape210k/valid.ape.json    # real ones, from scratch
    python examples/math_word_problems.py --data train.ape.json --config chinese_bert/ --epochs 25
    python examples/math_word_problems.py --constrained --beam 4 --vote    # expressions only

鸡兔同笼，共有58个头，192条腿，兔有多少只？ -> (192-58*2)/(4-2), which evaluates to 38. The question
is segment 0 and sees itself whole; the expression is segment 1 and is generated token by token.
With a pretrained BERT (--config) this is the experiment of kexue.fm/archives/7809: 72-75% on
ape210k. Without one the vocabulary is the characters of the training data.
"""

import argparse
import os
import random

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from kerasx.callbacks import Evaluator
from kerasx.data import BucketDataset
from kerasx.datasets import read_ape210k
from kerasx.datasets.math_problems import train_test_problems
from kerasx.generation import BeamSearch, ExpressionGrammar, Generator, frequent_constants, vote
from kerasx.layers import CrossEntropy
from kerasx.metrics import equation_accuracy, is_correct
from kerasx.models import build_transformer_model, load_model, save_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.text import evaluate, format_value, text_table

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="JSON lines of ape210k; generated problems by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--problems", type=int, default=24000, help="generated training problems")
parser.add_argument("--held-out", type=int, default=500, help="problems kept for validation")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=128, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--beam", type=int, default=1, help="width of the beam search")
parser.add_argument("--constrained", action="store_true", help="write expressions only")
parser.add_argument("--vote", action="store_true", help="let beams vote by their values")
parser.add_argument("--maxlen", type=int, default=192, help="tokens of question and expression")
parser.add_argument("--save", default="runs/math_word_problems", help="folder of the model")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
keras.utils.set_random_seed(args.seed)

# Data: questions, the expressions that solve them, and their values

if args.data:
    problems = read_ape210k(args.data)
    random.Random(args.seed).shuffle(problems)
    train, test = problems[args.held_out :], problems[: args.held_out]
else:
    train, test = train_test_problems(args.problems, args.held_out, args.seed)
print(f"{len(train)} problems to learn from, {len(test)} held out")

# Model: BERT with the UniLM mask, pretrained or from scratch on the characters of the data

start = starting_point(
    args.config,
    (text for p in train for text in (p.question, p.equation)),
    args.hidden_size,
    args.layers,
    args.maxlen,
    simplified=True,
    dropout_rate=0.1 if args.data else 0.0,
)
tokenizer = start.tokenizer
bert = build_transformer_model(
    start.config, application="unilm", with_mlm="linear", keep_tokens=start.keep_tokens
)

# Training: the loss is on the tokens of the expression

model = keras.Model(bert.inputs, CrossEntropy(output_axis=2)(bert.inputs + bert.outputs))
pairs = [(tokenizer.encode(p.question, p.equation, maxlen=args.maxlen),) for p in train]
sizes = (tokenizer.vocab_size, 2)  # of token and segment ids
dataset = BucketDataset(pairs, args.batch_size, max_shapes=4, vocab_size=sizes, seed=args.seed)
peak = args.learning_rate or start.learning_rate
schedule = warmup_cosine(peak, len(dataset) * args.epochs)
model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01, beta_2=0.98))
grammar = ExpressionGrammar(tokenizer, frequent_constants((p.question, p.equation) for p in train))


def solver(bert):
    """Return a function from problems to the expressions that the model writes for them."""
    generate = Generator(
        bert,
        BeamSearch(args.beam),
        end_id=tokenizer.end_id,
        max_new_tokens=min(64, args.maxlen // 2),
        batch_size=100,
        constraints=[grammar] if args.constrained else [],
    )

    def solve(problems, verbose=0):
        questions = [tokenizer.encode(p.question, maxlen=args.maxlen // 2)[0] for p in problems]
        found = generate(questions, verbose=verbose)
        if args.vote:
            found = vote(found, lambda ids: evaluate(grammar.text(ids)))
        return [grammar.text(ids) for ids in found.best]

    return solve


solve = solver(bert)
answers = [p.answer for p in test]
evaluator = Evaluator(lambda _: {"accuracy": equation_accuracy(solve(test), answers)})
saving = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: save_model(args.save, bert, tokenizer)
)
callbacks = [evaluator, saving, keras.callbacks.TerminateOnNaN()]
model.fit(dataset, epochs=args.epochs, shuffle=False, callbacks=callbacks)

# Results: the saved model, on the held-out problems


def value(expression):
    """Return what an expression evaluates to, as text; "-" if it is not an expression."""
    try:
        return format_value(evaluate(expression))
    except ValueError:
        return "-"


expressions = solver(load_model(args.save).model)(test, verbose=1)
right = [is_correct(expression, answer) for expression, answer in zip(expressions, answers)]
rows = [("question", "expression", "value", "")]
for p, expression, is_right in list(zip(test, expressions, right))[:20]:
    verdict = "right" if is_right else f"wrong: {p.equation} = {p.answer}"
    rows.append((p.question, expression, value(expression), verdict))
print("\n" + text_table(rows, (64, 24, 10, 40)))
count = sum(right)
print(f"\n{count} of {len(right)} held-out problems right: {count / len(right):.1%}")
print(f"model and vocabulary saved in {args.save}")
