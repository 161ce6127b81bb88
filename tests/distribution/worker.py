"""Train the cases named on the command line on one device and on all; print the differences.

python -m tests.distribution.worker FILE [NAME ...]: a process of `torchrun` on PyTorch, or alone on
TensorFlow, where it makes two logical CPUs. FILE gets {name: {array: largest difference}} as JSON.
"""

import faulthandler
import json
import os
import sys
import traceback

import keras
import numpy as np

from kerasx import distribution
from tests.distribution.cases import CASES, trained

DEVICES = 2
PATIENCE = 120  # seconds for a training


def attempt(name):
    """Return what the training of a case gives, or the text of its error."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)  # one process waits for another
    try:
        model, *rest = CASES[name]()
        return trained(distribution.prepare(model), *rest)
    except Exception:  # noqa: BLE001 - the other cases go on, and the test prints it
        return traceback.format_exc()
    finally:
        faulthandler.cancel_dump_traceback_later()


def differences(alone, together):
    """Return {array: largest difference} of two trainings, or the error of one."""
    for result in (alone, together):
        if isinstance(result, str):
            return result
    return {k: _difference(alone[k], together[k]) for k in alone}


def _difference(a, b):
    a, b = a.astype("float64"), b.astype("float64")
    return float(np.abs(a - b).max(initial=0) / np.abs(a).max(initial=1))


def main(path, names):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(DEVICES)]
        tf.config.set_logical_device_configuration(cpu, parts)
    names = names or list(CASES)
    alone = {name: attempt(name) for name in names}
    with distribution.data_parallel():
        together = {name: attempt(name) for name in names}
    found = {name: differences(alone[name], together[name]) for name in names}
    with open(f"{path}.{os.environ.get('RANK', 0)}", "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
