"""What a model that generates text says, as it learns."""

import json

import keras

from kerasx.callbacks.weights_file import check_path
from kerasx.files.atomic import atomic_path
from kerasx.text import text_table

__all__ = ["SamplePreview"]


class SamplePreview(keras.callbacks.Callback):
    """Prints a table of generated texts after each epoch, and keeps them.

    Args:
        generate: (list of examples) -> list of as many texts; with `batched=False`, one -> one.
        examples: what to generate from, such as texts.
        references: the right answers, shown beside; None for none.
        every: epochs between previews.
        path: a `.jsonl` file that gets all previews, an epoch a line; None for none.
        batched: whether `generate` takes all examples at once.
        maxlen: longer texts are cut in the table (not in what is kept), in characters.

    Attributes:
        history: [(epoch, texts)], epochs counted from 0.

    Raises:
        ValueError: no examples, or another number of references or generated texts.

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
        if not self.examples or len(self.references or self.examples) != len(self.examples):
            raise ValueError(
                "`examples` must not be empty, and `references` as many or None. Received: "
                f"examples={self.examples!r}, references={references!r}"
            )
        if every < 1:
            raise ValueError(f"`every` must be a number of epochs >= 1. Received: every={every}")
        if path is not None:
            check_path(path, (".jsonl",))
        self.generate = generate if batched else lambda batch: [generate(x) for x in batch]
        self.every, self.path, self.maxlen = every, path, maxlen
        self.history = []

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        texts = list(self.generate(self.examples))
        if len(texts) != len(self.examples):
            raise ValueError(
                f"`generate` must return {len(self.examples)} texts, one for each example; pass "
                f"batched=False if it takes one at a time. Received: {texts!r}"
            )
        self.history.append((epoch, texts))
        print(self.table())
        if self.path is not None:
            self._write()

    def table(self):
        """The last preview as text; "" before the first."""
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
