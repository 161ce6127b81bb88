"""Pretraining: from raw text to a folder that kerasx and transformers read, and what it is worth.

    python examples/pretraining.py                          # made-up reviews, masked words
    python examples/pretraining.py --mode electra           # lm, unilm, t5
    python examples/pretraining.py --data wiki/*.txt news.jsonl.gz --valid held_out.txt \
        --hidden-size 768 --layers 12 --length 512 --updates 100000 --dtype mixed_bfloat16
    python examples/pretraining.py --data my.txt --config chinese_bert/ --learning-rate 1e-4
    torchrun --nproc_per_node 2 examples/pretraining.py     # KERAS_BACKEND=torch

Texts are tokenized once, masks are drawn anew in each pass. A run that was killed continues: start
the same command again. The result is compared with random weights on the sentiment of few reviews.
"""

import argparse
import hashlib
import importlib.util
import os
import random
from functools import partial

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx import callbacks, data, models, optimizers
from kerasx.data.documents import DocumentReader
from kerasx.datasets import generate_reviews
from kerasx.distribution import data_parallel, in_first_process, is_first_process, prepare
from kerasx.layers import CrossEntropy, GlobalAveragePooling1D
from kerasx.losses import MaskedCrossEntropy
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, character_vocab, load_tokenizer

FAMILIES = {"t5": "mt5", "electra": "electra"} | dict.fromkeys(("mlm", "lm", "unilm"), "roformer")
ENCODERS = {  # what makes an encoder of the folder that each mode saves
    **dict.fromkeys(("mlm", "unilm"), {"with_mlm": False}),
    "lm": {"with_mlm": None, "application": "lm"},
    "t5": {"model": "mt5.1.1_encoder"},
    "electra": {"with_discriminator": False},
}
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--mode", choices=ENCODERS, default="mlm")
parser.add_argument("--data", nargs="*", help="text, JSON lines, also gzipped; reviews by default")
parser.add_argument("--valid", nargs="*", help="files to validate on")
parser.add_argument("--reviews", type=int, default=18500, help="made-up texts without labels")
parser.add_argument("--config", help="folder of a model to start from, and of its vocabulary")
parser.add_argument("--hidden-size", type=int, default=96, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--length", type=int, default=64, help="tokens of a row")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--accumulate", type=int, default=1, help="batches for each update")
parser.add_argument("--updates", type=int, default=600)
parser.add_argument("--every", type=int, default=100, help="updates between validations")
parser.add_argument("--learning-rate", type=float, default=4e-3)
parser.add_argument("--dtype", default="float32", help="or mixed_bfloat16, mixed_float16")
parser.add_argument("--workers", type=int, default=1, help="processes that tokenize")
parser.add_argument("--labelled", type=int, default=256, help="reviews to fine-tune on")
parser.add_argument("--seeds", type=int, default=3, help="of fine-tuning; 0: none")
parser.add_argument("--save", default="runs/pretraining", help="folder of all files")
args = parser.parse_args()
if not 0 < args.every <= args.updates or args.updates % args.every:
    parser.error("--updates must be a multiple of --every")
folder = os.path.join(args.save, args.mode)

# Model: what is kept, what is trained, and how rows become examples


def objective():
    """Return the model to keep, the model to train, and the transform of rows."""
    sizes, t5 = (tokenizer.vocab_size, args.hidden_size, args.layers), args.mode == "t5"
    config = models.t5_config(*sizes) if t5 else models.bert_config(*sizes, max(512, args.length))
    config, family = (args.config, None) if args.config else (config, FAMILIES[args.mode])
    build = partial(models.build_transformer_model, config, model=family)
    if args.mode == "mlm":
        kept = build(with_mlm="linear")
        return kept, models.score_places(kept), data.MaskTokens(tokenizer)
    if args.mode == "electra":
        kept = build(with_discriminator="linear")
        masks = data.MaskTokens(tokenizer, shares=(0.85, 0, 0.15))
        return kept, models.electra_pretraining(kept, models.electra_generator(kept)), masks
    if t5:
        kept = build(with_lm="linear")
        sentinels, ends = (
            range(sizes[0] - 1, sizes[0] - 99, -1),
            (tokenizer.end_id, tokenizer.pad_id),
        )
        spans = data.CorruptSpans(args.length, sentinels, *ends)
        trained = keras.Model(kept.inputs, CrossEntropy(1)([kept.inputs[1], kept.output]))
        return kept, trained, spans
    kept = causal = build(application=args.mode, with_mlm="linear")
    read = causal.inputs if args.mode == "unilm" else causal.inputs[:1]
    trained = keras.Model(causal.inputs, CrossEntropy(len(read))([*read, causal.output]))
    if args.mode == "lm":
        return kept, trained, None
    kept = build(with_mlm="linear", layers=causal.builder.layers)  # transformers has no such mask
    return kept, trained, data.SplitSource(tokenizer)


