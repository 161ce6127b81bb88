"""Small data, networks and parts of pictures that several claims share."""

import ctypes
import gc
import threading
import time

import keras
import numpy as np
from keras import tree

from benchmarks.harness import resident, restart_peak
from kerasx.data import MaskTokens, RowRandom, sequence_padding
from kerasx.datasets import generate_papers, generate_problems
from kerasx.layers import Add, CrossEntropy, FeedForward, LayerNormalization, MultiHeadAttention
from kerasx.losses import MaskedCrossEntropy
from kerasx.models import arrange_for, bert_config, build_transformer_model, score_places
from kerasx.optimizers import warmup_cosine
from kerasx.tokenizers import Tokenizer, character_vocab


def digits(seed, train=300, valid=300):
    """Return ((x, y), ...) for training, validation and test: images of scikit-learn's digits.

    x is (n, 64), float32 in [0, 1], and y (n,), int32. The test set is what the other two leave of
    the 1,797 images. The seed shuffles them.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order].astype("int32")
    parts = slice(train), slice(train, train + valid), slice(train + valid, None)
    return tuple((x[part], y[part]) for part in parts)


def wrong_labels(y, share, seed, classes=10):
    """Return labels of which a share, drawn at random, is replaced by wrong ones."""
    draw = np.random.default_rng(seed)
    chosen = draw.random(len(y)) < share
    return np.where(chosen, (y + draw.integers(1, classes, len(y))) % classes, y)


def dense_network(sizes, activation="relu", **options):
    """Return a model of dense layers with logits; `options` are those of all its layers."""
    hidden = [keras.layers.Dense(size, activation, **options) for size in sizes[1:-1]]
    last = keras.layers.Dense(sizes[-1], **options)
    return keras.Sequential([keras.Input(sizes[:1]), *hidden, last])


KINDS = ("百分数", "打折", "比例", "平均数", "和差", "和倍")


def word_problems(updates, seed, kinds=KINDS, problems=3200, held_out=200, batch_size=32):
    """Return math word problems of some kinds as the arrays of a UniLM, and the vocabulary's size.

    Returns:
        ([ids, segments] for that many updates, each pass over the problems in a new order;
        [ids, segments] held out; size of the vocabulary, the characters of problems of all KINDS).
    """
    found = generate_problems(problems + held_out, seed, KINDS)
    tokenizer = Tokenizer(character_vocab(text for p in found for text in (p.question, p.equation)))
    pairs = [tokenizer.encode(p.question, p.equation) for p in found if p.family in kinds]
    arrays = [sequence_padding(part) for part in zip(*pairs)]
    order = held_out + shuffled_passes(len(pairs) - held_out, updates * batch_size, seed)
    return [x[order] for x in arrays], [x[:held_out] for x in arrays], tokenizer.vocab_size


def masked_abstracts(updates, seed, length=48, abstracts=6000, held_out=400, batch_size=32):
    """Return generated Chinese abstracts with 15% of their tokens masked, anew in each pass.

    Returns:
        ((x, y, weights) for that many updates of a model of `score_places`; the same held out;
        size of the vocabulary, the characters of the abstracts). Rows have `length` tokens.
    """
    texts = [paper.abstract for paper in generate_papers(abstracts, seed)]
    tokenizer = Tokenizer(character_vocab(texts))
    ids = np.array([tokenizer.encode(text)[0][:length] for text in texts if len(text) >= length])
    train = held_out + shuffled_passes(len(ids) - held_out, updates * batch_size, seed)
    order = np.concatenate([np.arange(held_out), train])
    rows = {"token_ids": ids[order], "words": np.ones_like(ids[order])}
    found = MaskTokens(tokenizer, unit="token")(rows, RowRandom(seed, 0, np.arange(len(order))))
    x = [found[name] for name in ("token_ids", "segment_ids", "places")]
    arrays = (x, found["labels"], found["weights"])
    test = rows_of(arrays, slice(held_out))
    return rows_of(arrays, slice(held_out, None)), test, tokenizer.vocab_size


def rows_of(arrays, rows):
    """Return some rows, a slice or numbers, of arrays in any lists and tuples."""
    return tree.map_structure(lambda a: a[rows], arrays)


def shuffled_passes(rows, count, seed):
    """Return `count` row numbers: passes over all rows, each in an order of its own."""
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(rows) for _ in range(-(-count // rows))]
    return np.concatenate(passes)[:count]


def small_bert(vocab_size, hidden_size=64, layers=2, **options):
    """Return a BERT with random weights, four heads, token scores, and no dropout."""
    config = bert_config(vocab_size, hidden_size, layers, 64)
    rates = {"dropout_rate": 0.0, "attention_dropout_rate": 0.0}
    return build_transformer_model(config, **{"with_mlm": "linear", **rates, **options})


def target_loss_model(bert):
    """Return the model that trains a UniLM, or a GPT with segments, on the tokens of segment 1."""
    return keras.Model(bert.inputs, CrossEntropy(2)([*bert.inputs, bert.output]))


def learning_curve(model, train, test, points=5, batch_size=32):
    """Train once over rows, in their order; evaluate at the end of each of `points` equal parts.

    `train` and `test` are (x,) or (x, y, weights), where x is a list of arrays.

    Returns:
        (test losses, CPU seconds of training until then).
    """
    names, losses, seconds = ("x", "y", "sample_weight"), [], [0.0]
    size = len(train[0][0]) // points
    for start in range(0, size * points, size):
        begun, part = time.process_time(), rows_of(train, slice(start, start + size))
        model.fit(**dict(zip(names, part)), batch_size=batch_size, shuffle=False, verbose=0)
        seconds.append(seconds[-1] + time.process_time() - begun)
        losses.append(model.evaluate(**dict(zip(names, test)), batch_size=200, verbose=0))
    return losses, seconds[1:]


def solver_curve(bert, train, test, points=5, rate=1e-2, batch_size=32):
    """Train a UniLM, or a GPT with segments, as `learning_curve`, on the tokens of segment 1.

    The rate rises to `rate` and falls along a cosine.
    """
    model = target_loss_model(bert)
    schedule = warmup_cosine(rate, len(train[0]) // batch_size)
    model.compile(keras.optimizers.Adam(schedule))
    return learning_curve(model, (train,), (test,), points, batch_size)


def classification_scores(logits, y):
    """Return (mean cross-entropy, accuracy) of logits (n, classes) and labels (n,)."""
    logits = keras.ops.convert_to_numpy(logits)
    logits = logits - logits.max(-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -log_p[np.arange(len(y)), y].mean(), (logits.argmax(-1) == y).mean()


def flattened(tensors):
    """Return a list of tensors as one vector of NumPy."""
    return np.concatenate([keras.ops.convert_to_numpy(t).ravel() for t in tensors])


def rows_of_text(texts, length):
    """Return the tokens of texts, one text after another, as rows (n, length), and their tokenizer.

    The vocabulary is the characters of the texts.
    """
    tokenizer = Tokenizer(character_vocab(texts))
    ids = [i for text in texts for i in tokenizer.encode(text)[0]]
    return np.reshape(ids[: len(ids) // length * length], (-1, length)), tokenizer


def small_llama(vocab_size, width, layers=2):
    """Return a Llama with random weights, from ids to logits, and the model that trains it."""
    sizes = bert_config(vocab_size, width, layers, intermediate_size=2 * width)
    llama = build_transformer_model(sizes | {"model_type": "llama", "final_activation": "linear"})
    return llama, keras.Model(llama.inputs, CrossEntropy(1)([*llama.inputs, llama.output]))


def peak_memory(function):
    """Return the MiB by which a call raises the memory of this process at its peak; Linux only.

    Meanwhile the allocator gives blocks of 64 KiB and more back once they are free; a new thread
    has no blocks left over from what ran before.
    """
    glibc, threshold = ctypes.CDLL(None), -3  # M_MMAP_THRESHOLD of malloc.h
    glibc.mallopt(threshold, 2**16)
    thread = threading.Thread(target=function)
    gc.collect()
    restart_peak()
    before = resident("VmHWM")
    thread.start()
    thread.join()
    peak = resident("VmHWM") - before
    glibc.mallopt(threshold, 2**25)
    return peak / 2**20


def plot_mean(axes, x, curves, label, **options):
    """Draw the mean of curves (seeds, n) as a line, and their standard deviation as a band."""
    mean, deviation = np.mean(curves, 0), np.std(curves, 0)
    (line,) = axes.plot(x, mean, label=label, **options)
    axes.fill_between(x, mean - deviation, mean + deviation, color=line.get_color(), alpha=0.2)


def plot_seeds(axes, figures, measure):
    """Draw shares named "measure, name" in percent: a line for the mean, a dot for each seed."""
    shown = {k.removeprefix(f"{measure}, "): 100 * v for k, v in figures.items() if measure in k}
    for place, values in enumerate(shown.values()):
        axes.plot(values.mean(), place, "|", color="#D55E00", markersize=30, markeredgewidth=3)
        axes.plot(values, [place] * len(values), "o", color="#0072B2", alpha=0.7)
    axes.set(xlabel=f"{measure}, %: the line is the mean, a dot a seed", yticks=range(len(shown)))
    axes.set(yticklabels=shown, ylim=(len(shown) - 0.5, -0.5))
    axes.grid(axis="y", alpha=0.3)


def transformer_block(x, heads=4):
    """Return the outputs of a Transformer block, with normalized inputs of its sublayers."""
    width = x.shape[-1]
    h = LayerNormalization()(x)
    x = Add()([x, MultiHeadAttention(heads, width // heads)([h, h, h])])
    return Add()([x, FeedForward(2 * width, "gelu")(LayerNormalization()(x))])


def linear_probe(train, test):
    """Return the accuracy of a logistic regression on frozen features, ((n, d), labels (n,))."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return probe.fit(*train).score(*test)


def train_masked(bert, tokenizer, ids, updates, peak, seed=0, batch_size=32):
    """Train a masked language model, and yield the loss of each update.

    Args:
        bert: a model of `build_transformer_model(..., with_mlm="linear")`.
        ids: (texts, n) int32, padded. peak: the highest learning rate.
    """
    model, mask = score_places(bert), MaskTokens(tokenizer, unit="token")
    arrange, rng = arrange_for(model), np.random.default_rng(seed)
    optimizer = keras.optimizers.AdamW(warmup_cosine(peak, updates), weight_decay=0.01)
    model.compile(optimizer, MaskedCrossEntropy())
    for update in range(updates):
        rows = rng.integers(len(ids), size=batch_size)
        batch = {"token_ids": ids[rows], "words": np.ones_like(ids[rows])}
        model.reset_metrics()
        yield float(model.train_on_batch(*arrange(mask(batch, RowRandom(seed, update, rows)))))
