"""Previews, curves and logs."""

import json
import math
import os
import sys

import keras
import numpy as np
import pytest

from kerasx.callbacks import (
    Evaluator,
    LearningLog,
    Resume,
    SamplePreview,
    Throughput,
    TrainingCurve,
    throughput,
)
from kerasx.callbacks.training_state import synced
from tests.callbacks.helpers import Interrupt, make_line

NAN = float("nan")


def fit(*callbacks, epochs=2, optimizer="sgd", **options):
    model, data = make_line(optimizer)
    options = {"batch_size": 2, "shuffle": False, "verbose": 0, **options}
    return model, model.fit(*data, epochs=epochs, callbacks=list(callbacks), **options).history


# SamplePreview


def test_another_number_of_texts_is_an_error():
    with pytest.raises(ValueError, match="must return 2 texts"):
        fit(SamplePreview(lambda texts: texts[:1], ["a", "b"]))


def test_previews_are_printed_kept_and_written(tmp_path, capsys):
    preview = SamplePreview(
        lambda text: text * 2,
        ["鸡\n兔", "b"],
        references=["是", "c"],
        every=2,
        path=tmp_path / "said.jsonl",
        batched=False,
        maxlen=4,
    )
    assert preview.table() == ""
    fit(preview, epochs=4)
    texts = ["鸡\n兔鸡\n兔", "bb"]
    assert preview.history == [(1, texts), (3, texts)]
    lines = (tmp_path / "said.jsonl").read_text("utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [
        {"epoch": 1, "texts": texts},
        {"epoch": 3, "texts": texts},
    ]
    table = "example  epoch 4  reference\n鸡 兔    鸡 兔…   是\nb        bb       c\n"
    assert capsys.readouterr().out.endswith(table)


# TrainingCurve


@pytest.fixture
def plot_history():
    from kerasx.callbacks.training_curve import plot_history

    return plot_history


def lines(figure):
    return {
        line.get_label().split(":")[0]: line.get_xydata().tolist()
        for axes in figure.axes
        for line in axes.lines
    }


@pytest.mark.once
@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_an_empty_history_is_a_picture_that_says_so(history, plot_history, tmp_path):
    figure = plot_history(history)
    assert [text.get_text() for text in figure.texts if "epochs" in text.get_text()]
    figure.savefig(tmp_path / "empty.png")


@pytest.mark.once
@pytest.mark.parametrize("values", [[NAN, NAN], [0.0, -1.0], [math.inf, 1.0], [1.0]])
@pytest.mark.parametrize("log_scale", [False, True])
def test_odd_values_are_drawn_with_gaps(values, log_scale, plot_history, tmp_path):
    figure = plot_history({"loss": values}, log_scale=log_scale)
    figure.savefig(tmp_path / "odd.png")
    drawn = [y for _, y in lines(figure)["loss"]]
    np.testing.assert_array_equal(drawn, [v if math.isfinite(v) else NAN for v in values])


@pytest.mark.once
def test_a_validation_metric_without_a_training_one_is_drawn(plot_history):
    figure = plot_history({"loss": [1.0, 0.5], "val_accuracy": [0.3, 0.6]})
    assert any("val_accuracy" in t.get_text() for a in figure.axes for t in a.get_legend().texts)


@pytest.mark.once
def test_the_picture_shows_all_values_and_names(plot_history):
    history = {
        "loss": [2.0, 1.0],
        "val_loss": [3.0, 2.0],
        "f1": [0.1, 0.2],
        "learning_rate": [1e-3],
    }
    figure = plot_history(history, epochs=[4, 5], log_scale=True, title="A run")
    drawn = lines(figure)
    assert drawn["loss"] == [[5, 2.0], [6, 1.0]] and drawn["val_loss"] == [[5, 3.0], [6, 2.0]]
    assert drawn["learning_rate"] == [[6, 1e-3]]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "f1", "learning rate"]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    assert figure.axes[-1].get_xlabel() == "epoch" and figure.get_suptitle() == "A run"


@pytest.mark.once
@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_picture_is_written_each_epoch(suffix, plot_history, tmp_path):
    path, sizes = tmp_path / f"curve{suffix}", []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: sizes.append(path.stat().st_size)
    )
    fit(TrainingCurve(path), look)
    assert len(sizes) == 2 and min(sizes) > 1000
    assert os.listdir(tmp_path) == [path.name]


