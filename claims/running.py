"""Run a claim: measure with several seeds, judge the figures, draw them, keep the result.

A claim is a module of this folder. Its docstring is the claim, a sentence, then how it is tried.

    SOURCE = "kexue.fm/archives/7643; arXiv 2002.08709"
    SMALL = {"updates": 2}              # arguments of `measure` at the smallest size

    def measure(seed, updates=300):     # {figure: number, or list of numbers of a curve}
    def judge(figures):                 # (HOLDS | PARTLY | FAILS, a sentence with the figures)
    def draw(picture, figures):         # on a Figure of matplotlib

`figures` maps the same names to arrays with an axis of seeds in front. Optional: SEEDS = 1 where
nothing is drawn at random, and PUBLISHED, figures of the source that need pretrained weights.
"""

import importlib
import json
import math
import pkgutil
import platform
import time
from pathlib import Path

import keras
import numpy as np
from matplotlib import style

import claims
from kerasx.figures import drawing, save_figure
from kerasx.files.atomic import atomic_path

SEEDS = 3
HOLDS, PARTLY, FAILS = "holds", "holds in part", "does not hold here"
_NO_CLAIMS = {"__main__", "pages", "running", "tools"}


def claim_names():
    """Return the names of all claims, sorted."""
    return sorted({module.name for module in pkgutil.iter_modules(claims.__path__)} - _NO_CLAIMS)


def run_claim(name, out, seeds=None, small=False):
    """Measure a claim, and write NAME.json and NAME.png into a folder.

    Args:
        name: str, a module of `claims`. out: Path, an existing folder.
        seeds: int, how many; by default SEEDS of the module, else 3.
        small: bool, whether to measure with the arguments SMALL of the module.

    Returns:
        str, the figures and the verdict, to be printed.
    """
    claim = importlib.import_module(f"claims.{name}")
    begun = time.perf_counter(), time.process_time()
    runs = []
    for seed in range(seeds or getattr(claim, "SEEDS", SEEDS)):
        keras.utils.set_random_seed(seed)
        runs.append(claim.measure(seed, **(claim.SMALL if small else {})))
        print(f"{name}: seed {seed}, {time.perf_counter() - begun[0]:.0f} s")
    measured = {
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "python": platform.python_version(),
        "cpu_seconds": round(time.process_time() - begun[1]),
        "figures": {key: [_plain(run[key]) for run in runs] for key in runs[0]},
    }
    return conclude(name, measured, out)


def conclude(name, measured, out):
    """Judge and draw what was measured, and write NAME.json and NAME.png.

    Args:
        name: str, a module of `claims`. out: Path, an existing folder.
        measured: dict, figures and what they were measured with, as NAME.json has them.

    Returns:
        str, the figures and the verdict, to be printed.
    """
    claim = importlib.import_module(f"claims.{name}")
    figures = arrays(measured)
    verdict, sentence = claim.judge(figures)
    result = {**measured, **described(claim), "verdict": verdict, "sentence": sentence}
    with style.context("tableau-colorblind10"), drawing() as figure_class:
        picture = figure_class(figsize=(7, 4), layout="constrained")
        claim.draw(picture, figures)
        save_figure(picture, out / f"{name}.png", dpi=120)
    write_text(out / f"{name}.json", json.dumps(result, ensure_ascii=False) + "\n")
    return summary(result)


def described(claim):
    """Return what a claim says of itself."""
    sentence, _, tried = claim.__doc__.partition("\n")
    return {
        "name": claim.__name__.rpartition(".")[2],
        "claim": sentence,
        "tried": tried.strip(),
        "source": claim.SOURCE,
        "published": getattr(claim, "PUBLISHED", ""),
    }


def arrays(result):
    """Return {figure: array with an axis of seeds in front}."""
    return {key: np.array(values) for key, values in result["figures"].items()}


def summary(result):
    """Return the figures of a result, a line each, and its verdict."""
    lines = [
        f"  {key}: {spread(values)}" for key, values in arrays(result).items() if values.ndim == 1
    ]
    return "\n".join([result["claim"], *lines, f"  {result['verdict']}: {result['sentence']}"])


def spread(values):
    """Return the mean of some seeds and their standard deviation, of two digits, as text.

    >>> spread([0.5, 0.52, 0.54])
    '0.520 ± 0.020'
    """
    mean = np.mean(values)
    if len(values) == 1:
        return _short(mean)
    deviation = np.std(values, ddof=1)
    if not 1e-4 <= deviation:
        return f"{_short(mean)} ± {deviation:.2g}"
    decimals = max(0, 1 - math.floor(math.log10(deviation)))
    return f"{mean:,.{decimals}f} ± {deviation:,.{decimals}f}"


def _short(number):
    """Return a number of four digits, or whole, as text."""
    return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"


def higher(a, b):
    """Return whether a is above b by over two standard errors of the difference, seed by seed."""
    difference = np.array(a, float) - np.array(b, float)
    if len(difference) == 1:
        return bool(difference[0] > 0)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(difference.mean() > 2 * error)


def write_text(path, text):
    """Write a text file whole, or not at all."""
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text, "utf-8")


def _plain(value):
    """Return a number, or a list of numbers, of six digits, which JSON can hold."""
    array = np.asarray(value, "float64")
    rounded = [float(f"{number:.6g}") for number in array.ravel()]
    return np.reshape(rounded, array.shape).tolist()
