"""A training step of a BERT side by side, and the worth of length buckets.

    python -m benchmarks.training [--rounds 5] [--steps 2] [--only kerasx transformers]
    python -m benchmarks.training --buckets [--examples 4096] [--rounds 1]

The first is the masked-language-model step of a 6-layer BERT on 16 x 128 tokens, dropout 0.1,
cross-entropy of all tokens, Adam. Each candidate has a separate process and is warmed up; then all
are called in turns. The second benchmark trains a small classifier on reviews for one epoch in a
fresh process, compilation included: `BucketDataset` against random batches padded to their longest
example.

Peers that are not installed are listed as such. They may be in another folder:
`pip install --no-deps --target peers keras-hub bert4keras tf_keras`, then PYTHONPATH=peers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import BACKENDS, CONFIG, installed, interleave, report, rows

BATCH, LENGTH = 16, 128


def random_tokens(steps):
    """Return (ids, segments, labels), each (steps * BATCH, LENGTH); no padding."""
    ids, labels = np.random.default_rng(0).integers(
        1, CONFIG["vocab_size"], (2, steps * BATCH, LENGTH), dtype="int32"
    )
    return ids, np.zeros_like(ids), labels


def steps_of(model, x, y=None):
    """Return a function that trains the model on each batch of the arrays once.

    Not `fit`: on TensorFlow the end of its tf.data iterator may sleep until 5 s are over.
    """
    names = list(x) if isinstance(x, dict) else range(len(x))

    def run():
        for start in range(0, len(x[names[0]]), BATCH):
            part = slice(start, start + BATCH)
            batch = [x[name][part] for name in names]
            batch = dict(zip(names, batch)) if isinstance(x, dict) else batch
            model.train_on_batch(batch, None if y is None else y[part])

    return run


def kerasx_steps(steps):
    """Return the steps of kerasx, with the loss as a layer of the model."""
    import keras

    from kerasx import backend
    from kerasx.layers import Loss
    from kerasx.models import build_transformer_model

    class TokenCrossEntropy(Loss):
        def compute_loss(self, inputs, mask=None):
            return keras.ops.mean(backend.sparse_cross_entropy(*inputs))

    bert = build_transformer_model(CONFIG, with_mlm="linear")
    labels = keras.Input((None,), dtype="int32")
    logits = TokenCrossEntropy(output_axis=1)([labels, bert.output])
    model = keras.Model([*bert.inputs, labels], logits)
    model.compile(keras.optimizers.Adam(1e-4))
    return steps_of(model, list(random_tokens(steps)))


def keras_hub_steps(steps):
    """Return the steps of KerasHub's BERT, with its masked-language-model head at all positions."""
    import keras
    import keras_hub

    bert = keras_hub.models.BertBackbone(
        vocabulary_size=CONFIG["vocab_size"],
        num_layers=CONFIG["num_hidden_layers"],
        num_heads=CONFIG["num_attention_heads"],
        hidden_dim=CONFIG["hidden_size"],
        intermediate_dim=CONFIG["intermediate_size"],
        dropout=CONFIG["hidden_dropout_prob"],
        max_sequence_length=CONFIG["max_position_embeddings"],
    )
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    head = keras_hub.layers.MaskedLMHead(
        token_embedding=bert.token_embedding, intermediate_activation="gelu"
    )
    logits = head(bert.output["sequence_output"], positions)
    model = keras.Model({**bert.input, "mask_positions": positions}, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss)
    ids, segments, labels = random_tokens(steps)
    places = np.broadcast_to(np.arange(LENGTH, dtype="int32"), ids.shape)
    padding = np.ones_like(ids)
    x = dict(token_ids=ids, segment_ids=segments, padding_mask=padding, mask_positions=places)
    return steps_of(model, x, labels)


def bert4keras_steps(steps):
    """Return the steps of bert4keras, on the Keras of its time."""
    import tf_keras
    from bert4keras.models import build_transformer_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(CONFIG))
        model = build_transformer_model(str(path), with_mlm="linear")
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf_keras.optimizers.legacy.Adam(1e-4), loss)
    ids, segments, labels = random_tokens(steps)
    return steps_of(model, [ids, segments], labels)


