"""Search by Word Mover's and Word Rotator's Distance: how many exact problems the bounds save.

    python -m benchmarks.similarity_search [--sentences 5000] [--queries 10] [--k 10] [--brute 1]

The corpus is generated (`kerasx.datasets.generate_reviews`) or, with --data, the lines of a file.
The words are characters, their vectors `ppmi_vectors` of the corpus. Queries are sentences that
are not in the corpus; for `--brute` of them every distance is computed, which must find the same
sentences.
"""

import argparse
import random
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import report
from kerasx.datasets import generate_reviews
from kerasx.similarity import SentenceIndex, ppmi_vectors


def load_texts(path, n):
    """Return n different texts: lines of a file up to the last tab, or generated."""
    if path is None:
        return [review.text for review in generate_reviews(n)]
    lines = path.read_text(encoding="utf-8").split("\n")
    texts = sorted({line.rsplit("\t", 1)[0][:64] for line in lines} - {""})
    random.Random(0).shuffle(texts)
    return texts[:n]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sentences", type=int, default=5000)
    parser.add_argument("--queries", type=int, default=10)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--brute", type=int, default=1)
    arguments = parser.parse_args()
    texts = load_texts(arguments.data, arguments.sentences + arguments.queries)
    vectors = ppmi_vectors(texts)
    texts = [np.stack([vectors[c] for c in text]) for text in texts]
    queries, corpus = texts[: arguments.queries], texts[arguments.queries :]
    table = []
    for distance in ("wmd", "wrd"):
        index = SentenceIndex(corpus, distance)
        start = time.perf_counter()
        found = [index.search(query, arguments.k) for query in queries]
        seconds = time.perf_counter() - start
        solved = [f.solved for f in found]
        row = {"name": distance, "pruned_mean": 1 - np.mean(solved) / len(corpus)}
        row["pruned_least"] = 1 - max(solved) / len(corpus)
        row["seconds_a_query"] = seconds / len(queries)
        start = time.perf_counter()
        for query, f in zip(queries[: arguments.brute], found):
            every = index.search(query, len(corpus))
            if not np.allclose(every.distances[: arguments.k], f.distances, atol=1e-9):
                raise SystemExit("the search missed a sentence that comparing with all found")
        if arguments.brute:
            row["seconds_brute"] = (time.perf_counter() - start) / arguments.brute
        table.append(row)
    words = sum(map(len, corpus)) / len(corpus)
    title = f"The {arguments.k} nearest of {len(corpus):,} sentences of {words:.1f} words"
    report(title, table, "similarity_search", sentences=len(corpus), queries=len(queries))


if __name__ == "__main__":
    main()
