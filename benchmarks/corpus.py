"""Write, read and mask a corpus: tokens per second, memory, and the share of a training step.

    python -m benchmarks.corpus [--megabytes 100 1000] [--folder /tmp] [--backend torch]

Texts of so many megabytes are made up: sentences of real Chinese words in random order, in
documents of 1 to 20 sentences. Each measurement is in a process of its own. Seconds are CPU seconds
of one thread; memory is the peak of the process with the libraries, mapped files included.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import CONFIG, report, resident, restart_peak
from kerasx.data import CorruptSpans, MaskTokens, PackedCorpus, RowRandom, write_corpus
from kerasx.datasets import generate_papers
from kerasx.tokenizers import Tokenizer, character_vocab, jieba_cut

MACBERT = (0.4, 0.3, 0.2, 0.1)
LENGTH, BATCH = 512, 32
_PIECE = 1 << 20


def words():
    """Return Chinese words of generated texts."""
    return sorted({word for paper in generate_papers(200) for word in jieba_cut(paper.abstract)})


def tokenizer():
    """Return a WordPiece tokenizer with a vocabulary as large as BERT's."""
    vocabulary = character_vocab(["".join(words()) + "，。"])
    for i in range(CONFIG["vocab_size"] - len(vocabulary)):
        vocabulary[f"[unused{i}]"] = len(vocabulary)
    return Tokenizer(vocabulary, do_lower_case=True)


def make_texts(path, megabytes):
    """Write a text file; pieces of it repeat, but for their first sentence."""
    draw, known = random.Random(0), words()

    def document():
        sentences = ("".join(draw.choices(known, k=draw.randint(3, 30))) for _ in range(20))
        return "，".join(sentences).replace("，", "。\n", draw.randint(0, 18)) + "。\n\n"

    size, pieces = 0, []
    with open(path, "wb") as file:
        while size < megabytes * 1e6:
            if len(pieces) < 20:
                piece = b""
                while len(piece) < _PIECE:
                    piece += document().encode()
                pieces.append(piece)
            size += file.write(document().encode()) + file.write(draw.choice(pieces))


def write(path, folder, segment):
    """Write the corpus in this process, and return the facts."""
    tokens = tokenizer()
    jieba_cut("今天")  # loads its dictionary
    restart_peak()
    before, start = resident("VmRSS"), time.process_time()
    cut = jieba_cut if segment == "jieba" else None
    facts = write_corpus(path, folder, tokens, word_segment=cut, verbose=0)
    return facts | measured(facts["tokens"], start, before)


def measured(tokens, start, before):
    seconds = time.process_time() - start
    peak = resident("VmHWM")
    return {
        "tokens": tokens,
        "tokens_per_second": tokens / seconds,
        "peak_MB": peak / 1e6,
        "peak_MB_above_libraries": (peak - before) / 1e6,
    }


TRANSFORMS = {
    "rows": lambda tokens: lambda rows, rng: rows,
    "tokens": lambda tokens: MaskTokens(tokens, unit="token"),
    "words": MaskTokens,
    "n-grams": lambda tokens: MaskTokens(tokens, lengths=MACBERT),
    "spans": lambda tokens: CorruptSpans(462, range(500, 700), 3, 0),
}


def read(folder, mode, kind, batches):
    """Read and transform batches of rows in random order, and return the facts."""
    edges = None if kind == "spans" else "row"
    before = resident("VmRSS")
    restart_peak()
    start = time.process_time()
    corpus = PackedCorpus(folder, LENGTH, mode, edges)
    opening = time.process_time() - start
    transform = TRANSFORMS[kind](corpus)
    start = time.process_time()
    for step in range(int(batches)):
        numbers = corpus.order(np.arange(step * BATCH, step * BATCH + BATCH) % len(corpus))
        rows = corpus.rows(numbers)
        transform(rows, RowRandom(0, 0, numbers))
    facts = measured(int(batches) * BATCH * LENGTH, start, before)
    return facts | {"opening_seconds": opening}


def share(folder, rounds):
    """Return the CPU seconds of a batch of words and of a training step on it."""
    import keras

    from kerasx.data import CorpusDataset
    from kerasx.losses import MaskedCrossEntropy
    from kerasx.models import build_transformer_model, score_places

    corpus = PackedCorpus(folder, 128)
    dataset = CorpusDataset(corpus, BATCH, MaskTokens(corpus), arrange)
    model = score_places(build_transformer_model(CONFIG, with_mlm="linear"))
    model.compile(keras.optimizers.AdamW(1e-4), MaskedCrossEntropy())
    inputs, steps = [], []
    for i in range(int(rounds)):
        start = time.process_time()
        batch = dataset.load(0, i)
        inputs.append(time.process_time() - start)
        start = time.process_time()
        model.train_on_batch(*batch)
        steps.append(time.process_time() - start)
    seconds = statistics.median(inputs[2:]), statistics.median(steps[2:])
    return {"batch_seconds": seconds[0], "step_seconds": seconds[1]}


def arrange(batch):
    inputs = [batch["token_ids"], batch["segment_ids"], batch["places"]]
    return inputs, batch["labels"], batch["weights"]


def in_process(function, *arguments, backend="torch"):
    """Return the facts of a function of this module, called in a new process."""
    command = [sys.executable, "-m", "benchmarks.corpus", "--work", function.__name__]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command += map(str, arguments)
    found = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(found.stdout.splitlines()[-1])


def measure_size(folder, megabytes):
    """Return the rows of the table of a corpus of this size."""
    path = folder / f"{megabytes}.txt"
    make_texts(path, megabytes)
    table = []
    for segment in ("jieba", "none")[: 2 if megabytes <= 100 else 1]:
        facts = in_process(write, path, folder / f"{megabytes}-{segment}", segment)
        table.append({"name": f"write, words by {segment}", "MB_of_text": megabytes, **facts})
    path.unlink()
    corpus = folder / f"{megabytes}-jieba"
    cases = [("cut", kind) for kind in TRANSFORMS] + [("packed", "words")]
    for mode, kind in cases:
        facts = in_process(read, corpus, mode, kind, 200)
        table.append({"name": f"read {mode}, {kind}", "MB_of_text": megabytes, **facts})
    return table


KEPT = (
    "name",
    "MB_of_text",
    "tokens",
    "tokens_per_second",
    "peak_MB",
    "peak_MB_above_libraries",
    "opening_seconds",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--folder", help="a folder on a disk with room for twice the texts")
    parser.add_argument("--backend", default="torch", help="backend of the training step")
    parser.add_argument("--rounds", type=int, default=12, help="training steps")
    parser.add_argument("--work", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        name, *given = arguments.work
        print(json.dumps({"write": write, "read": read, "share": share}[name](*given)))
        return
    facts = {"load": os.getloadavg(), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        table = []
        for megabytes in arguments.megabytes:
            table += measure_size(Path(folder), megabytes)
        table = [{key: row[key] for key in KEPT if key in row} for row in table]
        title = f"A corpus; rows of {LENGTH} tokens in batches of {BATCH}"
        report(title, table, "corpus", **facts)
        corpus = Path(folder) / f"{arguments.megabytes[0]}-jieba"
        step = in_process(share, corpus, arguments.rounds, backend=arguments.backend)
    step["share"] = step["batch_seconds"] / step["step_seconds"]
    title = f"Input of a step, {BATCH} x 128 tokens, BERT of 6 x 384, {arguments.backend}"
    report(title, [{"name": "words masked", **step}], "corpus_share", **facts)


if __name__ == "__main__":
    main()