def test_epochs_before_a_kill_are_in_the_picture(plot_history, tmp_path, monkeypatch):
    drawn = []

    def remember(*args):
        figure = plot_history(*args)
        drawn.append(lines(figure))
        return figure

    monkeypatch.setattr("kerasx.callbacks.training_curve.plot_history", remember)

    def callbacks():
        f1 = Evaluator(lambda model: {"f1": 0.5}, verbose=False)
        return f1, TrainingCurve(tmp_path / "curve.png"), Resume(tmp_path / "run.safetensors")

    with pytest.raises(KeyboardInterrupt):
        fit(*callbacks(), Interrupt(2, 1), epochs=4)
    fit(*callbacks(), epochs=4)
    assert [x for x, _ in drawn[-1]["loss"]] == [1, 2, 3, 4] == [x for x, _ in drawn[-1]["f1"]]


# Throughput


class Clock(keras.callbacks.Callback):
    """A clock in whose second the model trains on one batch, and passes over a thousand."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def on_epoch_begin(self, epoch, logs=None):
        self.updates = int(synced(self.model).optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        updates = int(synced(self.model).optimizer.iterations)
        self.now += 0.001 if updates == self.updates else 1
        self.updates = updates


def test_batches_that_a_resumed_run_skips_are_not_counted_as_fast(monkeypatch, tmp_path):
    path, data = tmp_path / "run.safetensors", make_line()[1]

    def rates(*callbacks):
        clock, seen = Clock(), []
        monkeypatch.setattr(throughput, "time", clock)
        look = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(logs.get("tokens_per_second"))
        )
        watching = [Resume(path, every=1, verbose=False), clock, Throughput(data[0][:1], 1e9)]
        fit(*watching, look, *callbacks, epochs=2, batch_size=1)
        return seen

    with pytest.raises(KeyboardInterrupt):
        rates(Interrupt(0, 2))
    assert rates() == [None] * 4 + [pytest.approx(2)] * 4  # two tokens in each row


# LearningLog


def test_the_learning_rate_of_a_schedule_is_in_the_history():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 8, 0.0)
    _, history = fit(LearningLog(), epochs=3, optimizer=keras.optimizers.SGD(schedule))
    assert history["learning_rate"] == pytest.approx([0.75, 0.5, 0.25])


class Writer:
    """A stand-in for tensorboardX that records the scalars."""

    def __init__(self, log_dir):
        self.scalars, self.closed = {}, False
        Writer.last = self

    def add_scalar(self, name, value, step):
        self.scalars.setdefault(name, []).append((step, value))

    def flush(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def writer(monkeypatch):
    monkeypatch.setattr("kerasx.callbacks.learning_log._summary_writer", lambda: Writer)
    return Writer


def test_each_batch_and_each_epoch_are_written_at_the_step_of_the_optimizer(writer):
    schedule = keras.optimizers.schedules.PolynomialDecay(1e-3, 10, 0.0)
    log = LearningLog("logs")
    _, history = fit(log, optimizer=keras.optimizers.SGD(schedule))
    scalars = writer.last.scalars
    assert [step for step, _ in scalars["batch/loss"]] == [1, 2, 3, 4]
    rates = [1e-3 * (1 - step / 10) for step in range(1, 5)]
    np.testing.assert_allclose([v for _, v in scalars["batch/learning_rate"]], rates, rtol=1e-5)
    assert scalars["epoch/loss"] == [(2, history["loss"][0]), (4, history["loss"][1])]
    assert writer.last.closed


def test_every_other_batch_is_written(writer):
    fit(LearningLog("logs", every=2))
    assert [step for step, _ in writer.last.scalars["batch/loss"]] == [2, 4]


def test_batches_that_a_resumed_run_skips_are_not_written_again(writer, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(Resume(path, every=1), Interrupt(1, 1))
    fit(Resume(path, verbose=False), LearningLog("logs"), epochs=3)
    steps = [step for step, _ in writer.last.scalars["batch/loss"]]
    assert steps == [5, 6]


class WithNorm(keras.Sequential):
    """A model whose training step reports a gradient norm."""

    def compute_metrics(self, *args, **kwargs):
        return {**super().compute_metrics(*args, **kwargs), "gradient_norm": keras.ops.ones(())}


def test_what_the_training_step_reports_is_logged(writer):
    model = WithNorm([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(
        np.ones((4, 2)), np.ones(4), callbacks=[LearningLog("logs")], verbose=0
    ).history
    assert history["gradient_norm"] == [1.0]
    assert writer.last.scalars["batch/gradient_norm"] == [(1, 1.0)]


@pytest.mark.once
def test_a_missing_tensorboardx_is_named_when_the_callback_is_made(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ValueError, match="pip install tensorboardX"):
        LearningLog("logs")


def test_event_files_are_written_without_tensorflow(tmp_path):
    fit(LearningLog(tmp_path / "logs"))
    (events,) = (tmp_path / "logs").iterdir()
    content = events.read_bytes()
    assert b"batch/loss" in content and b"epoch/learning_rate" in content
