"""Training runs for the processes of `tests.distribution.processes`."""

import os
import signal

import keras
import numpy as np
import pytest

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
    load_weights,
    save_weights,
)
from kerasx.distribution import data_parallel, prepare
from kerasx.layers import Embedding
from kerasx.models import load_model, save_model
from tests.callbacks.helpers import Interrupt, all_state, make_dataset, make_model

EPOCHS = 3


def model_with_averages(seed):
    optimizer = keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9)
    return prepare(make_model(seed, optimizer=optimizer))


def train(folder, seed, dropout, extra):
    """Return a model trained for three epochs with all callbacks, and its history."""
    model, dataset = model_with_averages(seed), make_dataset()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout) and not dropout:
            layer.rate = 0.0

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
    history = model.fit(dataset, epochs=EPOCHS, verbose=2, callbacks=listed, shuffle=False)
    return model, history


def whole_run(folder, name, seed=1, kill=None, killed=None, dropout=True):
    """Train, and save all variables and the history; or kill some processes, all by default."""
    folder = f"{folder}/{name}"
    processes.in_first_process(lambda: os.makedirs(folder, exist_ok=True))
    extra = [Interrupt(*kill, act=lambda: kill_process(killed))] if kill else []
    with data_parallel():
        model, history = train(folder, seed, dropout, extra)
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


def straight_then_killed(folder, kill, killed=None):
    whole_run(folder, "straight")
    whole_run(folder, "killed", kill=kill, killed=killed)


def hinder(folder):
    """Run what may leave a process waiting: none does, and all notice the same."""
    me = processes.process_index()
    refuse_an_unsynchronised_fit()
    with data_parallel():
        model, dataset = prepare(make_model()), make_dataset()

        def fit(*callbacks, epochs=3):
            return model.fit(dataset, epochs=epochs, verbose=0, callbacks=callbacks, shuffle=False)

        def stop(epoch, logs):
            model.stop_training = me == 1

        stopping = keras.callbacks.LambdaCallback(on_epoch_end=stop)
        history = fit(stopping, Evaluator(lambda model: me, verbose=False)).history
        assert history["metric"] == [0]  # of the first process
        assert len(fit(stopping, Resume(f"{folder}/stopped.safetensors")).epoch) == 1

        def broken(model):
            if me == 1:
                raise ZeroDivisionError("no true positives")
            return 1.0

        with pytest.raises(ZeroDivisionError, match="no true positives"):
            fit(Evaluator(broken, f"{folder}/never.weights.h5"))
        interrupt = Interrupt(0, 2, lambda: me == 1 and os.kill(os.getpid(), signal.SIGINT))
        before = int(model.optimizer.iterations)
        with pytest.raises(KeyboardInterrupt):
            fit(interrupt, KeepOnInterrupt())
        assert processes.gather_objects(int(model.optimizer.iterations) - before) == [3, 3]
        if me == 0:
            save_weights(model, f"{folder}/by_the_first_alone.weights.h5")
        save_weights(model, f"{folder}/by_all.keras")
        load_weights(model, f"{folder}/by_all.keras")
        save_model(f"{folder}/model", model, labels=["a", "b", "c"])
        assert load_model(f"{folder}/model").labels == ["a", "b", "c"]
        assert same_everywhere(processes.gather_objects([{}, *model.get_weights()]))


def refuse_an_unsynchronised_fit():
    if keras.backend.backend() == "torch":
        ids = keras.Input((None,), dtype="int32")
        scores = keras.layers.GlobalAveragePooling1D()(Embedding(10, 3, name="embedding")(ids))
        model = keras.Model(ids, scores)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        train_by_a_loop(model)
        with pytest.raises(ValueError, match="each would train a model of its own"):
            model.fit(make_dataset(), verbose=0)
    with pytest.raises(ValueError, match=r"with kerasx.distribution.data_parallel\(\)"):
        make_model().fit(make_dataset(), verbose=0, callbacks=[Evaluator(float)])


def train_by_a_loop(model):
    """Train by torch's own means, which stay allowed, and to equal weights."""
    import torch

    keras.utils.set_random_seed(0)
    model.set_weights([np.random.normal(size=w.shape) for w in model.weights])
    parallel, loss = torch.nn.parallel.DistributedDataParallel(model), model.loss
    optimizer = torch.optim.SGD(parallel.parameters(), 0.1)
    x, y = make_dataset()[processes.process_index()]
    for _ in range(2):
        optimizer.zero_grad()
        loss(torch.tensor(y), parallel(x, training=True)).backward()
        optimizer.step()
    first, second = processes.gather_objects(model.get_weights())
    assert all(map(np.array_equal, first, second))
