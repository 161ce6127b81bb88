"""Training on two devices equals training on one, on TensorFlow and PyTorch."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasx import backend, distribution, layers, losses
from kerasx.training.objective import attach
from tests.distribution import cases
from tests.distribution.processes import free_port, run

BACKEND = keras.backend.backend()
ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(BACKEND == "jax", reason="JAX has tests of its own")
on_torch = pytest.mark.skipif(BACKEND != "torch", reason="processes of PyTorch")
BOUND = 1e-6  # relative to the largest number of an array, at least 1
HALF = 1e-3  # a gradient of four rows and one of eight are rounded to half precision apart

# compiling a case takes TensorFlow some seconds, twice
CORE = [
    "lm",
    "incomplete batch",
    "accumulated lm, fgm",
    "vat",
    "r_drop, then gradient_penalty",
    "flooding",
    "metrics",
    "optimizer momentum_accumulation",
    "optimizer adafactor",
    "optimizer global_clipnorm",
    "loss keras masked",
    "loss cosent",
]


def run_module(*arguments):
    """Run a module in a process, or in two of torchrun."""
    python = [sys.executable, "-m"]
    if BACKEND == "torch":
        torchrun = ["torch.distributed.run", "--nproc_per_node", "2"]
        python += [*torchrun, "--master_port", str(free_port()), "-m"]
    command = [*python, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr


def compared(folder, names):
    """Return {name: {array: difference}} or {name: error} of the cases."""
    run_module("tests.distribution.worker", str(folder / "found"), *names)
    found = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    assert len(found) == (2 if BACKEND == "torch" else 1)
    assert all(there == found[0] for there in found)  # the processes end with equal weights
    return found[0]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="updates within a conditional")
def test_optimizers_that_fail_on_replicas_are_refused(monkeypatch):
    monkeypatch.setattr(backend, "devices_in_scope", lambda: 2)
    for make in cases.REFUSED.values():
        with pytest.raises(ValueError, match="must be None on several devices of TensorFlow"):
            distribution.prepare(make()[0])


def check_all(folder, names):
    found = compared(folder, names)
    assert list(found) == list(names)
    wrong = {}
    for name, differences in found.items():
        if isinstance(differences, str):
            wrong[name] = differences
            continue
        bound = HALF if name.startswith("mixed") else BOUND
        above = {k: d for k, d in differences.items() if not d < bound}
        wrong |= {name: above} if above else {}
    assert not wrong, json.dumps(wrong, indent=1)


def test_the_core_of_the_trainings_equals_that_on_one_device(tmp_path):
    check_all(tmp_path, list(cases.CASES) if BACKEND == "torch" else CORE)


@pytest.mark.slow("compiles fifty trainings twice")
def test_all_trainings_equal_those_on_one_device(tmp_path):
    check_all(tmp_path, list(cases.CASES))


def dropout_model(layer):
    """Return a model whose outputs are the inputs with dropout."""
    inputs = keras.Input((64,))
    outputs = layer(0.5, seed=3)(keras.layers.Dense(64, kernel_initializer="identity")(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def dropped(layer):
    """Return which outputs were dropped in this process, in one step on two equal rows."""
    model, seen = dropout_model(layer), []

    def trick(objective, trainable, state, batch):
        loss, (outputs, state) = objective(trainable, state, batch)
        seen.append(keras.ops.convert_to_numpy(outputs) == 0)
        return loss, (outputs, state)

    attach(model, trick)
    ones = np.ones((2, 64), "float32")
    model.fit(ones, ones, batch_size=2, verbose=0)
    return seen[0]


def dropout_in_each_process():
    for layer in (keras.layers.Dropout, layers.Dropout):
        with distribution.data_parallel():
            mask = dropped(layer)
        assert mask.shape == (1, 64)
        first, second = backend.gather_objects(mask.astype("int8"))
        assert 10 < first.sum() < 54 and (first != second).sum() > 10


def other_data_in_each_process():
    rank = backend.process_index()
    with distribution.data_parallel():
        model, x, y = cases.classifier()
        with pytest.raises(ValueError, match="the same batches on every process"):
            model = distribution.prepare(model)
            model.fit(x + rank, y, batch_size=8, verbose=0)


def batches_that_do_not_divide():
    """Each process computes such a batch whole; what rounding has set apart is joined again."""
    rank = backend.process_index()
    with distribution.data_parallel():
        model, x, y = cases.classifier()
        model = distribution.prepare(model)
        model.fit(x[:2], y[:2], verbose=0)
        for variable in (*model.trainable_variables, *model.optimizer.variables[1:]):
            variable.assign(variable + rank * 1e-3)
        model.fit(x[:3], y[:3], verbose=0)
        values = [*model.get_weights(), *map(np.asarray, model.optimizer.variables)]
        first, second = backend.gather_objects(values)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


class Rows(keras.utils.PyDataset):
    """Batches of the rows of one process, or of all."""

    def __init__(self, x, y, batch_size):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return len(self.x) // self.batch_size

    def __getitem__(self, i):
        rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
        return self.x[rows], self.y[rows]


def own_data_in_each_process():
    """Give each process its own rows; weights and metrics are those of the whole batch."""
    rank, half = backend.process_index(), cases.ROWS // 2
    counts = keras.metrics.MeanIoU(3, sparse_y_pred=False, name="iou")  # its state is of integers
    model, x, y = cases.classifier(metrics=["accuracy", counts])
    own = np.arange(len(x)) % cases.ROWS // half == rank
    with distribution.data_parallel(sharded_data=True):
        model = distribution.prepare(model)
        options = {"shuffle": False, "verbose": 0, "validation_data": Rows(x[own], y[own], half)}
        parts = model.fit(Rows(x[own], y[own], half), **options).history
        with pytest.raises(ValueError, match="Arrays, and whole datasets"):
            model.fit(x, y, verbose=0)
        assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(
            parts["val_loss"][0], rel=1e-6
        )
    counts = keras.metrics.MeanIoU(3, sparse_y_pred=False, name="iou")
    with distribution.data_parallel(2):
        whole, x, y = cases.classifier(metrics=["accuracy", counts])
        options |= {"validation_data": (x, y), "batch_size": cases.ROWS}
        history = distribution.prepare(whole).fit(x, y, **options).history
    for name, values in history.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-6, err_msg=name)
    for a, b in zip(model.weights, whole.weights, strict=True):
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (a, b)), atol=1e-7)


@on_torch
@pytest.mark.parametrize(
    "function",
    [
        batches_that_do_not_divide,
        dropout_in_each_process,
        other_data_in_each_process,
        own_data_in_each_process,
    ],
)
def test_in_two_processes(function):
    for code, text in run(function):
        assert code == 0, text


@on_torch
def test_a_context_reads_no_messages_of_the_one_before():
    run_module("tests.distribution.contexts_in_turn")


@on_torch
def test_one_process_does_not_pass_for_two():
    with pytest.raises(ValueError, match="torchrun --nproc_per_node 2"):
        with distribution.data_parallel(2):
            pass


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a strategy of TensorFlow")
def test_a_model_is_built_in_its_strategy():
    import tensorflow as tf

    model, _, _ = cases.classifier()
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        with pytest.raises(ValueError, match="must be built inside `data_parallel`"):
            distribution.prepare(model)
    with pytest.raises(ValueError, match="`devices` must be a number from 1 to"):
        with distribution.data_parallel(99):
            pass


def test_on_one_device_the_step_is_that_without_a_distribution():
    alone = cases.trained(*cases.tagger(losses.MaskedCrossEntropy()))
    with distribution.data_parallel():
        model, x, y = cases.tagger(losses.MaskedCrossEntropy())
        together = cases.trained(distribution.prepare(model), x, y)
    for name, array in alone.items():
        if not name.startswith("log"):  # Keras weighs its mean by rows
            np.testing.assert_allclose(together[name], array, atol=1e-6, err_msg=name)
