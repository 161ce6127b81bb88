"""Search the nearest question of a corpus by Word Rotator's Distance, and draw the plan.

    python examples/sentence_search.py                              # generated questions
    python examples/sentence_search.py --query "球鞋坏了找谁" --distance wmd
    python examples/sentence_search.py --data questions.txt --query "..."

`--data` is a file with a text in each line. Texts are cut into words by jieba; the vectors of the
words come from the corpus itself, from counts of neighbours. A word weighs as much as its vector is
long (kexue.fm/archives/7388); bounds rule out most texts before a linear program is solved.
"""

import argparse
import os
import time

import numpy as np

from kerasx.datasets import generate_paraphrases
from kerasx.files import read_lines
from kerasx.similarity import SentenceIndex, plot_transport, ppmi_vectors, transport_plan
from kerasx.similarity.bags import cosine_cost, euclidean_cost, norm_bag, uniform_bag
from kerasx.text import text_table
from kerasx.tokenizers import jieba_cut

QUERIES = ("想问一下，球鞋坏了找谁？", "请问单车寄出来了没有", "电话能便宜点吗，谢谢")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", help="file of texts; generated ones by default")
parser.add_argument("--query", nargs="+", help="texts to search for", default=QUERIES)
parser.add_argument("--distance", choices=("wrd", "wmd"), default="wrd")
parser.add_argument("--texts", type=int, default=5000, help="of the corpus, at most")
parser.add_argument("--k", type=int, default=5, help="nearest texts that are shown")
parser.add_argument("--size", type=int, default=64, help="of a word vector")
parser.add_argument("--save", default="runs/sentence_search", help="folder of the pictures")
args = parser.parse_args()
os.makedirs(args.save, exist_ok=True)

# Corpus: texts, their words, and the vectors of the words

if args.data:
    texts = read_lines(args.data, str)
else:
    texts = [text for pair in generate_paraphrases(args.texts) for text in pair[:2]]
texts = list(dict.fromkeys(text.strip() for text in texts))[: args.texts]
words = [[word for word in jieba_cut(text) if word.strip()] for text in texts]
vectors = ppmi_vectors(words, args.size)
print(f"{len(texts)} texts, {len(vectors)} words, e.g. {' '.join(words[0])}")


def known_words(words):
    """Return the words that have a vector, and their vectors."""
    known = [word for word in words if word in vectors and vectors[word].any()]
    return known, np.array([vectors[word] for word in known])


kept = [i for i, row in enumerate(words) if known_words(row)[0]]
texts, words = [texts[i] for i in kept], [words[i] for i in kept]
index = SentenceIndex([known_words(row)[1] for row in words], args.distance)

# Search

if args.distance == "wrd":
    to_bag, cost = norm_bag, cosine_cost
else:
    to_bag, cost = uniform_bag, euclidean_cost

for number, query in enumerate(args.query):
    known, points = known_words(jieba_cut(query))
    if not known:
        raise SystemExit(f"no word of the query is in the corpus: {query}")
    start = time.perf_counter()
    found = index.search(points, args.k)
    seconds = time.perf_counter() - start
    rows = [(args.distance.upper(), "text")]
    rows += [(f"{d:.4f}", texts[i]) for d, i in zip(found.distances, found.indices)]
    print(f"\n{query}  ({' '.join(known)})\n{text_table(rows)}")
    ruled_out = 1 - found.solved / len(texts)
    print(f"{found.solved} of {len(texts)} exact problems, ", end="")
    print(f"{ruled_out:.1%} ruled out, {seconds:.2f} s")

    # The plan: how much of each word goes to which word of the nearest text

    nearest, others = known_words(words[found.indices[0]])
    (x, p), (y, q) = to_bag(points), to_bag(others)
    path = os.path.join(args.save, f"plan-{number}.png")
    title = f"{args.distance.upper()} {found.distances[0]:.4f}"
    plot_transport(transport_plan(cost(x, y), p, q), known, nearest, path, title)
    print(f"plan drawn in {path}")
