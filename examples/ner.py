"""Named entities in Chinese text: CRF, softmax and two kinds of GlobalPointer, all else equal.

    python examples/ner.py                                    # generated sentences
    python examples/ner.py --data ner_weibo/                  # Weibo NER, from scratch
    python examples/ner.py --data ner_weibo/ --config chinese_roberta/ --head crf

`--data` is a folder of CoNLL files, one of train and one of dev or test. CRF and softmax say BIO
tags, softmax_constrained the best that BIO allows; pointers score spans (kexue.fm/archives/8373).
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_entities, read_conll
from kerasx.layers import ConditionalRandomField, EfficientGlobalPointer, GlobalPointer
from kerasx.losses import GlobalPointerCrossentropy, MaskedCrossEntropy
from kerasx.metrics import span_report
from kerasx.models import bert_config, build_transformer_model
from kerasx.ops import viterbi
from kerasx.optimizers import warmup_cosine
from kerasx.spans import alignment, tagging
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, character_vocab, load_vocab

HEADS = ("crf", "softmax", "global_pointer", "efficient_global_pointer")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="folder of CoNLL files; generated sentences by default")
parser.add_argument("--config", help="folder or configuration of a pretrained BERT")
parser.add_argument("--vocab", help="its vocabulary; vocab.txt beside the configuration by default")
parser.add_argument("--head", choices=HEADS, nargs="+", default=HEADS, help="which to compare")
parser.add_argument("--sentences", type=int, default=500, help="generated training sentences")
parser.add_argument("--seeds", type=int, default=1, help="models for each head")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 2e-3")
parser.add_argument("--lr-multiplier", type=float, default=1, help="of the CRF's transitions")
parser.add_argument("--model", default="roformer", help="from scratch; bert learns neighbours late")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=192, help="tokens; longer sentences are cut")
args = parser.parse_args()

# Data: texts and their spans (start, end, label) in characters


def read(kinds):
    path = next(p for p in sorted(Path(args.data).iterdir()) if p.name.endswith(kinds))
    for tokens, tags, *_ in read_conll(path, segmented="weibo" in path.name.lower()):
        ends = np.cumsum([0, *map(len, tokens)]).tolist()
        yield "".join(tokens), [(ends[s], ends[e], x) for s, e, x in tagging.tags_to_spans(tags)]


if args.data:
    train, test = list(read("train")), list(read(("dev", "test")))
else:
    sentences = generate_entities(args.sentences + args.sentences // 3)
    train, test = sentences[args.sentences // 3 :], sentences[: args.sentences // 3]
labels = sorted({label for _, spans in train for _, _, label in spans})
tags = tagging.tag_set(labels)
allowed = tagging.allowed_transitions(tags)
if args.config:
    config, vocabulary = args.config, load_vocab(args.vocab or args.config)
else:
    vocabulary = character_vocab((text for text, _ in train), min_count=2)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
tokenizer = Tokenizer(vocabulary, do_lower_case=True)
print(f"{len(train)} sentences to learn from, {len(test)} to test; labels: {' '.join(labels)}")


def example(text, spans):
    """(ids, spans in tokens, offsets), without spans that are cut or that tokens cannot tell."""
    tokens, offsets = tokenizer.tokenize_with_offsets(text, args.maxlen)
    spans = alignment.token_spans(text, spans, offsets, errors="skip")
    ids = tokenizer.tokens_to_ids(tokens)
    return (np.array(ids), np.zeros_like(ids)), spans, offsets


train, test = ([(text, spans, *example(text, spans)) for text, spans in x] for x in (train, test))
most = max(sum(x == label for *_, x in row[3]) for row in train for label in labels)


def labelled(ids, spans, pointers):
    if pointers:
        return tagging.pointer_labels(spans, len(ids), labels, most)
    return tagging.encode_tags(tagging.spans_to_tags(spans, len(ids)), tags)


# Training: one head on top of the same encoder


def train_with(head, seed):
    """Spans of each sentence of the test for each way to read the outputs, and seconds."""
    keras.utils.set_random_seed(seed)
    bert = build_transformer_model(config, model=None if args.config else args.model)
    pointers, crf = "pointer" in head, None
    if pointers:
        cls = GlobalPointer if head == "global_pointer" else EfficientGlobalPointer
        outputs, loss = cls(len(labels), 32)(bert.output), GlobalPointerCrossentropy(sparse=True)
    else:
        outputs, loss = keras.layers.Dense(len(tags))(bert.output), MaskedCrossEntropy(-1)
    if head == "crf":
        crf = ConditionalRandomField(args.lr_multiplier, allowed)
        outputs, loss = crf(outputs), crf.sparse_loss
    model = keras.Model(bert.inputs, outputs)
    rows = [(x, labelled(x[0], spans, pointers)) for _, _, x, spans, _ in train]
    pad = None if pointers else -1
    batches = BucketDataset(rows, args.batch_size, max_shapes=3, label_pad=pad, seed=seed)
    peak = args.learning_rate or (2e-5 if args.config else 2e-3)
    model.compile(keras.optimizers.AdamW(warmup_cosine(peak, args.epochs * len(batches))), loss)
    start, found = time.time(), {}
    model.fit(batches, epochs=args.epochs, shuffle=False, verbose=2)
    seconds, rows = time.time() - start, [(x,) for _, _, x, *_ in test]
    data = BucketDataset(rows, args.batch_size, max_shapes=3, shuffle=False)
    for batch, (x,) in zip(data.batches.plan(0), data):
        scores = model.predict_on_batch(x)
        best = {head: crf.decode(scores) if crf else scores if pointers else scores.argmax(-1)}
        if head == "softmax":
            free = np.zeros((len(tags), len(tags)))
            best["softmax_constrained"], _ = viterbi(scores, free, x[0] > 0, allowed)
        for name, outputs in best.items():
            outputs = zip(batch.indices, keras.ops.convert_to_numpy(outputs), strict=True)
            found.setdefault(name, {}).update((i, decoded(test[i], x)) for i, x in outputs)
    return {name: [x[i] for i in range(len(test))] for name, x in found.items()}, seconds


def decoded(row, best):
    text, _, (ids, _), _, offsets = row
    if best.ndim == 3:
        spans = tagging.pointer_spans(best[:, : len(ids), : len(ids)], labels, flat=True)
    else:
        spans = tagging.tags_to_spans([tags[i] for i in best[: len(ids)]])
    return alignment.text_spans(text, spans, offsets)


rows = [("head, F1 in %", *labels, "micro", "± of seeds", "seconds to train")]
for head in args.head:
    runs, times = zip(*(train_with(head, seed) for seed in range(args.seeds)))
    for name in runs[0]:
        reports = [span_report([x[1] for x in test], run[name]) for run in runs]
        f1 = [[100 * r[x].f1 for r in reports if x in r] for x in (*labels, "micro")]
        values = (*map(np.mean, f1), np.std(f1[-1]), np.mean(times))
        rows.append((name, *(f"{x:.2f}" for x in values)))
print("\n" + text_table(rows))