def transformers_steps(steps):
    """Return the steps of transformers' BertForMaskedLM in PyTorch, with AdamW."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    model = BertForMaskedLM(BertConfig(**CONFIG)).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    ids, segments, labels = (torch.from_numpy(x).long() for x in random_tokens(steps))

    def run():
        for i in range(0, len(ids), BATCH):
            part = slice(i, i + BATCH)
            optimizer.zero_grad()
            inputs = dict(input_ids=ids[part], token_type_ids=segments[part])
            loss = model(**inputs, attention_mask=torch.ones_like(ids[part]), labels=labels[part])
            loss.loss.backward()
            optimizer.step()

    return run


# name: (what makes the callable, backend, modules it needs)
CANDIDATES = {
    **{f"kerasx {b}": (kerasx_steps, b, (b,)) for b in BACKENDS},
    **{f"KerasHub {b}": (keras_hub_steps, b, ("keras_hub", b)) for b in BACKENDS},
    "bert4keras": (bert4keras_steps, "tensorflow", ("bert4keras", "tensorflow", "tf_keras")),
    "transformers": (transformers_steps, "torch", ("transformers", "torch")),
}
# what each of ours is held against
GROUPS = {
    "tensorflow": ["kerasx tensorflow", "bert4keras", "KerasHub tensorflow", "transformers"],
    "jax": ["kerasx jax", "KerasHub jax", "transformers"],
    "torch": ["kerasx torch", "KerasHub torch", "transformers"],
}


class Process:
    """A separate process for `work`: each call makes it do the work once, and waits.

    Keywords are more environment variables.
    """

    module = "benchmarks.training"

    def __init__(self, backend, *work, **variables):
        self.cpu = []
        legacy = {"TF_KERAS": "1", "TF_USE_LEGACY_KERAS": "1"} if "bert4keras" in work else {}
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, "--work", *map(str, work)],
            env={**environment, **legacy, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self):
        """Wait until all is set up."""
        if not self.process.stdout.readline():
            raise RuntimeError(f"no answer of {self.process.args}: see its messages above")

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"no answer of {self.process.args}: see its messages above")
        facts = json.loads(answer)
        self.cpu.append(facts["cpu_seconds"])
        return facts

    def close(self):
        """End the process, which does so when there is no more to read."""
        self.process.stdin.close()
        self.process.wait()


def serve(make, *settings):
    """Say when `make(*settings)` is done; then do that work for each line of the input.

    Answers are what the work returns and the CPU seconds that it took, in a line of JSON.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    work = make(*settings)
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        facts = work()
        cpu = {"cpu_seconds": time.process_time() - start}
        print(json.dumps(cpu | (facts or {})), file=answers, flush=True)


def reviews(examples):
    """Return [((ids, segments), label)] of generated reviews, at most 256 tokens each.

    Several reviews are joined into a text, so that lengths vary as those of real ones do.
    """
    from kerasx.datasets import generate_reviews
    from kerasx.tokenizers import Tokenizer, character_vocab

    draw = np.random.default_rng(0)
    sizes = np.minimum(draw.geometric(0.3, examples), 8)
    drawn = generate_reviews(int(sizes.sum()))
    ends = np.cumsum(sizes)
    texts = ["".join(r.text for r in drawn[end - n : end]) for n, end in zip(sizes, ends)]
    tokenizer = Tokenizer(character_vocab(texts), do_lower_case=True)
    labels = [drawn[end - 1].sentiment for end in ends]
    return [(tuple(tokenizer.encode(x, maxlen=256)), y) for x, y in zip(texts, labels)]


