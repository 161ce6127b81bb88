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

from kerasx import data, metrics, models, optimizers, tokenizers
from kerasx.callbacks import FlushGradients, SamplePreview
from kerasx.datasets import generate_dialogues, read_dialogues
from kerasx.generation import Replier, Sampling, chat
from kerasx.losses import MaskedCrossEntropy, Perplexity
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, encode_dialogue

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
    saved = models.load_model(args.save)
    chat(replier(saved.model, saved.tokenizer))
    raise SystemExit

# Data: dialogues, lists of turns

if args.data and os.path.isdir(args.data):
    files = ("toy_train.txt", "toy_valid.txt", "toy_data.json")
    pairs, held_out_pairs, several = (os.path.join(args.data, name) for name in files)
    train = read_dialogues(pairs) + read_dialogues(several, "train")
    test = read_dialogues(held_out_pairs) + read_dialogues(several, "valid")
else:
    n, total = args.held_out, args.dialogues + args.held_out
    dialogues = read_dialogues(args.data) if args.data else generate_dialogues(total)
    random.Random(args.seed).shuffle(dialogues)
    train, test = dialogues[n:], dialogues[:n]
print(f"{len(train)} dialogues to learn from, {len(test)} held out")

# Model: NEZHA or GPT, pretrained or from scratch on the characters of the data

options = {"nezha": {"with_mlm": "linear"}, "gpt": {"final_activation": "linear"}}[args.model]
if args.config:
    config, specials = args.config, ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    simplified = tokenizers.load_vocab(config, simplified=True, startswith=specials)
    vocabulary, options["keep_tokens"] = simplified
else:
    texts = (turn for turns in train for turn in turns)
    vocabulary = tokenizers.character_vocab(texts, min_count=2 if args.data else 1)
    config = models.bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
    options["norm_position"] = "pre"
tokenizer = Tokenizer(vocabulary, do_lower_case=True)
if args.words:
    words = tokenizers.load_words(args.words, args.min_count)
    extended = tokenizers.extend_vocab_with_words(vocabulary, words, tokenizer)
    vocabulary, options["compound_tokens"] = extended
    tokenizer = Tokenizer(vocabulary, do_lower_case=True, pre_tokenize=tokenizers.jieba_cut)
options["dropout_rate"] = 0.1 if args.data else 0.0
model = models.build_transformer_model(config, model=args.model, application="lm", **options)

# Training: cross-entropy of every token but the first; each update from several batches


def encoded(dialogues):
    """(inputs, next tokens), without dialogues whose first turn is too long already."""
    found = [encode_dialogue(tokenizer, turns, args.maxlen) for turns in dialogues]
    return [(x[: len(model.inputs)], x[0][1:] + [0]) for x in found if x[0]]


def batches(rows, size, **kwargs):
    return data.BucketDataset(rows, size, max_shapes=4, label_pad=0, **kwargs)


rows, held_out = encoded(train), encoded(test)
dataset = batches(rows, args.batch_size, seed=args.seed)
peak = args.learning_rate or (2e-5 if args.config else 3e-3)
Adam = optimizers.extend_with_weight_decay(keras.optimizers.Adam)
optimizer = optimizers.extend_with_gradient_accumulation(Adam)(
    optimizers.warmup_cosine(peak, -(-len(dataset) // args.accumulate) * args.epochs),
    weight_decay_rate=0.01,
    exclude_from_weight_decay=["Norm", "bias"],
    grad_accum_steps=args.accumulate,
)
trainer = keras.Model(model.inputs, model.outputs)
trainer.compile(optimizer, MaskedCrossEntropy(), weighted_metrics=[Perplexity()])
samples = random.Random(args.seed).sample(test, min(200, len(test)))
said, replied = [turns[:-1] for turns in samples], [turns[-1] for turns in samples]
reply = replier(model, tokenizer)
shown = [" / ".join(turns[-3:]) for turns in said]
preview = SamplePreview(lambda _: reply(said[:5]), shown[:5], replied[:5])
callbacks = [FlushGradients(each_epoch=True), preview, keras.callbacks.TerminateOnNaN()]
trainer.fit(dataset, epochs=args.epochs, shuffle=False, callbacks=callbacks)
models.save_model(args.save, model, tokenizer)

# Results: perplexity on the same tokens, and replies where people replied, too

result = trainer.evaluate(batches(held_out, 64, shuffle=False), verbose=0, return_dict=True)
trigram = metrics.NgramModel(3, len(vocabulary)).fit(x[0] for x, _ in rows)
replies = reply(said)
with_bleu = importlib.util.find_spec("sacrebleu") is not None  # pip install kerasx[metrics]
bleus = [f"{metrics.bleu(replies, replied, n):.2f}" if with_bleu else "-" for n in (2, 4)]
ours, theirs = ([f"{metrics.distinct(x, n):.3f}" for n in (1, 2)] for x in (replies, replied))
table = [("said", "reply", "reply of people"), *zip(shown, replies, replied)]
print("\n" + text_table(table[:16], (70, 30, 30)) + "\n")
table = [("", "perplexity", "BLEU-2", "BLEU-4", "Distinct-1", "Distinct-2")]
table.append((args.model, f"{result['perplexity']:.2f}", *bleus, *ours))
table.append(("trigram", f"{trigram.perplexity(x[0] for x, _ in held_out):.2f}", *"----"))
print(text_table([*table, ("people", *"---", *theirs)]))
print(f"\nof {sum(len(x[0]) - 1 for x, _ in held_out)} tokens and {len(replies)} replies held out")
print(f"model and vocabulary saved in {args.save}")
