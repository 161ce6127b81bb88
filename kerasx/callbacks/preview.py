"""Show texts that a model generates while it learns."""

import json

import keras

from kerasx import backend
from kerasx.callbacks.weights_file import check_path
from kerasx.checks import check_integer, check_same_length, invalid
from kerasx.files.atomic import atomic_path
from kerasx.text import text_table


class SamplePreview(keras.callbacks.Callback):
    """Callback that prints a table of generated texts after each epoch and keeps the texts.

    With several processes all generate, and the first one prints and writes.

    Args:
        generate: a function (list of examples) -> list of texts, one for each example; with
            `batched=False`, (example) -> text.
        examples: list of inputs for `generate`, such as prompts.
        references: list of right answers to show beside, or None.
        every: epochs between previews.
        path: a `.jsonl` file for all previews, an epoch a line, or None.
        batched: whether `generate` takes all examples at once.
        maxlen: longest text in the table, in characters; `history` and file keep the whole text.

    Attributes:
        history: [(epoch, texts)], epochs counted from 0.

    Raises:
        ValueError: no examples, or not as many references or generated texts.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> preview = SamplePreview(lambda texts: [t[::-1] for t in texts], ["abc", "de"])
    >>> _ = model.fit(np.ones((4, 2)), np.ones(4), callbacks=[preview], verbose=0)
    example  epoch 1
    abc      cba
    de       ed
    >>> preview.history
    [(0, ['cba', 'ed'])]
    """

    def __init__(
        self, generate, examples, references=None, every=1, path=None, batched=True, maxlen=40
    ):
        super().__init__()
        self.examples = list(examples)
        self.references = None if references is None else list(references)
        if not self.examples:
            raise invalid("`examples` must not be empty.", examples=examples)
        check_same_length(examples=self.examples, references=self.references or self.examples)
        check_integer("every", every, least=1)
        if path is not None:
            check_path(path, (".jsonl",))
        self.generate = generate if batched else lambda batch: [generate(x) for x in batch]
        self.every, self.path, self.maxlen = every, path, maxlen
        self.history = []

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        self.history.append((epoch, backend.in_all_processes(self._texts)))
        if backend.is_first_process():
            print(self.table())
        if self.path is not None:
            backend.write_in_first_process(self.path, self._write)

    def _texts(self):
        texts = list(self.generate(self.examples))
        if len(texts) != len(self.examples):
            raise invalid(
                f"`generate` must return {len(self.examples)} texts, one for each example; pass "
                "batched=False if it takes one at a time.",
                texts=texts,
            )
        return texts

    def table(self):
        """Return the last preview as a table of text, "" before the first."""
        if not self.history:
            return ""
        epoch, texts = self.history[-1]
        columns = [self.examples, texts] + [self.references] * (self.references is not None)
        names = ["example", f"epoch {epoch + 1}", "reference"][: len(columns)]
        return text_table([names, *([self._short(x) for x in row] for row in zip(*columns))])

    def _short(self, text):
        text = " ".join(str(text).split())
        return text if len(text) <= self.maxlen else text[: self.maxlen - 1] + "…"

    def _write(self):
        with atomic_path(self.path) as temporary:
            with open(temporary, "w", encoding="utf-8") as f:
                for epoch, texts in self.history:
                    f.write(json.dumps({"epoch": epoch, "texts": texts}, ensure_ascii=False) + "\n")
