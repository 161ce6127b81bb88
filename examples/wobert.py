"""WoBERT: a BERT whose tokens are words, made from one whose tokens are characters.

    python examples/wobert.py                                   # made-up reviews and abstracts
    python examples/wobert.py --config chinese_bert/ --data texts.txt --words 20000 --length 512

Frequent words of jieba join the vocabulary; the embedding of a word starts as the mean of those of
its characters, and a masked language model of whole words trains on (kexue.fm/archives/7758). The
model of characters trains on as well, on as many batches of rows with as much text. Then both learn
to classify reviews and to write titles: accuracy, ROUGE and CPU seconds, side by side.
"""

import argparse
import os
import time
from collections import Counter

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import BucketDataset, CorpusDataset, MaskTokens, PackedCorpus, write_corpus
from kerasx.datasets import generate_papers, generate_reviews
from kerasx.generation import BeamSearch, Generator
from kerasx.layers import CrossEntropy, GlobalAveragePooling1D
from kerasx.losses import MaskedCrossEntropy
from kerasx.metrics import mean_rouge
from kerasx.models import arrange_for, build_transformer_model, score_places, starting_point
from kerasx.optimizers import warmup_cosine
from kerasx.text import text_table
from kerasx.tokenizers import Tokenizer, extend_vocab_with_words, jieba_cut

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", nargs="*", help="files of text, documents between blank lines")
parser.add_argument("--texts", type=int, default=8000, help="made-up reviews, and abstracts")
parser.add_argument("--config", help="folder of a BERT of characters; from scratch by default")
parser.add_argument("--words", type=int, default=2000, help="words that become tokens")
parser.add_argument("--hidden-size", type=int, default=96, help="from scratch")
parser.add_argument("--layers", type=int, default=2, help="from scratch")
parser.add_argument("--length", type=int, default=96, help="characters of a row")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--first", type=int, default=200, help="updates of characters, from scratch")
parser.add_argument("--updates", type=int, default=300, help="of masked words, for each model")
parser.add_argument("--examples", type=int, default=1000, help="labelled reviews, and titles")
parser.add_argument("--tests", type=int, default=200, help="held-out titles, 1/5 of the reviews")
parser.add_argument("--epochs", type=int, default=4, help="of classification, and of titles")
parser.add_argument("--seeds", type=int, default=2, help="of classification")
parser.add_argument("--learning-rate", type=float, help="4e-3 from scratch, else 1e-4")
parser.add_argument("--save", default="runs/wobert", help="folder of all files")
args = parser.parse_args()
if args.epochs < 2:
    parser.error("--epochs must be at least 2: the first one compiles, and is not timed")


def lines():
    return (line.strip() for path in files for line in open(path, encoding="utf-8"))


# Masked language models of whole words


def pretrain(bert, name, length, updates):
    """Train on rows of so many tokens, and write the weights; return the CPU seconds of a row."""
    folder, tokenizer = os.path.join(args.save, name), tokenizers[name]
    segment = jieba_cut if name == "characters" else None  # else each token is a word
    write_corpus(files, folder, tokenizer, word_segment=segment, verbose=0)
    corpus = PackedCorpus(folder, length, tokenizer=tokenizer)
    model = score_places(bert)
    peak = args.learning_rate or (1e-4 if args.config else 4e-3)
    optimizer = keras.optimizers.AdamW(warmup_cosine(peak, updates), weight_decay=0.01)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(optimizer, MaskedCrossEntropy(), weighted_metrics=[accuracy])
    transform, arrange = MaskTokens(tokenizer), arrange_for(model)
    steps = max(updates // 4, 1)
    dataset = CorpusDataset(corpus, args.batch_size, transform, arrange, steps_per_epoch=steps)
    print(f"\n{name}: {len(tokenizer.token_dict)} tokens, rows of {length}")
    model.fit(dataset, epochs=1, shuffle=False)
    begin = time.process_time()
    model.fit(dataset, epochs=4, initial_epoch=1, shuffle=False)
    bert.builder.save_weights_as_checkpoint(os.path.join(args.save, f"{name}.safetensors"))
    return (time.process_time() - begin) / (3 * steps * args.batch_size)


def build(checkpoint, name="characters"):
    """Return a masked language model, from the folder, a file of weights or random weights."""
    compound = {"compound_tokens": compound_tokens} if name == "words" else {}
    return build_transformer_model(
        start.config, checkpoint, model=family, with_mlm="linear", **compound
    )


# Classification, and titles by a UniLM, from the weights of each


def pretrained(name, **options):
    """Return a model with the weights of a vocabulary's masked language model."""
    path = os.path.join(args.save, f"{name}.safetensors")
    options["vocab_size"] = len(tokenizers[name].token_dict)
    return build_transformer_model(start.config, path, model=family, **options)


def timed_fit(model, dataset):
    """Train, and return the CPU seconds of an example after the first epoch."""
    model.fit(dataset, epochs=1, shuffle=False, verbose=0)
    begin = time.process_time()
    model.fit(dataset, epochs=args.epochs, initial_epoch=1, shuffle=False, verbose=0)
    return (time.process_time() - begin) / ((args.epochs - 1) * args.examples)


def classify(name, seed):
    """Return (CPU seconds of an example, accuracy)."""
    keras.utils.set_random_seed(seed)
    bert = pretrained(name, with_mlm=False)
    scores = keras.layers.Dense(2)(GlobalAveragePooling1D()(bert.output))
    model = keras.Model(bert.inputs, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-4), loss, metrics=["accuracy"])
    data = [(tokenizers[name].encode(r.text), r.sentiment) for r in labelled]
    took = timed_fit(model, BucketDataset(data[: args.examples], 16, max_shapes=2))
    test = BucketDataset(data[args.examples :], 16, max_shapes=2)
    return took, 100 * model.evaluate(test, verbose=0)[1]


