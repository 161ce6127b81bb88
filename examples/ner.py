"""Named entities in Chinese text, found as spans by GlobalPointer.

    python examples/ner.py                                    # generated sentences
    python examples/ner.py --data ner_weibo/                  # Weibo NER, from scratch
    python examples/ner.py --data ner_weibo/ --config chinese_roberta/

`--data` is a folder of CoNLL files, one with train and one with dev or test in its name. The model
scores each span of tokens for each label; a score above 0 is an entity (kexue.fm/archives/8373).
`python -m benchmarks.ner` compares it with a CRF and with softmax.
"""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_entities, read_conll
from kerasx.layers import EfficientGlobalPointer, GlobalPointer
from kerasx.losses import GlobalPointerCrossentropy
from kerasx.metrics import span_report
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.spans import pointer_labels, pointer_spans, tags_to_spans, text_spans, token_spans
from kerasx.text import text_table

POINTERS = {"global_pointer": GlobalPointer, "efficient_global_pointer": EfficientGlobalPointer}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="folder of CoNLL files; generated sentences by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--pointer", choices=POINTERS, default="global_pointer")
parser.add_argument("--sentences", type=int, default=500, help="generated training sentences")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 2e-3")
parser.add_argument("--model", default="roformer", help="from scratch; bert learns neighbours late")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=192, help="tokens; longer sentences are cut")


class Sentence(NamedTuple):
    """A text with its entities, both in characters and in tokens."""

    text: str
    entities: list  # (start, end, label) in characters
    ids: list  # of the tokens
    offsets: list  # (start, end) of each token in the text
    spans: list  # (start, end, label) in tokens


def load_texts(args):
    """Return texts with their entities, to learn from and to test."""
    if args.data:
        return list(read_folder(args.data, "train")), list(read_folder(args.data, "dev", "test"))
    held_out = args.sentences // 3
    sentences = generate_entities(args.sentences + held_out)
    return sentences[held_out:], sentences[:held_out]


def read_folder(folder, *kinds):
    """Yield (text, entities) of the first file whose name ends in one of the kinds."""
    path = next(path for path in sorted(Path(folder).iterdir()) if path.name.endswith(kinds))
    for characters, tags, *_ in read_conll(path, segmented="weibo" in path.name.lower()):
        ends = np.cumsum([0, *map(len, characters)]).tolist()
        spans = tags_to_spans(tags)
        yield "".join(characters), [(ends[start], ends[end], x) for start, end, x in spans]


def tokenize(tokenizer, text, entities, maxlen):
    """Return a `Sentence`, without the entities that are cut or that tokens cannot tell."""
    tokens, offsets = tokenizer.tokenize_with_offsets(text, maxlen)
    spans = token_spans(text, entities, offsets, errors="skip")
    return Sentence(text, entities, tokenizer.tokens_to_ids(tokens), offsets, spans)


def load(args):
    """Return the sentences to learn from and to test, their labels, and what to start from."""
    texts, test_texts = load_texts(args)
    labels = sorted({label for _, entities in texts for _, _, label in entities})
    start = starting_point(
        args.config,
        (text for text, _ in texts),
        args.hidden_size,
        args.layers,
        args.maxlen,
        min_count=2,
        learning_rate=2e-3,
    )
    train = [tokenize(start.tokenizer, *row, args.maxlen) for row in texts]
    test = [tokenize(start.tokenizer, *row, args.maxlen) for row in test_texts]
    print(f"{len(train)} sentences to learn from, {len(test)} to test; labels: {' '.join(labels)}")
    return train, test, labels, start


def build_encoder(start, args):
    return build_transformer_model(start.config, model=None if start.pretrained else args.model)


def fit(model, loss, examples, start, args, **options):
    """Train the model on examples ((token ids, segment ids), labels)."""
    batches = BucketDataset(examples, args.batch_size, max_shapes=3, **options)
    peak = args.learning_rate or start.learning_rate
    schedule = warmup_cosine(peak, args.epochs * len(batches))
    model.compile(keras.optimizers.AdamW(schedule), loss)
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model.fit(batches, epochs=args.epochs, shuffle=False, callbacks=callbacks, verbose=2)


def train_pointer(name, train, labels, start, args, seed=0):
    """Return a trained model of the scores (labels, n, n) of all spans."""
    keras.utils.set_random_seed(seed)
    encoder = build_encoder(start, args)
    scores = POINTERS[name](heads=len(labels), head_size=32)(encoder.output)
    model = keras.Model(encoder.inputs, scores)
    most = max(sum(x == label for _, _, x in row.spans) for row in train for label in labels)
    examples = []
    for row in train:
        inputs = row.ids, [0] * len(row.ids)
        examples.append((inputs, pointer_labels(row.spans, len(row.ids), labels, most)))
    loss = GlobalPointerCrossentropy(sparse=True)
    fit(model, loss, examples, start, args, seed=seed)
    return model


def find_entities(model, test, labels, args):
    """Return the entities that the model finds in each sentence, in characters."""

    def decode(scores):
        return pointer_spans(scores, labels, flat=True)

    predict = Predictor(model, batch_size=args.batch_size)
    spans = predict([row.ids for row in test], decode)
    return [text_spans(row.text, found, row.offsets) for row, found in zip(test, spans)]


def main(args):
    train, test, labels, start = load(args)
    model = train_pointer(args.pointer, train, labels, start, args)
    found = find_entities(model, test, labels, args)
    print(f"\n{test[0].text}\nin it: {test[0].entities}\nfound: {found[0]}")

    report = span_report([row.entities for row in test], found)
    rows = [("in %", "precision", "recall", "F1")]
    for name, score in report.items():
        values = score.precision, score.recall, score.f1
        rows.append((name, *(f"{100 * value:.2f}" for value in values)))
    print("\n" + text_table(rows))


if __name__ == "__main__":
    main(parser.parse_args())