def classifier():
    """Return a small BERT that classifies reviews."""
    import keras

    from kerasx.layers import FirstToken
    from kerasx.models import build_transformer_model

    small = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    bert = build_transformer_model(CONFIG | small | {"intermediate_size": 512})
    model = keras.Model(bert.inputs, keras.layers.Dense(2)(FirstToken()(bert.output)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss)
    return model


def longest_batches(data, batch_size):
    """Return a generator of random batches, each padded to its longest example."""
    from kerasx.data import DataGenerator, sequence_padding

    class Generator(DataGenerator):
        def __iter__(self, random=False):
            batch = []
            for is_end, example in self.sample(random):
                batch.append(example)
                if len(batch) == self.batch_size or is_end:
                    x, y = zip(*batch, strict=True)
                    yield tuple(sequence_padding(list(part)) for part in zip(*x)), np.array(y)
                    batch = []

    return Generator(data, batch_size)


def bucket_epoch(method, examples):
    """Return a function that trains one epoch and returns the number of shapes and the padding."""
    from kerasx.data import BucketDataset

    data, model, seen = reviews(examples), classifier(), []
    real = sum(len(x[0]) for x, _ in data)

    def noted(batches):
        for batch in batches:
            seen.append(batch[0][0].shape)
            yield batch

    def facts():
        padded = sum(b * n for b, n in seen)
        return {"shapes": len(set(seen)), "steps": len(seen), "padded": padded / real}

    def run():
        if method == "buckets":
            dataset = BucketDataset(data, batch_size=32, max_shapes=8)
            batches = [dataset[i] for i in range(len(dataset))]
            seen.extend(x[0].shape for x, _ in batches)
            model.fit(dataset, shuffle=False, verbose=0)
        else:
            generator = longest_batches(data, 32)
            steps = len(generator)
            model.fit(
                _first(noted(generator.forfit()), steps),
                steps_per_epoch=steps,
                shuffle=False,
                verbose=0,
            )
            del seen[steps:]
        return facts()

    return run


def _first(batches, count):
    for _, batch in zip(range(count), batches):
        yield batch


def compare_buckets(arguments):
    """Time one epoch in a fresh process for each backend and method, compilation included."""
    for backend in BACKENDS:
        if not installed(backend) or not any(o in backend for o in arguments.only or [""]):
            continue
        times, facts = {"buckets": [], "longest": []}, {}
        for _ in range(arguments.rounds):
            for method, seconds in times.items():
                process = Process(backend, method, arguments.examples)
                process.ready()
                start = time.perf_counter()
                facts[method] = process()
                seconds.append(time.perf_counter() - start)
                process.close()
        table = [row | facts[row["name"]] for row in rows(times, "buckets", arguments.examples)]
        title = f"One epoch of {arguments.examples:,} reviews on {backend}, compilation included"
        report(title, table, f"buckets_{backend}", load=os.getloadavg(), cores=os.cpu_count())


def compare_steps(arguments):
    """Time the steps of all candidates in turns and report them by backend."""
    candidates = {}
    for name, (_, backend, modules) in CANDIDATES.items():
        if any(part in name for part in arguments.only or [""]):
            there = installed(*modules)
            candidates[name] = Process(backend, name, arguments.steps) if there else "not installed"
    running = {name: p for name, p in candidates.items() if not isinstance(p, str)}
    for process in running.values():
        process.ready()
    times = interleave(candidates, arguments.rounds)
    for process in running.values():
        process.close()
    for backend, names in GROUPS.items():
        names = [name for name in names if name in times]
        if not names or not names[0].startswith("kerasx"):
            continue
        table = rows({name: times[name] for name in names}, names[0], arguments.steps)
        for row in table:
            if row["name"] in running:
                used = running[row["name"]].cpu[-arguments.rounds :]
                row["cpu_seconds"] = statistics.median(used)
        title = (
            f"{arguments.steps} training steps of {BATCH} x {LENGTH} tokens, kerasx on {backend}"
        )
        report(title, table, f"training_{backend}", load=os.getloadavg(), cores=os.cpu_count())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, help="5, or 1 with --buckets")
    parser.add_argument("--steps", type=int, default=2, help="steps of a round")
    parser.add_argument("--only", nargs="*", help="parts of the names of candidates or backends")
    parser.add_argument("--buckets", action="store_true")
    parser.add_argument("--examples", type=int, default=4096, help="reviews, with --buckets")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.buckets else 5)
    if not arguments.work:
        return compare_buckets(arguments) if arguments.buckets else compare_steps(arguments)
    name, count = arguments.work
    if name in CANDIDATES:
        serve(CANDIDATES[name][0], int(count))
    else:
        serve(bucket_epoch, name, int(count))


if __name__ == "__main__":
    main()