def write_titles(name):
    """Return (CPU seconds of an example, ROUGE-L, CPU seconds of a title)."""
    tokenizer = tokenizers[name]
    unilm = pretrained(name, application="unilm", with_mlm="linear")
    model = keras.Model(unilm.inputs, CrossEntropy(2)([*unilm.inputs, unilm.output]))
    model.compile(keras.optimizers.Adam(2e-3))
    pairs = [(tokenizer.encode(p.abstract, p.title, maxlen=160),) for p in titled]
    took = timed_fit(model, BucketDataset(pairs[: args.examples], 16, max_shapes=2))
    generate = Generator(
        unilm, BeamSearch(2), end_id=tokenizer.end_id, max_new_tokens=32, batch_size=50
    )
    test = titled[args.examples :]
    prompts = [tokenizer.encode(p.abstract, maxlen=128)[0] for p in test]
    generate(prompts[:50])  # compiles
    begin = time.process_time()
    found = [tokenizer.decode(ids) for ids in generate(prompts).best]
    spent = (time.process_time() - begin) / len(test)
    print("\n".join(f"{title}  |  {p.title}" for title, p in list(zip(found, test))[:3]))
    return took, 100 * mean_rouge(found, [p.title for p in test])["rouge-l"], spent


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    os.makedirs(args.save, exist_ok=True)

    # Data: texts without labels, reviews with a sentiment, abstracts with a title
    known = args.examples + args.tests
    reviews = generate_reviews(args.examples + 5 * args.tests + args.texts)
    papers = generate_papers(known + args.texts)
    labelled, others = reviews[: known + 4 * args.tests], reviews[known + 4 * args.tests :]
    titled, untitled = papers[:known], papers[known:]
    files = args.data
    if not files:
        texts = [r.text for r in others] + [f"{p.title}。{p.abstract}" for p in untitled]
        files = [os.path.join(args.save, "texts.txt")]
        with open(files[0], "w", encoding="utf-8") as file:
            file.writelines(f"{text}\n\n" for text in texts)

    # Vocabularies: characters, and characters with words
    start = starting_point(args.config, lines(), args.hidden_size, args.layers)
    family = None if args.config else "roformer"
    characters = start.tokenizer
    counts = Counter(word for line in lines() for word in jieba_cut(line) if len(word) > 1)
    words = [word for word, _ in counts.most_common(args.words)]
    vocabulary, compound_tokens = extend_vocab_with_words(characters.token_dict, words, characters)
    tokenizers = {
        "characters": characters,
        "words": Tokenizer(vocabulary, do_lower_case=True, pre_tokenize=jieba_cut),
    }

    sample = [r.text for r in labelled] + [p.abstract for p in titled]
    tokens = {k: sum(len(t.encode(x)[0]) - 2 for x in sample) for k, t in tokenizers.items()}
    lengths = {k: 8 * -(-args.length * n // (8 * tokens["characters"])) for k, n in tokens.items()}
    first = None
    if not args.config:
        pretrain(build(None), "characters", args.length, args.first)
        first = os.path.join(args.save, "characters.safetensors")
    berts = {name: build(first, name) for name in tokenizers}
    speeds = {k: [pretrain(bert, k, lengths[k], args.updates)] for k, bert in berts.items()}

    results = {}
    for name in tokenizers:
        took, accuracies = zip(*(classify(name, seed) for seed in range(args.seeds)))
        title_took, rouge, generation = write_titles(name)
        speeds[name] += [np.mean(took), title_took, generation]
        accuracy = f"{np.mean(accuracies):.1f}% ± {np.std(accuracies):.1f}"
        per_text = f"{tokens[name] / len(sample):.1f}"
        results[name] = [f"{len(tokenizers[name].token_dict)}", per_text, accuracy, f"{rouge:.1f}%"]
    heads = ["tokens of the vocabulary", "tokens of a text", "accuracy, reviews", "ROUGE-L, titles"]
    work = ["pretraining, a row", "training, a review", "training, a title", "writing a title"]
    heads += [f"CPU ms: {name}" for name in work]
    cells = {k: results[k] + [f"{1000 * x:.1f}" for x in speeds[k]] for k in tokenizers}
    print("\n" + text_table([("", *cells), *zip(heads, *cells.values())]))
