"""Count losses when a process that saves is killed, at each step and at random: every writer.

    python -m benchmarks.kills [--kills 500] [--writers save_model ...] [--rounds 60] [--seed 0]

A forked child writes version after version, and tells its parent by a pipe which one is complete.

- steps: the child is killed before its first, second, ... change of a file (an audit event of
  Python: a file opened for writing, a rename, a removal) of one save, until a save survives;
- kills: so many children are killed at a random moment each;
- writers: two children write 60 versions each into one place, while the parent reads.

After each kill the place is read: it must hold, whole, the last complete version or the next. Last
it is written once more: no temporary file, journal or lock may be left. POSIX only; an exit code of
1 says that something was lost.
"""

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from types import SimpleNamespace

import keras
import numpy as np

from kerasx.callbacks import load_weights, save_weights
from kerasx.callbacks.training_state import load_state, save_state
from kerasx.checkpoints import open_checkpoint, read_config, save_safetensors, save_tensor_bundle
from kerasx.files.switching import in_one_version
from kerasx.models import build_transformer_model, load_model, save_model, save_pretrained
from kerasx.tokenizers import Tokenizer, load_vocab

SIZES = {
    "vocab_size": 9,
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 4,
    "max_position_embeddings": 8,
}
# versions after which the files of a writer have their first names again
TURNS = {"save_safetensors": 4, "save_tensor_bundle": 2}
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link", "os.truncate")


def words(number):
    """Return a vocabulary that tells its version."""
    return {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", f"v{number}"])}


def number_of(arrays):
    """Return the number that fills all the arrays, and raise if they differ."""
    values = {float(x) for array in arrays for x in np.unique(array)}
    if len(values) != 1:
        raise ValueError(f"a mixture of versions: {sorted(values)}")
    return int(values.pop())


def bert(**options):
    return build_transformer_model(SIZES, False, return_keras_model=False, **options)


def fill(model, number):
    model.set_weights([np.full_like(w, number) for w in model.get_weights()])


def whole_model(folder):
    """`save_model`: weights, labels and vocabulary."""
    builder = bert()

    def write(number):
        fill(builder.model, number)
        save_model(folder, builder.model, Tokenizer(words(number)), [str(number)])

    def read():
        saved = load_model(folder)
        found = [np.array(int(text)) for text in saved.labels]
        found.append(np.array(int(list(saved.tokenizer.token_dict)[4][1:])))
        return number_of([*saved.model.get_weights(), *found])

    return write, read


def pretrained(folder):
    """`save_pretrained`: weights, configuration and vocabulary."""
    builder = bert()

    def write(number):
        fill(builder.model, number)
        builder.initializer_range = number / 1024
        save_pretrained(builder, folder, Tokenizer(words(number)))

    def read():
        with open_checkpoint(folder) as stored:
            found = list(stored.values())
        range_ = read_config(folder)["initializer_range"]
        vocabulary = list(load_vocab(os.path.join(folder, "vocab.txt")))
        return number_of([*found, np.array(range_ * 1024), np.array(int(vocabulary[4][1:]))])

    return write, lambda: in_one_version(os.path.join(folder, "config.json"), read)


def tensors(number):
    return {name: np.full(200, number, "float32") for name in "abcd"}


def read_tensors(path):
    with open_checkpoint(path) as stored:
        return number_of(list(stored.values()))


def safetensors(folder):
    """`save_safetensors`: one file, two shards and four in turn."""
    path = os.path.join(folder, "model.safetensors")

    def write(number):
        save_safetensors(path, tensors(number), max_shard_size=(None, 1600, 1600, 800)[number % 4])

    return write, lambda: read_tensors(folder)


def tensor_bundle(folder):
    path = os.path.join(folder, "bert_model.ckpt")
    return lambda number: save_tensor_bundle(path, tensors(number)), lambda: read_tensors(folder)


def weights_file(folder, suffix):
    """`save_weights`, as `Evaluator` calls it."""
    path = os.path.join(folder, f"best{suffix}")
    model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(300, name="dense")])

    def write(number):
        fill(model, number)
        save_weights(model, path)

    def read():
        load_weights(model, path)
        return number_of(model.get_weights())

    return write, read


def resume(folder):
    """The state of training, as `Resume` saves it."""
    path = os.path.join(folder, "run.safetensors")
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(20, name="dense")])
    state = SimpleNamespace(
        variables=model.variables, optimizer=SimpleNamespace(variables=[]), metrics_variables=[]
    )

    def write(number):
        fill(model, number)
        save_state(path, state, tensors(number), {"number": number})

    def read():
        arrays, text = load_state(path)
        return number_of([*arrays.values(), np.array(text["number"])])

    return write, read


