"""Chinese word segmentation: a CRF tags each character as B, M, E or S.

    python examples/word_segmentation.py                                     # generated sentences
    python examples/word_segmentation.py --data pku_test_gold.utf8           # a file of words
    python examples/word_segmentation.py --data pku_training.utf8 --config chinese_roberta/

`--data` is a file with a sentence on a line and spaces between its words, as in the second SIGHAN
bakeoff; a tenth of it is for the test. A character begins, continues or ends a word, or is a word;
the CRF learns which tag follows which, and knows which tag may (kexue.fm/archives/5542).
`python -m benchmarks.word_segmentation` compares it with softmax.
"""

import argparse
import os
import random

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset, sequence_padding
from kerasx.datasets import generate_segmented, read_segmented
from kerasx.layers import ConditionalRandomField
from kerasx.metrics import segmentation_f1
from kerasx.models import Predictor, build_transformer_model, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.spans import allowed_transitions, encode_tags, spans_to_tags, tag_set, tags_to_spans
from kerasx.text import text_table

TAGS = tag_set(scheme="BMES")
ALLOWED = allowed_transitions(TAGS, "BMES")
NO_TAG = -1e9  # score of every tag at a place that is padding

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="file of words; generated sentences by default")
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--sentences", type=int, default=600, help="generated training sentences")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 2e-3")
parser.add_argument("--lr-multiplier", type=float, default=1, help="of the CRF's transitions")
parser.add_argument("--model", default="roformer", help="from scratch; bert learns neighbours late")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=128, help="characters; longer sentences are cut")


def load(args):
    """Return sentences, lists of words, to learn from and to test, and what to start from."""
    if args.data:
        sentences = read_segmented(args.data)
        random.Random(0).shuffle(sentences)
    else:
        sentences = generate_segmented(args.sentences + args.sentences // 3)
    sentences = [cut(words, args.maxlen) for words in sentences]
    sentences = [words for words in sentences if words]
    held_out = len(sentences) // (10 if args.data else 4)
    test, train = sentences[:held_out], sentences[held_out:]
    start = starting_point(
        args.config,
        ["".join(words) for words in train],
        args.hidden_size,
        args.layers,
        args.maxlen,
        min_count=2,
        learning_rate=2e-3,
    )
    characters = start.tokenizer.vocab_size
    print(f"{len(train)} sentences to learn from, {len(test)} to test, {characters} characters")
    return train, test, start


def cut(words, maxlen):
    """Return the words within the first `maxlen` characters."""
    ends = np.cumsum([len(word) for word in words])
    return words[: int((ends <= maxlen).sum())]


def encode(words, tokenizer):
    """Return a token id for each character, whatever its form."""
    return tokenizer.tokens_to_ids("".join(words))


def tags_of(words):
    """Return the id of the tag of each character."""
    ends = np.cumsum([0, *map(len, words)]).tolist()
    spans = [(start, end, "") for start, end in zip(ends, ends[1:])]
    return encode_tags(spans_to_tags(spans, ends[-1], "BMES"), TAGS)


def words_of(text, tag_ids):
    spans = tags_to_spans([TAGS[i] for i in tag_ids[: len(text)]], "BMES")
    return [text[start:end] for start, end, _ in spans]


def build_encoder(start, args):
    return build_transformer_model(start.config, model=None if start.pretrained else args.model)


def fit(model, loss, train, start, args, seed):
    """Train a model of the scores of tags."""
    examples = []
    for words in train:
        ids = encode(words, start.tokenizer)
        examples.append(((ids, [0] * len(ids)), tags_of(words)))
    batches = BucketDataset(examples, args.batch_size, max_shapes=3, label_pad=-1, seed=seed)
    peak = args.learning_rate or start.learning_rate
    schedule = warmup_cosine(peak, args.epochs * len(batches))
    model.compile(keras.optimizers.AdamW(schedule), loss)
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model.fit(batches, epochs=args.epochs, shuffle=False, callbacks=callbacks, verbose=2)


def train_crf(train, start, args, seed=0):
    """Return (model of the scores of tags, its CRF)."""
    keras.utils.set_random_seed(seed)
    encoder = build_encoder(start, args)
    crf = ConditionalRandomField(args.lr_multiplier, ALLOWED)
    model = keras.Model(encoder.inputs, crf(keras.layers.Dense(len(TAGS))(encoder.output)))
    fit(model, crf.sparse_loss, train, start, args, seed)
    return model, crf


def predict_scores(model, sentences, start, args):
    """Return the scores of tags (sentences, characters, tags), `NO_TAG` at padding."""
    predict = Predictor(model, batch_size=args.batch_size)
    scores = predict([encode(words, start.tokenizer) for words in sentences])
    return sequence_padding(scores, value=NO_TAG)


def segment(sentences, tag_ids):
    """Return the words that the tags (sentences, characters) make of each sentence's text."""
    tag_ids = keras.ops.convert_to_numpy(tag_ids)
    return [words_of("".join(words), ids) for words, ids in zip(sentences, tag_ids, strict=True)]


def main(args):
    train, test, start = load(args)
    model, crf = train_crf(train, start, args)
    found = segment(test, crf.decode(predict_scores(model, test, start, args)))

    rows = [("words", "found"), *((" ".join(a), " ".join(b)) for a, b in zip(test[:5], found))]
    print("\n" + text_table(rows))
    score = segmentation_f1(test, found)
    values = [f"{100 * value:.2f}" for value in (score.precision, score.recall, score.f1)]
    print("\n" + text_table([("precision %", "recall %", "F1 %"), values]))


if __name__ == "__main__":
    main(parser.parse_args())
