"""Chinese small talk: a causal Transformer learns all turns of dialogues at once, and replies.

    python examples/dialogue_lccc.py                              # generated dialogues
    python examples/dialogue_lccc.py --chat                       # talk to the saved model
    python examples/dialogue_lccc.py --data lccc/ --batch-size 16 --accumulate 1
    python examples/dialogue_lccc.py --data LCCC-base.json --config nezha/ --words user_tokens.csv

[CLS] 你好 [SEP] 你是谁 [SEP] ...: the turns alternate between segments 0 and 1, and each token,
[SEP] too, is predicted from those before it (kexue.fm/archives/7718). The perplexity is compared
with that of a trigram model with back-off, on the same tokens that neither has seen.
"""

import argparse
import importlib.util
import os
import random

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from kerasx import metrics, optimizers
from kerasx.callbacks import FlushGradients, SamplePreview
from kerasx.data import BucketDataset
from kerasx.datasets import generate_dialogues, read_dialogues
from kerasx.generation import Replier, Sampling, chat
from kerasx.losses import MaskedCrossEntropy, Perplexity
from kerasx.models import build_transformer_model, load_model, save_model, starting_point
from kerasx.text import text_table
from kerasx.tokenizers import (
    Tokenizer,
    encode_dialogue,
    extend_vocab_with_words,
    jieba_cut,
    load_words,
)

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="file of dialogues, or folder of CDial-GPT's toy data")
parser.add_argument("--model", choices=("nezha", "gpt"), default="nezha")
parser.add_argument("--config", help="folder of a pretrained model and its vocabulary")
parser.add_argument("--words", help="file of words and their counts, which become tokens")
parser.add_argument("--min-count", type=int, default=10, help="of words that become tokens")
parser.add_argument("--dialogues", type=int, default=2000, help="generated training dialogues")
parser.add_argument("--held-out", type=int, default=200, help="dialogues kept for validation")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--accumulate", type=int, default=2, help="batches for each update")
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 3e-3")
parser.add_argument("--hidden-size", type=int, default=128, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=128, help="tokens of a dialogue, whole turns")
parser.add_argument("--top-k", type=int, default=5, help="tokens that are sampled from")
parser.add_argument("--temperature", type=float, default=1.0)
parser.add_argument("--save", default="runs/dialogue_lccc", help="folder of the model")
parser.add_argument("--chat", action="store_true", help="talk to the model in --save")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
keras.utils.set_random_seed(args.seed)


def replier(model, tokenizer):
    strategy = Sampling(top_k=args.top_k, temperature=args.temperature, seed=args.seed)
    return Replier(model, tokenizer, strategy, args.maxlen)


if args.chat:
    saved = load_model(args.save)
    chat(replier(saved.model, saved.tokenizer))
    raise SystemExit

# Data: dialogues, lists of turns

if args.data and os.path.isdir(args.data):
    several = os.path.join(args.data, "toy_data.json")
    train = read_dialogues(os.path.join(args.data, "toy_train.txt"))
    train += read_dialogues(several, "train")
    test = read_dialogues(os.path.join(args.data, "toy_valid.txt"))
    test += read_dialogues(several, "valid")
else:
    if args.data:
        dialogues = read_dialogues(args.data)
    else:
        dialogues = generate_dialogues(args.dialogues + args.held_out)
    random.Random(args.seed).shuffle(dialogues)
    train, test = dialogues[args.held_out :], dialogues[: args.held_out]
print(f"{len(train)} dialogues to learn from, {len(test)} held out")

# Model: NEZHA or GPT, pretrained or from scratch on the characters of the data

start = starting_point(
    args.config,
    (turn for turns in train for turn in turns),
    args.hidden_size,
    args.layers,
    args.maxlen,
    min_count=2 if args.data else 1,
    simplified=True,
    norm_position="pre",
)
tokenizer, compound_tokens = start.tokenizer, None
if args.words:  # words become tokens, which start as the means of their characters
    words = load_words(args.words, args.min_count)
    vocabulary, compound_tokens = extend_vocab_with_words(tokenizer.token_dict, words, tokenizer)
    tokenizer = Tokenizer(vocabulary, do_lower_case=True, pre_tokenize=jieba_cut)