def compiled(model):
    Adam = optimizers.extend_with_weight_decay(keras.optimizers.Adam)
    optimizer = optimizers.extend_with_gradient_accumulation(Adam)(
        optimizers.warmup_cosine(args.learning_rate, args.updates),
        weight_decay_rate=0.01,
        exclude_from_weight_decay=["Norm", "bias"],
        grad_accum_steps=args.accumulate,
        global_clipnorm=1.0,
    )
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    masked = {"loss": MaskedCrossEntropy(), "weighted_metrics": [accuracy]}
    model.compile(optimizer, **(masked if args.mode == "mlm" else {}))  # else it is a layer
    return prepare(model)


def write(name):
    """Write the corpus, unless there is one of the same files, and return its path."""
    paths = [*args.data, *files[name]] if args.data else []
    facts = args.config, args.reviews, [(p, os.path.getsize(p), os.path.getmtime(p)) for p in paths]
    corpus = f"{folder}/{name}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:8]}"
    if not os.path.exists(f"{corpus}/corpus.json"):
        if not args.data:
            with open(files[name][0], "w", encoding="utf-8") as file:
                file.writelines(f"{text}\n\n" for text in made_up[name])
        data.write_corpus(files[name], corpus, tokenizer, workers=args.workers)
    return corpus


def dataset(name, model, transform, **options):
    path, raw = in_first_process(lambda: write(name)), getattr(transform, "raw_length", None)
    edges = None if raw else "row"
    corpus = data.PackedCorpus(path, raw or args.length, edges=edges, tokenizer=tokenizer)
    arrange = models.arrange_for(model)
    return data.CorpusDataset(corpus, args.batch_size, transform, arrange, **options)


def pretrain():
    """Train; each epoch is a number of updates, whatever the corpus's size."""
    kept, model, transform = objective()
    model = compiled(model)
    train = dataset("train", model, transform, steps_per_epoch=args.every * args.accumulate)
    valid = files["valid"] and dataset("valid", model, transform, shuffle=False, advance=False)
    resume = callbacks.Resume(f"{folder}/run.safetensors", train)
    watching = [callbacks.Throughput(train[0]), resume]
    if importlib.util.find_spec("matplotlib"):
        watching.append(callbacks.TrainingCurve(f"{folder}/curve.png"))
    options = {"shuffle": False, "verbose": "auto" if is_first_process() else 0}
    epochs = args.updates // args.every
    model.fit(train, validation_data=valid, epochs=epochs, callbacks=watching, **options)
    models.save_pretrained(kept, f"{folder}/model", tokenizer)
    return is_first_process()


# Results: a classifier on the mean of the vectors, from the saved weights and from random ones


def arrays(reviews, n):
    ids = data.sequence_padding([tokenizer.encode(r.text, maxlen=args.length)[0] for r in reviews])
    return [ids, np.zeros_like(ids)][:n], np.array([r.sentiment for r in reviews])


def fine_tuned(checkpoint, seed):
    keras.utils.set_random_seed(seed)
    encoder = models.build_transformer_model(f"{folder}/model", checkpoint, **ENCODERS[args.mode])
    scores = keras.layers.Dense(2, dtype="float32")(GlobalAveragePooling1D()(encoder.output))
    classifier = keras.Model(encoder.inputs, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    n, sample = len(encoder.inputs), random.Random(seed).sample(labelled, args.labelled)
    classifier.fit(*arrays(sample, n), batch_size=16, epochs=20, verbose=0)
    return classifier.evaluate(*arrays(test, n), verbose=0)[1]


if __name__ == "__main__":  # and not in the processes that tokenize
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(args.dtype)
    os.makedirs(folder, exist_ok=True)
    reviews = generate_reviews(args.reviews + 2000)
    test, labelled, texts = reviews[:1000], reviews[1000:2000], [r.text for r in reviews[2000:]]
    made_up = {"train": texts[args.reviews // 40 :], "valid": texts[: args.reviews // 40]}
    files = {name: [os.path.join(args.save, f"{name}.txt")] for name in made_up}
    if args.data:
        files = {"train": args.data, "valid": args.valid or None}
        texts = (part.content for part in DocumentReader(args.data))
    if args.config:
        tokenizer = load_tokenizer(args.config)
    else:
        vocabulary = character_vocab(texts)
        sentinels = [f"[unused{i}]" for i in range(99 if args.mode == "t5" else 0)]
        vocabulary |= {token: len(vocabulary) + i for i, token in enumerate(sentinels)}
        tokenizer = Tokenizer(vocabulary, do_lower_case=True)
    with data_parallel():
        first = pretrain()
    table = [("start", f"accuracy with {args.labelled} labels")]
    for name, checkpoint in (("random weights", False), (f"pretrained ({args.mode})", None)):
        if first and args.seeds:
            found = [100 * fine_tuned(checkpoint, seed) for seed in range(args.seeds)]
            table.append((name, f"{np.mean(found):.1f}% ± {np.std(found):.1f}"))
    if first:
        print("\n" + text_table(table) + f"\n\nmodel and vocabulary saved in {folder}/model")
