"""Training runs for the processes of `tests.distribution.processes`."""

import os
import signal

import keras
import numpy as np

from kerasx.backend import processes
from kerasx.callbacks import (
    EMAEvaluation,
    Evaluator,
    FlushGradients,
    KeepOnInterrupt,
    LearningLog,
    Resume,
    SamplePreview,
    TrainingCurve,
)
from kerasx.distribution import data_parallel, prepare
from tests.callbacks.helpers import Interrupt, all_state, make_dataset, make_model

EPOCHS = 3


def model_to_train(seed=1):
    optimizer = keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9)
    return prepare(make_model(seed, optimizer=optimizer))


def train(folder, seed=1, extra=()):
    """Return a model trained for three epochs with all callbacks, and its history."""
    model, dataset = model_to_train(seed), make_dataset()

    def scores(model):
        return {"f1": len(model.predict(dataset, verbose=0)) + float(model.optimizer.iterations)}

    def generate(texts):
        return [f"{text} {np.random.random():.3f}" for text in texts]

    listed = [
        KeepOnInterrupt(),
        FlushGradients(),
        EMAEvaluation(Evaluator(scores, f"{folder}/best.weights.h5", load_best=True)),
        LearningLog(),
        SamplePreview(generate, ["鸡", "兔"], path=f"{folder}/said.jsonl"),
        TrainingCurve(f"{folder}/curve.svg"),
        Resume(f"{folder}/run.safetensors", dataset, every=2),
        *extra,
    ]
    history = model.fit(dataset, epochs=EPOCHS, verbose=0, callbacks=listed, shuffle=False)
    return model, history


def whole_run(folder, name, seed=1, kill=None, killed=None):
    """Train, and save all variables and the history; or kill some processes, all by default."""
    folder = f"{folder}/{name}"
    processes.in_first_process(lambda: os.makedirs(folder, exist_ok=True))
    extra = [Interrupt(*kill, act=lambda: kill_process(killed))] if kill else []
    with data_parallel():
        model, history = train(folder, seed, extra)
        state, values = all_state(model), history.history
        everywhere = processes.gather_objects([values, *state])
    assert same_everywhere(everywhere)
    if processes.is_first_process():
        np.savez(f"{folder}/state.npz", *state, **{f"history/{k}": v for k, v in values.items()})


def same_everywhere(values):
    """Return whether lists of arrays, after a dict, are equal in all processes."""
    first, *others = values
    return all(
        here[0] == first[0] and all(map(np.array_equal, here[1:], first[1:])) for here in others
    )


def kill_process(killed):
    if killed is None or processes.process_index() in killed:
        os.kill(os.getpid(), signal.SIGKILL)


def killed_run(folder, name, kill, killed=None):
    whole_run(folder, name, kill=kill, killed=killed)


def straight_then_killed(folder, kill, killed=None):
    whole_run(folder, "straight")
    whole_run(folder, "killed", kill=kill, killed=killed)
