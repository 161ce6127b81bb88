"""Write the model as a folder every so many steps of a long training, and keep the last ones."""

import os
import re
import shutil

import keras

from kerasx import backend
from kerasx.callbacks.training_state import synced
from kerasx.checks import check_integer, invalid
from kerasx.files.switching import fsync
from kerasx.models.builder_arguments import builder_of
from kerasx.models.pretrained import huggingface_config, save_pretrained

_UNFINISHED = ".unfinished"


class SavePretrained(keras.callbacks.Callback):
    """Callback that writes `folder/step-1000`, `folder/step-2000`, ... by `save_pretrained`.

    A folder gets its name once all its files are on the disk, so a killed process leaves no half of
    one. The last folder is written when training ends. With several processes the first one writes.

    Args:
        folder: path; made if it does not exist.
        every: number of training batches between two folders, counted through all epochs.
        keep: how many of the last folders stay; None keeps all.
        model: builder or keras.Model to write, if `fit` trains a larger one, such as one that adds
            losses to it; by default the model that is trained.
        tokenizer: tokenizer to write beside the model.

    Raises:
        ValueError: when training begins, if Hugging Face has no equal model.

    >>> import numpy as np, tempfile
    >>> from kerasx.models import build_transformer_model
    >>> options = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    ...            "intermediate_size": 16, "vocab_size": 30, "with_mlm": "linear"}
    >>> model = build_transformer_model(None, **options)
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("adam", loss)
    >>> ids, folder = np.ones((8, 4), "int32"), tempfile.mkdtemp()
    >>> saving = SavePretrained(folder, every=2, keep=2)
    >>> _ = model.fit([ids, 0 * ids], ids, batch_size=1, callbacks=[saving], verbose=0)
    >>> sorted(os.listdir(folder))
    ['step-6', 'step-8']
    """

    def __init__(self, folder, every=1000, keep=None, model=None, tokenizer=None):
        super().__init__()
        self.folder, self.every = os.fspath(folder), check_integer("every", every, least=1)
        self.keep = None if keep is None else check_integer("keep", keep, least=1)
        self.written, self.tokenizer = model, tokenizer
        if os.path.exists(self.folder) and not os.path.isdir(self.folder):
            raise invalid("`folder` must be a folder, or not exist.", folder=self.folder)

    def on_train_begin(self, logs=None):
        self._updates = None  # how many the optimizer had made when a folder was written
        self._step = self._before = self._saved_at = 0
        huggingface_config(builder_of(self.written or self.model))  # what has none raises now
        backend.in_first_process(self._prepare)

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params.get("steps")
        self._before = self._step if steps is None else epoch * steps
        self._saved_at = max(self._saved_at, self._before)

    def on_train_batch_begin(self, batch, logs=None):
        if self._updates is None:
            self._updates = self._count()

    def on_train_batch_end(self, batch, logs=None):
        self._step = self._before + batch + 1
        if self._step // self.every > self._saved_at // self.every:
            self._saved_at = self._step
            self._write()

    def on_train_end(self, logs=None):
        if self._updates is not None:
            self._write()

    def _write(self):
        """Write the folder of this step, unless nothing was learnt, as while `Resume` passes over.

        A folder of this step that an interrupted run left has the same files, or gets them.
        """
        if self._count() == self._updates:
            return
        self._updates, name = self._count(), f"step-{self._step}"
        if backend.in_first_process(lambda: os.path.isdir(self._path(name))):
            self._save(name)
        else:
            self._save(_UNFINISHED)
            backend.in_first_process(lambda: self._finish(name))

    def _save(self, name):
        save_pretrained(self.written or synced(self.model), self._path(name), self.tokenizer)

    def _prepare(self):
        os.makedirs(self.folder, exist_ok=True)
        if os.path.exists(self._path(_UNFINISHED)):  # of a run that was killed
            shutil.rmtree(self._path(_UNFINISHED))

    def _finish(self, name):
        os.rename(self._path(_UNFINISHED), self._path(name))
        fsync(self.folder)
        steps = [int(x[5:]) for x in os.listdir(self.folder) if re.fullmatch("step-[0-9]+", x)]
        past = sorted(step for step in steps if step <= self._step)
        for step in past[: -self.keep] if self.keep else ():
            # what a kill leaves of it has no name of a whole one
            os.rename(self._path(f"step-{step}"), self._path(_UNFINISHED))
            shutil.rmtree(self._path(_UNFINISHED))

    def _count(self):
        return int(synced(self.model).optimizer.iterations)

    def _path(self, name):
        return os.path.join(self.folder, name)
