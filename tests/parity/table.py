"""Run the parity tests on each backend and write what they measure to docs/parity.md.

    python -m tests.parity.table

A row is a family and what was compared; a column the largest absolute error on a backend. The
models are tiny and random, their weights large enough that outputs are of the order of 1.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.parity.record import MARK

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax", "torch")
HEAD = """# Parity

The largest absolute difference between the outputs of kerasx and of a reference on the same
weights. The models are tiny and random, biases and normalizations included. The reference is the
class of transformers, on a folder written by its own or by kerasx's `save_pretrained`. In rows that
begin with bert4keras, it is bert4keras 0.11.5, whose outputs are stored in tests/parity/bert4keras.
The tests allow differences up to 1e-4. To measure again:

    python -m tests.parity.table
"""


def measured(backend):
    """Return {(family, case): error as text} of a backend, the largest where a case has several."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/parity"]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}\nparity tests fail on {backend}")
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith(f"{MARK} | "):
            *_, test, error = line.split(" | ")
            key = family_and_case(test)
            found[key] = max(error, found.get(key, error), key=float)
    return found


def family_and_case(test):
    """Return ("gpt", "bert4keras: unilm") of ".../test_bert4keras.py::test_...[gpt-unilm]"."""
    path, name = test.split("::")
    family = Path(path).stem.removeprefix("test_")
    name, _, case = name.removeprefix("test_").partition("[")
    case = case.removesuffix("]")
    if family == "bert4keras":
        family, _, case = case.partition("-")
        return family, f"bert4keras: {case}"
    words = name.replace("_", " ")
    if family.startswith("random_"):  # each backend reads other folders: one row for all
        return family.replace("_", " "), words
    return family, f"{words} ({case})" if case else words


def table(errors):
    """Return Markdown rows of {backend: {key: error}}."""
    keys = sorted({key for found in errors.values() for key in found})
    rows = [("family", "what", *errors), ("---",) * (2 + len(errors))]
    rows += [(*key, *(found.get(key, "-") for found in errors.values())) for key in keys]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main():
    errors = {backend: measured(backend) for backend in BACKENDS}
    worst = max(float(e) for found in errors.values() for e in found.values())
    count = sum(map(len, errors.values()))
    text = f"{HEAD}\n{count} comparisons, the largest difference of all {worst:.1e}.\n\n"
    text += table(errors) + "\n"
    (ROOT / "docs" / "parity.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
