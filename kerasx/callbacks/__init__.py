"""Callbacks for `fit`: keep the best weights, resume exactly, watch the run."""

from kerasx.callbacks.averages import EMAEvaluation
from kerasx.callbacks.evaluator import Evaluator
from kerasx.callbacks.flush import FlushGradients
from kerasx.callbacks.interrupt import KeepOnInterrupt
from kerasx.callbacks.learning_log import LearningLog
from kerasx.callbacks.preview import SamplePreview
from kerasx.callbacks.resume import Resume
from kerasx.callbacks.save_pretrained import SavePretrained
from kerasx.callbacks.throughput import Throughput
from kerasx.callbacks.training_curve import TrainingCurve
from kerasx.callbacks.weights_file import load_weights, save_weights

__all__ = [
    "EMAEvaluation",
    "Evaluator",
    "FlushGradients",
    "KeepOnInterrupt",
    "LearningLog",
    "Resume",
    "SamplePreview",
    "SavePretrained",
    "Throughput",
    "TrainingCurve",
    "load_weights",
    "save_weights",
]