outputs = {"nezha": {"with_mlm": "linear"}, "gpt": {"final_activation": "linear"}}
model = build_transformer_model(
    start.config,
    model=args.model,
    application="lm",
    keep_tokens=start.keep_tokens,
    compound_tokens=compound_tokens,
    dropout_rate=0.1 if args.data else 0.0,
    **outputs[args.model],
)

# Training: cross-entropy of every token but the first; each update from several batches


def encoded(dialogues):
    """Return (inputs, next tokens), without dialogues whose first turn is too long already."""
    examples = []
    for turns in dialogues:
        ids, segments = encode_dialogue(tokenizer, turns, args.maxlen)
        if ids:
            inputs = (ids, segments)[: len(model.inputs)]
            examples.append((inputs, ids[1:] + [-100]))
    return examples


def batches(examples, size, **options):
    return BucketDataset(examples, size, max_shapes=4, label_pad=-100, **options)


examples, held_out = encoded(train), encoded(test)
dataset = batches(examples, args.batch_size, seed=args.seed)
updates = -(-len(dataset) // args.accumulate) * args.epochs
peak = args.learning_rate or start.learning_rate
Adam = optimizers.extend_with_weight_decay(keras.optimizers.Adam)
Accumulating = optimizers.extend_with_gradient_accumulation(Adam)
optimizer = Accumulating(
    optimizers.warmup_cosine(peak, updates),
    weight_decay_rate=0.01,
    exclude_from_weight_decay=["Norm", "bias"],
    grad_accum_steps=args.accumulate,
)
trainer = keras.Model(model.inputs, model.outputs)
trainer.compile(optimizer, MaskedCrossEntropy(), weighted_metrics=[Perplexity()])

samples = random.Random(args.seed).sample(test, min(200, len(test)))
said = [turns[:-1] for turns in samples]
shown = [" / ".join(turns[-3:]) for turns in said]
people = [turns[-1] for turns in samples]
reply = replier(model, tokenizer)
preview = SamplePreview(lambda _: reply(said[:5]), shown[:5], people[:5])
callbacks = [FlushGradients(each_epoch=True), preview, keras.callbacks.TerminateOnNaN()]
trainer.fit(dataset, epochs=args.epochs, shuffle=False, callbacks=callbacks)
save_model(args.save, model, tokenizer)

# Results: perplexity on the same tokens, and replies where people replied, too

test_set = batches(held_out, 64, shuffle=False)
ours = trainer.evaluate(test_set, verbose=0, return_dict=True)["perplexity"]
trigram = metrics.NgramModel(3, tokenizer.vocab_size).fit(x[0] for x, _ in examples)
theirs = trigram.perplexity(x[0] for x, _ in held_out)
replies = reply(said)
if importlib.util.find_spec("sacrebleu"):  # pip install kerasx[metrics]
    bleu = [f"{metrics.bleu(replies, people, n):.2f}" for n in (2, 4)]
else:
    bleu = ["-", "-"]
distinct = [f"{metrics.distinct(replies, n):.3f}" for n in (1, 2)]
distinct_people = [f"{metrics.distinct(people, n):.3f}" for n in (1, 2)]
rows = [("said", "reply", "reply of people"), *zip(shown[:15], replies, people)]
print("\n" + text_table(rows, (70, 30, 30)) + "\n")
table = [
    ("", "perplexity", "BLEU-2", "BLEU-4", "Distinct-1", "Distinct-2"),
    (args.model, f"{ours:.2f}", *bleu, *distinct),
    ("trigram", f"{theirs:.2f}", "-", "-", "-", "-"),
    ("people", "-", "-", "-", *distinct_people),
]
print(text_table(table))
tokens = sum(len(x[0]) - 1 for x, _ in held_out)
print(f"\nof {tokens} tokens and {len(replies)} replies held out")
print(f"model and vocabulary saved in {args.save}")
