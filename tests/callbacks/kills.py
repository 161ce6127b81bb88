"""Kill processes that write files repeatedly at random times, and read the files (a script)."""

import os
import random
import signal
import sys
import time

import keras
import numpy as np

from kerasx.callbacks import load_weights, save_weights
from kerasx.callbacks.training_state import load_state, save_state


def make():
    return keras.Sequential([keras.Input((100,)), keras.layers.Dense(300, name="dense")])


def weights_file(path):
    """Return (write, read), which set all weights to a number and return the numbers found."""
    model = make()

    def write(number):
        model.set_weights([np.full_like(w, number) for w in model.get_weights()])
        save_weights(model, path)

    def read():
        load_weights(model, path)
        return np.unique(np.concatenate([w.ravel() for w in model.get_weights()]))

    return write, read


def state_file(path):
    def write(number):
        save_state(path, {"a": np.full((300, 100), number)}, {"b": number})

    def read():
        tensors, text = load_state(path)
        return np.unique([tensors["a"].min(), tensors["a"].max(), text["b"]])

    return write, read


def main(folder, kills):
    files = ["best.weights.h5", "best.safetensors", "state.safetensors"]
    paths = [os.path.join(folder, name) for name in files]
    makers = [weights_file, weights_file, state_file]
    pairs = [make_pair(path) for make_pair, path in zip(makers, paths)]
    for write, _ in pairs:
        write(0)
    versions = [survive(*pairs[i % len(pairs)]) for i in range(kills)]
    print("survived", kills, "kills; versions", versions)


def survive(write, read):
    child = os.fork()
    if not child:
        for number in range(1, 10**6):
            write(number)
    time.sleep(random.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (number,) = read()  # fails if the file is damaged, or of two versions
    return int(number)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
