"""Beam search side by side: tokens per second of the best sequences, and peak memory.

    python -m benchmarks.decoding [--peers NAME ...] [--repeats 3] [--new-tokens 64]

Every competitor has the same shapes (not the same weights) and its own process. They run in
turns, one at a time, after a warm-up that compiles. Peers that are not installed are said to be.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import harness

LAYERS, HIDDEN, HEADS, INTERMEDIATE, VOCABULARY, POSITIONS = 6, 384, 6, 1536, 21128, 512
PROMPT, BEAMS, BATCH = 32, 4, 8
BERT = dict(
    vocab_size=VOCABULARY,
    hidden_size=HIDDEN,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    intermediate_size=INTERMEDIATE,
    max_position_embeddings=POSITIONS,
    hidden_act="gelu",
)


def prompts():
    return np.random.default_rng(0).integers(1, VOCABULARY, (BATCH, PROMPT)).astype("int32")


def ours(new):
    """kerasx's Generator: (call, tokens of one call)."""
    from kerasx.generation import BeamSearch, Generator
    from kerasx.models import build_transformer_model

    model = build_transformer_model(BERT, application="lm", with_mlm="linear")
    generate = Generator(model, BeamSearch(BEAMS), max_new_tokens=new)
    token_ids = prompts()
    return lambda: generate(token_ids), BATCH * new


def transformers(new):
    """GPT-2 of the same shapes and its `generate`, no end before the last token."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = dict(n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS, n_inner=INTERMEDIATE)
    ends = dict(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=POSITIONS, **sizes, **ends)
    model = GPT2LMHeadModel(config).eval()
    token_ids = torch.tensor(prompts(), dtype=torch.long)
    options = dict(num_beams=BEAMS, min_new_tokens=new, max_new_tokens=new, do_sample=False)
    mask = torch.ones_like(token_ids)

    def call():
        with torch.inference_mode():
            found = model.generate(token_ids, attention_mask=mask, **options)
        if found.shape != (BATCH, PROMPT + new):
            raise ValueError(f"generated {tuple(found.shape)}")

    return call, BATCH * new


def keras_hub(new):
    """GPT-2 of the same shapes, its cached `generate` and BeamSampler."""
    from keras_hub.models import GPT2Backbone, GPT2CausalLM
    from keras_hub.samplers import BeamSampler

    backbone = GPT2Backbone(
        VOCABULARY, LAYERS, HEADS, HIDDEN, INTERMEDIATE, dropout=0.0, max_sequence_length=POSITIONS
    )
    model = GPT2CausalLM(backbone, preprocessor=None)
    model.compile(sampler=BeamSampler(num_beams=BEAMS))
    token_ids = np.pad(prompts(), [(0, 0), (0, new)])
    mask = (np.arange(PROMPT + new) < PROMPT)[None].repeat(BATCH, axis=0)
    inputs = {"token_ids": token_ids, "padding_mask": mask}
    return lambda: model.generate(inputs, stop_token_ids=None), BATCH * new


def bert4keras(new):
    """Its AutoRegressiveDecoder: one prompt at a time, no cache; few tokens are enough."""
    from bert4keras.models import build_transformer_model
    from bert4keras.snippets import AutoRegressiveDecoder

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "config.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({**BERT, "type_vocab_size": 2}, f)
        model = build_transformer_model(path, None, application="lm", with_mlm="linear")

    class Decoder(AutoRegressiveDecoder):
        @AutoRegressiveDecoder.wraps(default_rtype="logits")
        def predict(self, inputs, output_ids, states):
            token_ids = np.concatenate([inputs[0], output_ids], axis=1)
            return self.last_token(model).predict([token_ids, np.zeros_like(token_ids)], verbose=0)

    few = min(new, 8)
    decoder, prompt = Decoder(None, -1, maxlen=few), prompts()[0]
    return lambda: decoder.beam_search([prompt], BEAMS), few


# name -> (function, its modules, its environment)
LEGACY = {"TF_KERAS": "1", "TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}
COMPETITORS = {
    **{f"kerasx-{b}": (ours, [b], {"KERAS_BACKEND": b}) for b in ("tensorflow", "jax", "torch")},
    "transformers-torch": (transformers, ["transformers", "torch"], {}),
    **{
        f"keras-hub-{b}": (keras_hub, ["keras_hub", b], {"KERAS_BACKEND": b})
        for b in ("tensorflow", "jax", "torch")
    },
    "bert4keras": (bert4keras, ["bert4keras", "tf_keras", "tensorflow"], LEGACY),
}


class Worker:
    """A competitor in its own process: one timed call for each line it is sent."""

    def __init__(self, name, new):
        command = [sys.executable, "-m", "benchmarks.decoding", "--worker", name]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "HF_HUB_OFFLINE": "1"}
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*command, "--new-tokens", str(new)],
            env={**os.environ, **quiet, **COMPETITORS[name][2]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def call(self):
        """{seconds, tokens, megabytes} of one call, or None once the process has failed."""
        if self.process.poll() is None:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        for line in iter(self.process.stdout.readline, ""):
            if line.startswith("{"):
                return json.loads(line)
        return None

    def close(self):
        """End the process; the last line it said went wrong."""
        self.process.stdin.close()
        self.process.wait()
        self.log.seek(0)
        return (self.log.read().strip().splitlines() or ["failed"])[-1][:90]


def work(name, new):
    """What a worker's process does."""
    import resource

    call, tokens = COMPETITORS[name][0](new)
    for _ in sys.stdin:
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(dict(seconds=seconds, tokens=tokens, megabytes=megabytes)), flush=True)


def measure(names, repeats, new):
    """name -> list of measurements, or the reason why there are none."""
    results, workers = {name: [] for name in names}, {}
    for name in names:
        missing = [m for m in COMPETITORS[name][1] if importlib.util.find_spec(m) is None]
        if missing:
            results[name] = f"not installed: {', '.join(missing)}"
            continue
        worker = Worker(name, new)
        if worker.call() is None or worker.call() is None:  # compiles, then runs
            results[name] = worker.close()
        else:
            workers[name] = worker
    for _ in range(repeats):
        for name, worker in workers.items():
            results[name].append(worker.call())
    for worker in workers.values():
        worker.close()
    return results


def rows(results, base="transformers-torch"):
    """Medians, and the median over the rounds of the speed relative to `base`."""
    table, references = [], results.get(base)
    for name, found in results.items():
        if isinstance(found, str):
            table.append({"name": name, "note": found})
            continue
        speeds = np.array([x["tokens"] / x["seconds"] for x in found])
        row = {"name": name, "tokens_per_second": float(np.median(speeds))}
        row |= {"min": float(speeds.min()), "max": float(speeds.max())}
        if references and not isinstance(references, str):
            others = np.array([x["tokens"] / x["seconds"] for x in references])
            row["times_transformers"] = float(np.median(speeds / others))
        row["peak_megabytes"] = max(x["megabytes"] for x in found)
        table.append(row)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", choices=COMPETITORS, default=list(COMPETITORS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--worker", choices=COMPETITORS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.worker, options.new_tokens)
    names = [name for name in COMPETITORS if name in options.peers]
    table = rows(measure(names, options.repeats, options.new_tokens))
    facts = dict(batch=BATCH, beams=BEAMS, prompt=PROMPT, new_tokens=options.new_tokens, **BERT)
    title = f"Beam search, {BATCH} prompts of {PROMPT}, {options.new_tokens} new tokens"
    harness.report(title, table, "decoding", repeats=options.repeats, cpus=os.cpu_count(), **facts)


if __name__ == "__main__":
    main()
