"""Viterbi decoding: a batch on the backend against NumPy, sentence by sentence.

    python -m benchmarks.viterbi [--backends tensorflow jax torch] [--rounds 7]

1,000 sentences of 128 places and 20 tags, from scores as NumPy arrays to tags as NumPy arrays.
`numpy` is `kerasx.spans.ViterbiDecoder`, which keeps where each tag came from; `numpy, paths`
copies the paths at each place, as the decoder of bert4keras 0.11.5 does. Both find the same tags.
Each backend runs in a separate process, with as many threads as OMP_NUM_THREADS says.
"""

import argparse
import os
import time

import numpy as np

from benchmarks.harness import BACKENDS, installed, interleave, report, rows, run
from kerasx.spans import ViterbiDecoder

SENTENCES, LENGTH, TAGS = 1000, 128, 20


def paths(nodes, trans):
    """Return the best tags of one sentence; copies all best paths at each position."""
    labels = np.arange(len(trans))[None]
    scores, best = nodes[0][:, None], labels
    for node in nodes[1:]:
        moved = scores + trans + node[None]
        best = np.concatenate([best[:, moved.argmax(0)], labels], axis=0)
        scores = moved.max(0)[:, None]
    return best[:, scores[:, 0].argmax()]


def compare(backend, rounds):
    """Time all three in turns, in this process."""
    import keras

    from kerasx.layers import ConditionalRandomField

    rng = np.random.default_rng(0)
    scores = rng.normal(size=(SENTENCES, LENGTH, TAGS)).astype("float32")
    trans = rng.normal(size=(TAGS, TAGS)).astype("float32")
    crf = ConditionalRandomField()
    crf.build(scores.shape)
    crf.set_weights([trans])
    decoder, cpu = ViterbiDecoder(trans), {}

    def timed(name, function):
        def run():
            start = time.process_time()
            function()
            cpu.setdefault(name, []).append(time.process_time() - start)

        return run

    candidates = {
        f"kerasx, {backend}": lambda: keras.ops.convert_to_numpy(crf.decode(scores)),
        "numpy": lambda: np.stack([decoder.decode(nodes) for nodes in scores]),
        "numpy, paths": lambda: np.stack([paths(nodes, trans) for nodes in scores]),
    }
    tags = [function() for function in candidates.values()]
    if not all(np.array_equal(tags[0], other) for other in tags[1:]):
        raise ValueError("the decoders must find the same tags")
    times = interleave({name: timed(name, f) for name, f in candidates.items()}, rounds)
    table = rows(times, f"kerasx, {backend}", SENTENCES)
    for row in table:
        row["cpu_seconds"] = float(np.median(cpu[row["name"]]))
        row["cpu_times_ours"] = row["cpu_seconds"] / table[0]["cpu_seconds"]
    title = f"Viterbi decoding of {SENTENCES} sentences of {LENGTH} places and {TAGS} tags"
    report(title, table, f"viterbi_{backend}", load=os.getloadavg(), cores=os.cpu_count())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="*", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return compare(arguments.work, arguments.rounds)
    for backend in filter(installed, arguments.backends):
        options = "--work", backend, "--rounds", arguments.rounds
        run("benchmarks.viterbi", backend, *options)


if __name__ == "__main__":
    main()