WRITERS = {
    "save_model": whole_model,
    "save_pretrained": pretrained,
    "save_safetensors": safetensors,
    "save_tensor_bundle": tensor_bundle,
    "save_weights .weights.h5": lambda folder: weights_file(folder, ".weights.h5"),
    "save_weights .safetensors": lambda folder: weights_file(folder, ".safetensors"),
    "save_weights .keras": lambda folder: weights_file(folder, ".keras"),
    "Resume": resume,
}


class Child:
    """A forked process that runs `work(tell)`; `tell(number)` reports a number to the parent."""

    def __init__(self, work):
        self.pipe, end = os.pipe()
        self.process = os.fork()
        if not self.process:
            try:
                work(lambda number: os.write(end, number.to_bytes(4, "big")))
                os._exit(0)
            finally:  # not back into the work of the parent
                traceback.print_exc()
                os._exit(1)
        os.close(end)

    def runs(self):
        return os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait(self):
        """Return (the last number reported or None, whether it came to its end by itself)."""
        _, status = os.waitpid(self.process, 0)
        with os.fdopen(self.pipe, "rb") as file:
            told = file.read()
        last = int.from_bytes(told[-4:], "big") if told else None
        return last, os.waitstatus_to_exitcode(status) == 0


def kill_before_change(step):
    """Let this process be killed before its change number `step` of a file."""

    def hook(event, arguments):
        nonlocal step
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in _CHANGES:
            step -= 1
            if step < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


class Place:
    """A folder under test.

    Attributes:
        number: the version that was found in it last.
        lost: what was found wrong.
    """

    def __init__(self, folder, writer):
        self.folder, self.number, self.lost = folder, 0, []
        self.write, self.read = WRITERS[writer](folder)
        self.turns = TURNS.get(writer, 1)
        self.save()

    def save(self, turn=0):
        """Write the next version whose number leaves the remainder `turn`."""
        self.number += 1 + (turn - self.number - 1) % self.turns
        self.write(self.number)

    def check(self, last):
        """Read the folder: it must hold the last complete version, or the next."""
        try:
            found = self.read()
            if not last <= found <= last + 1:
                raise ValueError(f"version {found} where {last} was complete")
            self.number = found
        except (ValueError, OSError) as error:
            self.lost.append(f"{type(error).__name__}: {error}")
            self.number = last + 1
            self.save()

    def survive_steps(self):
        """Kill a process before each change of a save; return how many kills there were."""
        return sum(self._survive_steps(turn) for turn in range(self.turns))

    def _survive_steps(self, turn):
        for step in itertools.count():
            self.save(turn)

            def work(tell, step=step):
                kill_before_change(step)
                self.write(self.number + 1)
                tell(self.number + 1)

            told, ended = Child(work).wait()
            self.check(told or self.number)
            if ended:
                return step

    def survive_kills(self, kills):
        """Kill a process that saves in a loop at random moments."""
        start = time.perf_counter()
        self.save()
        longest = 3 * (time.perf_counter() - start)

        def work(tell):
            for number in itertools.count(self.number + 1):
                self.write(number)
                tell(number)

        for _ in range(kills):
            child = Child(work)
            time.sleep(random.uniform(0, longest))
            os.kill(child.process, signal.SIGKILL)
            self.check(child.wait()[0] or self.number)

    def survive_writers(self, rounds):
        """Let two processes write; return (reads meanwhile, writers that failed)."""
        first = self.number + 1

        def work(parity):
            def write(tell):
                for number in range(first + parity, first + 2 * rounds, 2):
                    self.write(number)

            return write

        children, reads = [Child(work(parity)) for parity in (0, 1)], 0
        while any(child.runs() for child in children):
            reads += 1
            try:
                self.read()
            except (ValueError, OSError) as error:
                self.lost.append(f"while two write: {type(error).__name__}: {error}")
        failed = sum(not child.wait()[1] for child in children)
        self.check(first + 2 * rounds - 2)
        return reads, failed

    def left_over(self):
        """Return the hidden files that are there after one more save."""
        self.save()
        return [name for name in os.listdir(self.folder) if name[0] == "."]


def survive(writer, kills, rounds):
    """Put a writer to the test; print a line, and return what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder, writer)
        steps = place.survive_steps()
        place.survive_kills(kills)
        reads, failed = place.survive_writers(rounds)
        left = place.left_over()
        print(
            f"{writer:26}{steps:6}{kills:7}{rounds:8}{reads:7}{failed:8}{len(left):6}"
            f"{len(place.lost):6}",
            flush=True,
        )
        return [*place.lost, *left, *["a writer failed"] * failed]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=500, help="at random moments, each writer")
    parser.add_argument("--rounds", type=int, default=60, help="versions that each of two writes")
    parser.add_argument("--writers", nargs="+", choices=WRITERS, default=list(WRITERS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random.seed(options.seed)
    print(f"{'writer':26} steps  kills  2 x of   reads  failed  left  lost")
    lost = [x for w in options.writers for x in survive(w, options.kills, options.rounds)]
    print("\n".join(lost[:20]) or "nothing was lost, mixed or left over")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
