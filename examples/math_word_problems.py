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
from kerasx.files.atomic import atomic_path
from kerasx.generation import BeamSearch, ExpressionGrammar, Generator, frequent_constants, vote
from kerasx.layers import CrossEntropy
from kerasx.metrics import equation_accuracy, is_correct
from kerasx.models import bert_config, build_transformer_model
from kerasx.optimizers import warmup_cosine
from kerasx.text import evaluate, format_value, text_table
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab, save_vocab

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="JSON lines of ape210k; generated problems by default")
parser.add_argument("--config", help="folder or configuration of a pretrained BERT")
parser.add_argument("--checkpoint", help="its weights, if --config is not their folder")
parser.add_argument("--vocab", help="its vocabulary; vocab.txt beside the configuration by default")
parser.add_argument("--problems", type=int, default=24000, help="generated training problems")
parser.add_argument("--held-out", type=int, default=500, help="problems kept for validation")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=128, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--beam", type=int, default=1, help="width of the beam search")
parser.add_argument("--constrained", action="store_true", help="only what is an expression")
parser.add_argument("--vote", action="store_true", help="among the beams, by their values")
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

if args.config:
    vocabulary, keep_tokens = load_vocab(
        args.vocab or args.config, simplified=True, startswith=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    )
    config, options = args.config, {"keep_tokens": keep_tokens}
else:
    vocabulary = character_vocab(text for p in train for text in (p.question, p.equation))
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
    options = {"dropout_rate": 0.1 if args.data else 0.0}
tokenizer = Tokenizer(vocabulary, do_lower_case=True)
grammar = ExpressionGrammar(tokenizer, frequent_constants((p.question, p.equation) for p in train))
bert = build_transformer_model(
    config, args.checkpoint, application="unilm", with_mlm="linear", **options
)

# Training: the loss is on the tokens of the expression

model = keras.Model(bert.inputs, CrossEntropy(output_axis=2)(bert.inputs + bert.outputs))
pairs = [(tokenizer.encode(p.question, p.equation, maxlen=args.maxlen),) for p in train]
dataset = BucketDataset(
    pairs, batch_size=args.batch_size, max_shapes=4, vocab_size=(len(vocabulary), 2), seed=args.seed
)
peak = args.learning_rate or (2e-5 if args.config else 3e-3)
schedule = warmup_cosine(peak, len(dataset) * args.epochs)
model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01, beta_2=0.98))


def solver(bert):
    """A function from problems to the expressions that the model writes for them."""
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
        found = vote(found, lambda ids: evaluate(grammar.text(ids))) if args.vote else found
        return list(map(grammar.text, found.best))

    return solve


def save(epoch, logs):
    with atomic_path(saved) as path:
        bert.save(path)


solve, answers = solver(bert), [p.answer for p in test]
os.makedirs(args.save, exist_ok=True)
saved = os.path.join(args.save, "model.keras")
save_vocab(os.path.join(args.save, "vocab.txt"), vocabulary)
saving = keras.callbacks.LambdaCallback(on_epoch_end=save)
evaluator = Evaluator(lambda model: {"accuracy": equation_accuracy(solve(test), answers)})
callbacks = [evaluator, saving, keras.callbacks.TerminateOnNaN()]
model.fit(dataset, epochs=args.epochs, shuffle=False, callbacks=callbacks)

# Results: the saved model, on the held-out problems


def value(expression):
    """What an expression is worth, as text; "-" if it is not one."""
    try:
        return format_value(evaluate(expression))
    except ValueError:
        return "-"


expressions = solver(keras.models.load_model(saved))(test, verbose=1)
marks = list(map(is_correct, expressions, answers))
rows = [("question", "expression", "value", "")]
for p, e, mark in list(zip(test, expressions, marks, strict=True))[:20]:
    rows.append((p.question, e, value(e), "right" if mark else f"wrong: {p.equation} = {p.answer}"))
print("\n" + text_table(rows, (64, 24, 10, 40)))
print(f"\n{sum(marks)} of {len(marks)} held-out problems right: {sum(marks) / len(marks):.1%}")
print(f"model and vocabulary saved in {args.save}")
