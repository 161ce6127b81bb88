"""Chinese word segmentation with tags B, M, E, S: a CRF against softmax, all else equal.

    python examples/word_segmentation.py                                     # generated sentences
    python examples/word_segmentation.py --data pku_test_gold.utf8           # a file of words
    python examples/word_segmentation.py --data pku_training.utf8 --config chinese_roberta/

`--data` is a file with a sentence on a line and spaces between its words, as in the second SIGHAN
bakeoff; a tenth of it is for the test. The CRF knows which tag may follow which. Softmax is read in
two ways: tag by tag, where one that cannot continue a word begins one, and as the best sequence
that the tags allow.
"""

import argparse
import os
import random
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset
from kerasx.datasets import generate_segmented, read_segmented
from kerasx.layers import ConditionalRandomField
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import segmentation_f1
from kerasx.models import bert_config, build_transformer_model
from kerasx.ops import viterbi
from kerasx.optimizers import warmup_cosine
from kerasx.spans import tagging
from kerasx.text import text_table
from kerasx.tokenizers import character_vocab, load_vocab

HEADS = ("crf", "softmax")
TAGS = tagging.tag_set(scheme="BMES")
ALLOWED = tagging.allowed_transitions(TAGS, "BMES")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="file of words; generated sentences by default")
parser.add_argument("--config", help="folder or configuration of a pretrained BERT")
parser.add_argument("--vocab", help="its vocabulary; vocab.txt beside the configuration by default")
parser.add_argument("--head", choices=HEADS, nargs="+", default=HEADS, help="which to compare")
parser.add_argument("--sentences", type=int, default=600, help="generated training sentences")
parser.add_argument("--seeds", type=int, default=2, help="models for each head")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--learning-rate", type=float, help="2e-5 if pretrained, else 2e-3")
parser.add_argument("--lr-multiplier", type=float, default=1, help="of the CRF's transitions")
parser.add_argument("--model", default="roformer", help="from scratch; bert learns neighbours late")
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--maxlen", type=int, default=128, help="characters; longer sentences are cut")
args = parser.parse_args()

# Data: sentences as lists of words, and a tag for each character

if args.data:
    sentences = read_segmented(args.data)
    random.Random(0).shuffle(sentences)
else:
    sentences = generate_segmented(args.sentences + args.sentences // 3)


def cut(words):
    """The words within the first `maxlen` characters."""
    ends = np.cumsum([len(word) for word in words])
    return words[: int((ends <= args.maxlen).sum())]


sentences = [words for words in map(cut, sentences) if words]
held_out = len(sentences) // (10 if args.data else 4)
test, train = sentences[:held_out], sentences[held_out:]
texts = ["".join(words) for words in train]
if args.config:
    config, vocabulary = args.config, load_vocab(args.vocab or args.config)
else:
    vocabulary = character_vocab(texts, min_count=2)
    config = bert_config(len(vocabulary), args.hidden_size, args.layers, args.maxlen)
print(f"{len(train)} sentences to learn from, {len(test)} to test, {len(vocabulary)} characters")


def encode(words):
    """Ids and zeros: a token for each character, whatever its form."""
    ids = [vocabulary.get(c, vocabulary["[UNK]"]) for c in "".join(words)]
    return np.array(ids), np.zeros(len(ids), "int32")


def tag_ids(words):
    ends = np.cumsum([0, *map(len, words)]).tolist()
    spans = [(start, end, "") for start, end in zip(ends, ends[1:])]
    return tagging.encode_tags(tagging.spans_to_tags(spans, ends[-1], "BMES"), TAGS)


def words_of(text, ids):
    spans = tagging.tags_to_spans([TAGS[i] for i in ids[: len(text)]], "BMES")
    return [text[start:end] for start, end, _ in spans]


# Training: one head on top of the same encoder


def train_with(head, seed):
    """Words of each test sentence for each way to read the scores, and seconds."""
    keras.utils.set_random_seed(seed)
    bert = build_transformer_model(config, model=None if args.config else args.model)
    scores, loss, crf = keras.layers.Dense(len(TAGS))(bert.output), MaskedCrossEntropy(-1), None
    if head == "crf":
        crf = ConditionalRandomField(args.lr_multiplier, ALLOWED)
        scores, loss = crf(scores), crf.sparse_loss
    model, rows = keras.Model(bert.inputs, scores), [(encode(x), tag_ids(x)) for x in train]
    batches = BucketDataset(rows, args.batch_size, max_shapes=3, label_pad=-1, seed=seed)
    peak = args.learning_rate or (2e-5 if args.config else 2e-3)
    model.compile(keras.optimizers.AdamW(warmup_cosine(peak, args.epochs * len(batches))), loss)
    start = time.time()
    model.fit(batches, epochs=args.epochs, shuffle=False, verbose=2)
    seconds, rows = time.time() - start, [(encode(x),) for x in test]
    data = BucketDataset(rows, args.batch_size, buckets=[args.maxlen], shuffle=False)
    scores = data.restore(model.predict(data, verbose=0))
    best = {"crf": crf.decode(scores)} if crf else by_softmax(scores)
    return {name: words_of_all(tags) for name, tags in best.items()}, seconds


def by_softmax(scores):
    lengths = np.array([len("".join(words)) for words in test])
    real = np.arange(scores.shape[1]) < lengths[:, None]
    constrained, _ = viterbi(scores, np.zeros((len(TAGS), len(TAGS))), real, ALLOWED)
    return {"softmax": scores.argmax(-1), "softmax_constrained": constrained}


def words_of_all(tags):
    tags = keras.ops.convert_to_numpy(tags)
    return [words_of("".join(words), ids) for words, ids in zip(test, tags, strict=True)]


rows = [("head", "precision %", "recall %", "F1 %", "± of seeds", "seconds to train")]
for head in args.head:
    runs, times = zip(*(train_with(head, seed) for seed in range(args.seeds)))
    for name in runs[0]:
        scores = 100 * np.array([segmentation_f1(test, run[name])[:3] for run in runs])
        values = (*scores.mean(0), scores[:, 2].std(), np.mean(times))
        rows.append((name, *(f"{x:.2f}" for x in values)))
print("\n" + text_table(rows))
