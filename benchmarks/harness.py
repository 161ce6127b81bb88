"""Helpers of all benchmarks: interleaved repeats, medians and ratios, a table and a JSON file."""

import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BACKENDS = ("tensorflow", "jax", "torch")
# a 6-layer BERT of 20M parameters, in Hugging Face's words
CONFIG = {
    "vocab_size": 21128,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "intermediate_size": 1536,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
}


def interleave(candidates, repeats=5, warmup=1):
    """Time callables in turns, so that a slow spell of the machine hits all of them alike.

    Args:
        candidates: name -> callable without arguments; it must wait for its own result. A str
            instead of a callable says why there is no figure, e.g. "not installed".
        repeats: timed rounds. warmup: untimed rounds before them.

    Returns:
        name -> list of seconds, or the str.
    """
    times = {name: f if isinstance(f, str) else [] for name, f in candidates.items()}
    for turn in range(warmup + repeats):
        for name, function in candidates.items():
            if isinstance(function, str):
                continue
            start = time.perf_counter()
            function()
            if turn >= warmup:
                times[name].append(time.perf_counter() - start)
    return times


def restart_peak():
    """Let the peak memory of this process start anew; on Linux."""
    Path("/proc/self/clear_refs").write_text("5")


def resident(key):
    """Return bytes of memory of this process: "VmRSS" now, "VmHWM" at its peak, "RssAnon" its own.

    What is not its own are files: the code of libraries, which processes share.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key)).split()[1])


def watched(key, seconds=0.02):
    """Return a function to the highest `resident(key)` so far, which a thread measures."""
    highest = resident(key)

    def look():
        nonlocal highest
        while True:
            highest = max(highest, resident(key))
            time.sleep(seconds)

    threading.Thread(target=look, daemon=True).start()
    return lambda: highest


def run(module, backend, *arguments):
    """Run `python -m module *arguments` on a backend, in a separate process."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    subprocess.run(command, env=environment, check=True)


def rows(times, ours, units=None):
    """Return one row a candidate: median seconds, spread, units per second, time against ours.

    The ratio is the median of the ratios of each round, since rounds share the machine's mood.

    Args:
        times: of `interleave`. ours: the name that has ratio 1. units: work done in one call.
    """
    table = []
    for name, seconds in times.items():
        if isinstance(seconds, str):
            table.append({"name": name, "note": seconds})
            continue
        median = statistics.median(seconds)
        row = {"name": name, "seconds": median, "min": min(seconds), "max": max(seconds)}
        if units:
            row["per_second"] = units / median
        if not isinstance(times[ours], str):
            row["times_ours"] = statistics.median(t / o for t, o in zip(seconds, times[ours]))
        table.append(row)
    return table


def report(title, table, name, **facts):
    """Print rows as plain text and keep them in benchmarks/results/<name>.json.

    Args:
        title: one line. table: list of dicts. name: of the file. facts: what else to keep.
    """
    columns = list(dict.fromkeys(key for row in table for key in row))
    cells = [columns] + [[_format(row.get(column, "")) for column in columns] for row in table]
    widths = [max(map(len, column)) for column in zip(*cells)]
    print(f"\n{title}")
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    RESULTS.mkdir(exist_ok=True)
    facts = {"python": platform.python_version(), "machine": platform.machine(), **facts}
    content = {"title": title, "facts": facts, "rows": table}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def installed(*modules):
    """Return whether all modules can be imported; imports none of them."""
    return all(importlib.util.find_spec(module) for module in modules)


def _format(value):
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
