"""One row for each callback: how to make it, the files it leaves and the errors it raises."""

import os
from dataclasses import dataclass, field

import keras
import numpy as np

from kerasx import callbacks
from kerasx.models import BERT

READ_ONLY = "/proc/self" if os.path.isdir("/proc/self") else "/dev/null"


def adam():
    return keras.optimizers.Adam(0.01)


def tiny_bert():
    """Return a builder whose model can be written as a folder."""
    bert = BERT(30, 8, 1, 2, 16, with_mlm="linear")
    bert.build()
    return bert


@dataclass
class Row:
    """A callback for the contract.

    make: (folder) -> callback.
    files: names of the files it leaves in the folder.
    keys: names it adds to the history.
    optimizer: () -> optimizer to train with.
    bad: pairs of a call with bad arguments, (folder) -> callback, and a part of its error.
    """

    make: callable
    files: tuple = ()
    keys: tuple = ()
    optimizer: callable = adam
    bad: tuple = field(default=())


def _refuses(match, cls, *args, **kwargs):
    return lambda folder: cls(*args, **kwargs), match


TABLE = {
    "EMAEvaluation": Row(
        lambda folder: callbacks.EMAEvaluation(callbacks.SamplePreview(list, ["a"])),
        optimizer=lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=10**6),
    ),
    "Evaluator": Row(
        lambda folder: callbacks.Evaluator(lambda m: {"f1": 0.5}, folder / "best.weights.h5"),
        files=("best.weights.h5", "best.weights.h5.sha256"),
        keys=("f1",),
        bad=(
            _refuses("`mode` must be one of", callbacks.Evaluator, float, mode="up"),
            _refuses("`path` must be given", callbacks.Evaluator, float, load_best=True),
            _refuses("must end in", callbacks.Evaluator, float, "best.h5"),
            _refuses("existing folder", callbacks.Evaluator, float, "none/best.weights.h5"),
            _refuses("can be made", callbacks.Evaluator, float, f"{READ_ONLY}/best.weights.h5"),
        ),
    ),
    "FlushGradients": Row(lambda folder: callbacks.FlushGradients(each_epoch=True)),
    "KeepOnInterrupt": Row(lambda folder: callbacks.KeepOnInterrupt()),
    "LearningLog": Row(
        lambda folder: callbacks.LearningLog(),
        keys=("learning_rate",),
        bad=(_refuses("`every` must be", callbacks.LearningLog, every=0),),
    ),
    "Throughput": Row(
        lambda folder: callbacks.Throughput(np.ones((2, 2)), limit=1e9),
        keys=("tokens_per_second", "share_of_limit"),
        bad=(_refuses("`limit` must be", callbacks.Throughput, [1], limit=0),),
    ),
    "Resume": Row(
        lambda folder: callbacks.Resume(folder / "run.safetensors", every=1),
        files=("run.safetensors", "run.safetensors.sha256"),
        bad=(
            _refuses("must end in", callbacks.Resume, "run.npz"),
            _refuses("can be made", callbacks.Resume, f"{READ_ONLY}/run.safetensors"),
            _refuses("`every` must be", callbacks.Resume, "run.safetensors", every=0),
            _refuses("set_epoch", callbacks.Resume, "run.safetensors", dataset=[1]),
        ),
    ),
    "SamplePreview": Row(
        lambda folder: callbacks.SamplePreview(list, ["鸡", "兔"], path=folder / "said.jsonl"),
        files=("said.jsonl",),
        bad=(
            _refuses("must not be empty", callbacks.SamplePreview, list, []),
            _refuses(
                "must have the same length",
                callbacks.SamplePreview,
                list,
                ["a"],
                references=["b", "c"],
            ),
            _refuses("`every` must be", callbacks.SamplePreview, list, ["a"], every=0),
        ),
    ),
    "SavePretrained": Row(
        lambda folder: callbacks.SavePretrained(folder / "saved", every=1, model=tiny_bert()),
        files=("saved",),
        bad=(
            _refuses("`every` must be", callbacks.SavePretrained, "saved", every=0),
            _refuses("`keep` must be", callbacks.SavePretrained, "saved", keep=0),
            _refuses("or not exist", callbacks.SavePretrained, __file__),
        ),
    ),
    "TrainingCurve": Row(
        lambda folder: callbacks.TrainingCurve(folder / "curve.svg", log_scale=True),
        files=("curve.svg",),
        bad=(_refuses("must end in", callbacks.TrainingCurve, "curve.gif"),),
    ),
}
