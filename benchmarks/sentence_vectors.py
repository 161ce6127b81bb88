"""Ways to sentence vectors side by side: SimCSE, FlatNCE, CoSENT, and whitening on top of each.

    python -m benchmarks.sentence_vectors [--data pairs.tsv] [--losses cosent]

Data, model and training are those of `examples/sentence_similarity.py`, whose arguments this
command takes, too. SimCSE (kexue.fm/archives/8348) and FlatNCE (8586) learn without scores: a text
goes through the model twice, with other dropout, and the two vectors are to be more alike than
those of different texts. Whitening (8069) trains nothing.
"""

import argparse

import numpy as np

from examples import sentence_similarity as example
from kerasx.losses import CoSENT, FlatNCE, InfoNCE
from kerasx.similarity import Whitening
from kerasx.text import text_table

LOSSES = {"simcse": InfoNCE, "flatnce": FlatNCE, "cosent": CoSENT}


def correlations(encoder, train, test, args):
    """Return Spearman's correlation in the test, plain and whitened."""
    ids = train.ids.reshape(-1, args.maxlen)
    vectors = encoder.predict([ids, np.zeros_like(ids)], batch_size=128, verbose=0)
    components = min(args.components, np.linalg.matrix_rank(vectors - vectors.mean(0)))
    whitening = Whitening(int(components)).fit(vectors)
    plain = example.correlation(encoder, test)["spearman"]
    return plain, example.correlation(encoder, test, whitening.transform)["spearman"]


def train_with(name, train, test, start, args):
    """Return the correlations after training with a loss."""
    print(f"\n{name}")
    if name == "cosent":
        x, y, dropout = train.ids, train.scores, 0.1
    else:
        x, dropout = views(train, args), args.dropout
        y = np.zeros(len(x), "float32")
    encoder, model = example.build(start, args, dropout)
    example.fit(model, encoder, LOSSES[name](), x, y, test, start, args)
    return correlations(encoder, train, test, args)


def views(train, args):
    """Return each text twice, as a pair, whatever it is paired with in the data."""
    texts = np.unique(train.ids.reshape(-1, args.maxlen), axis=0)
    texts = texts[np.random.default_rng(0).permutation(len(texts))[: len(train.ids)]]
    return np.stack([texts, texts], axis=1)


def main(args):
    train, test, start = example.load(args)
    encoder, _ = example.build(start, args)
    results = {"no training": correlations(encoder, train, test, args)}
    for name in args.losses:
        results[name] = train_with(name, train, test, start, args)
    table = [("Spearman, %", "as they are", "whitened")]
    for name, values in results.items():
        table.append((name, *(f"{100 * value:.1f}" for value in values)))
    print("\n" + text_table(table))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[example.parser], add_help=False)
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument(
        "--dropout", type=float, default=0.3, help="of SimCSE's and FlatNCE's views"
    )
    parser.add_argument(
        "--components", type=int, default=32, help="directions that whitening keeps"
    )
    main(parser.parse_args())
