"""Decoding side by side: tokens per second of the best sequences, and peak memory.

    python -m benchmarks.decoding [--task beam|sampling|t5] [--peers NAME ...] [--repeats 3]
                                  [--new-tokens 64]

`beam`: beam search of a language model. `sampling`: samples of it, top_p 0.9. `t5`: beam search of
an encoder-decoder. Every competitor has the same shapes (not the same weights) and its own process.
They run in turns, one at a time, after a warm-up that compiles. Peers that are not installed are
said to be. `import_megabytes` is the peak memory before there is a model, and `own_megabytes` the
peak without mapped files, which are the libraries' code. Each process hides what its competitor
does not ask for (the other frameworks, matplotlib): Keras imports whatever it finds, which is
150 MB on PyTorch, and an environment made for one of them has none of it.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.machinery import PathFinder

import numpy as np

from benchmarks import harness

LAYERS, HIDDEN, HEADS, INTERMEDIATE, VOCABULARY, POSITIONS = 6, 384, 6, 1536, 21128, 512
PROMPT, SOURCE, BEAMS, BATCH, TOP_P = 32, 64, 4, 8, 0.9
BERT = dict(
    vocab_size=VOCABULARY,
    hidden_size=HIDDEN,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    intermediate_size=INTERMEDIATE,
    max_position_embeddings=POSITIONS,
    hidden_act="gelu",
)


def prompts(length=PROMPT):
    return np.random.default_rng(0).integers(1, VOCABULARY, (BATCH, length)).astype("int32")


def ours(new, strategy=None):
    """Return (a call of kerasx's Generator, tokens of one call)."""
    from kerasx.generation import BeamSearch, Generator
    from kerasx.models import build_transformer_model

    model = build_transformer_model(BERT, application="lm", with_mlm="linear")
    generate = Generator(model, strategy or BeamSearch(BEAMS), max_new_tokens=new)
    token_ids = prompts()
    return lambda: generate(token_ids), BATCH * new


def ours_sampling(new):
    from kerasx.generation import Sampling

    return ours(new, Sampling(top_p=TOP_P))


def ours_t5(new):
    from kerasx.generation import BeamSearch, Generator
    from kerasx.models import build_transformer_model

    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    sizes = {name: BERT[name] for name in names}
    model = build_transformer_model(model="t5", vocab_size=VOCABULARY, with_lm="linear", **sizes)
    generate = Generator(model, BeamSearch(BEAMS), max_new_tokens=new, start_id=0)
    token_ids = prompts(SOURCE)
    return lambda: generate(token_ids), BATCH * new


def transformers(new, **options):
    """Return the same of GPT-2 in transformers, with no end before the last token."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = dict(n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS, n_inner=INTERMEDIATE)
    ends = dict(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    config = GPT2Config(vocab_size=VOCABULARY, n_positions=POSITIONS, **sizes, **ends)
    options = options or dict(num_beams=BEAMS, do_sample=False)
    return _transformers(GPT2LMHeadModel(config), prompts(), PROMPT + new, new, options)


def transformers_sampling(new):
    return transformers(new, do_sample=True, top_k=0, top_p=TOP_P)


def transformers_t5(new):
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = dict(d_model=HIDDEN, num_layers=LAYERS, num_heads=HEADS, d_ff=INTERMEDIATE)
    ends = dict(decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    config = T5Config(vocab_size=VOCABULARY, d_kv=HIDDEN // HEADS, **sizes, **ends)
    options = dict(num_beams=BEAMS, do_sample=False)
    model = T5ForConditionalGeneration(config)
    return _transformers(model, prompts(SOURCE), 1 + new, new, options)


def _transformers(model, token_ids, length, new, options):
    import torch

    token_ids = torch.tensor(token_ids, dtype=torch.long)
    options |= dict(min_new_tokens=new, max_new_tokens=new)
    mask = torch.ones_like(token_ids)
    model = model.eval()

    def call():
        with torch.inference_mode():
            found = model.generate(token_ids, attention_mask=mask, **options)
        if found.shape != (BATCH, length):
            raise ValueError(f"generated {tuple(found.shape)}")

    return call, BATCH * new


def keras_hub(new):
    """Return the same of GPT-2 in KerasHub, with its cache and BeamSampler."""
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
    """Return the same of bert4keras's decoder: one prompt at a time, no cache, few tokens."""
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


# name -> (functions by task, its modules, its environment)
OURS = {"beam": ours, "sampling": ours_sampling, "t5": ours_t5}
THEIRS = {"beam": transformers, "sampling": transformers_sampling, "t5": transformers_t5}
LEGACY = {"TF_KERAS": "1", "TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}
COMPETITORS = {
    **{f"kerasx-{b}": (OURS, ["keras", b], {"KERAS_BACKEND": b}) for b in harness.BACKENDS},
    "transformers-torch": (THEIRS, ["transformers", "torch"], {}),
    **{
        f"keras-hub-{b}": ({"beam": keras_hub}, ["keras_hub", b], {"KERAS_BACKEND": b})
        for b in harness.BACKENDS
    },
    "bert4keras": ({"beam": bert4keras}, ["bert4keras", "tf_keras", "tensorflow"], LEGACY),
}
TITLES = {
    "beam": f"Beam search, {BATCH} prompts of {PROMPT}",
    "sampling": f"Sampling with top_p {TOP_P}, {BATCH} prompts of {PROMPT}",
    "t5": f"Beam search of an encoder-decoder, {BATCH} sources of {SOURCE}",
}


class Worker:
    """A competitor in its own process: one timed call for each line it is sent."""

    def __init__(self, name, task, new):
        command = [sys.executable, "-m", "benchmarks.decoding", "--worker", name, "--task", task]
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
        """Return the measurement of one call of `work`, or None once the process has failed."""
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


def work(name, task, new):
    """Run a worker's process: measure one call for each line of the input."""
    functions, modules, _ = COMPETITORS[name]
    own = harness.watched("RssAnon")
    hide({"tensorflow", "jax", "torch", "matplotlib"}.difference(modules))
    for module in modules:
        importlib.import_module(module)
    start = harness.resident("VmHWM")
    call, tokens = functions[task](new)
    for _ in sys.stdin:
        begun = time.perf_counter()
        call()
        result = {"seconds": time.perf_counter() - begun, "tokens": tokens}
        sizes = {"peak": harness.resident("VmHWM"), "own": own(), "import": start}
        result |= {name: size / 2**20 for name, size in sizes.items()}
        print(json.dumps(result), flush=True)


def hide(names):
    """Let modules not be found, as if they were not installed."""

    class Finder(PathFinder):
        @classmethod
        def find_spec(cls, name, path=None, target=None):
            return None if name in names else super().find_spec(name, path, target)

    sys.meta_path[sys.meta_path.index(PathFinder)] = Finder


def measure(names, task, repeats, new):
    """Return {name: list of measurements, or the reason why there are none}."""
    results, workers = {name: [] for name in names}, {}
    for name in names:
        missing = [m for m in COMPETITORS[name][1] if importlib.util.find_spec(m) is None]
        if missing:
            results[name] = f"not installed: {', '.join(missing)}"
            continue
        worker = Worker(name, task, new)
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
    """Return medians, and the median over the rounds of the speed relative to `base`."""
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
        row["peak_megabytes"] = max(x["peak"] for x in found)
        row["own_megabytes"] = max(x["own"] for x in found)
        row["import_megabytes"] = found[0]["import"]
        table.append(row)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", choices=COMPETITORS, default=list(COMPETITORS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--task", choices=TITLES, default="beam")
    parser.add_argument("--worker", choices=COMPETITORS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    task, new = options.task, options.new_tokens
    if options.worker:
        return work(options.worker, task, new)
    names = [x for x in COMPETITORS if x in options.peers and task in COMPETITORS[x][0]]
    table = rows(measure(names, task, options.repeats, new))
    facts = dict(batch=BATCH, beams=BEAMS, prompt=PROMPT, source=SOURCE, new_tokens=new, **BERT)
    name = "decoding" if task == "beam" else f"decoding_{task}"
    harness.report(
        f"{TITLES[task]}, {new} new tokens",
        table,
        name,
        repeats=options.repeats,
        cpus=os.cpu_count(),
        **facts,
    )


if __name__ == "__main__":
    main()
