"""Predict for texts of any length, and return the outputs in the order of the texts."""

import itertools

import keras
import numpy as np

from kerasx.checks import check_integer, invalid
from kerasx.data import sequence_padding
from kerasx.models.reach import padding_id, position_limit


class Predictor:
    """A model as a function from texts of any length to its outputs.

    Texts of like length share a batch, which is padded to a multiple of `multiple` tokens; a batch
    that is not full gets a power of two as its number of rows. So few shapes are compiled. A model
    that masks no padding is fed texts of equal length. Either way the outputs for a text do not
    depend on the other texts.

    Args:
        model: a functional keras.Model. Its inputs are sequences, of any or of one length; the
            first is padded with the id that the model masks, all others with 0.
        tokenizer: a tokenizer of `kerasx.tokenizers`; None if only examples are given.
        batch_size: int, texts in a batch.
        maxlen: int, the number of tokens that a text is cut to; None for no cut.
        multiple: int, lengths are rounded up to a multiple of it.

    >>> ids = keras.Input((None,), dtype="int32")
    >>> vectors = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
    >>> predict = Predictor(keras.Model(ids, vectors))
    >>> [x.shape for x in predict([[5, 6, 7], [8]])]
    [(3, 4), (1, 4)]
    """

    def __init__(self, model, tokenizer=None, batch_size=32, maxlen=None, multiple=16):
        self.model, self.tokenizer = model, tokenizer
        self.batch_size = check_integer("batch_size", batch_size, least=1)
        self.maxlen = None if maxlen is None else check_integer("maxlen", maxlen, least=1)
        self.multiple = check_integer("multiple", multiple, least=1)
        self._pad_id, self._reach = padding_id(model), position_limit(model)
        self._names = [x.name for x in model.inputs]
        self._free = [x.shape[1] is None for x in model.inputs]
        # outputs are as long as the last sequence of any length: that of a decoder
        self._last = max((i for i, free in enumerate(self._free) if free), default=0)

    def __call__(self, texts, decode=None, verbose=0):
        """Return the outputs for each text.

        Args:
            texts: list of texts (str), of pairs of texts, or of examples. An example is a tuple
                with a sequence for each input, such as `tokenizer.encode(text)` returns, a dict of
                these by the names of the inputs, or a list of token ids, whose segment ids are 0.
            decode: function of the outputs (arrays) for one text. The list of its results is
                returned, and the outputs, which may be large, are not kept.
            verbose: 1 shows a progress bar.

        Returns:
            An array (texts, ...) with what the model gives: probabilities, vectors, ... Outputs
            with axes of unknown size, which count tokens, are a list of arrays, each as long as
            its text. A tuple of these if the model has several outputs.

        Raises:
            ValueError: a str instead of a list, a text without tokens or longer than the model
                reaches, or an example with another number of sequences than the model has inputs.
        """
        if isinstance(texts, str):
            raise invalid("`texts` must be a list; put a single text into one.", texts=texts)
        rows = [self._row(text, i) for i, text in enumerate(texts)]
        found, done = [None] * len(rows), 0
        bar = keras.utils.Progbar(len(rows), verbose=verbose, unit_name="text")
        for batch in self._batches(rows):
            outputs = self._outputs([rows[i] for i in batch])
            for i, *values in zip(batch, *outputs):
                values = self._without_padding(values, len(rows[i][self._last]))
                found[i] = values if decode is None else decode(*values)
            done += len(batch)
            bar.update(done)
        return self._collected(found) if decode is None else found

    def _row(self, text, i):
        """Return the id sequences of text number i, one for each input of the model."""
        parts = [np.asarray(part) for part in self._parts(text)]
        if len(parts) == 1 and len(self._names) == 2:
            parts.append(np.zeros_like(parts[0]))
        if len(parts) != len(self._names):
            expected = f"`texts` must have a sequence for each input, {self._names}."
            raise invalid(expected, example=i, sequences=len(parts))
        parts = [part[: self.maxlen] if free else part for part, free in zip(parts, self._free)]
        for x, part in zip(self.model.inputs, parts):
            most = x.shape[1] or self._reach
            if not len(part) or (most is not None and len(part) > most):
                expected = f"`texts` must have 1 to {most} tokens (`maxlen` cuts them)."
                raise invalid(expected, example=i, tokens=len(part))
        return parts

    def _parts(self, text):
        if isinstance(text, dict):
            return [text[name] for name in self._names]
        texts = [text] if isinstance(text, str) else text
        if any(isinstance(part, str) for part in texts[:1]):
            if self.tokenizer is None:
                raise invalid("`tokenizer` must be given to predict for texts.", text=text)
            return self.tokenizer.encode(*texts, maxlen=self.maxlen)[: len(self._names)]
        return text if any(np.ndim(part) for part in text[:1]) else [text]

    def _batches(self, rows):
        """Yield indices of texts of like length; of equal length if padding is not masked."""
        lengths = [tuple(map(len, row)) for row in rows]
        order = sorted(range(len(rows)), key=lengths.__getitem__)
        alike = None if self._pad_id is not None else lengths.__getitem__
        for _, group in itertools.groupby(order, alike or (lambda i: 0)):
            group = list(group)
            for start in range(0, len(group), self.batch_size):
                yield group[start : start + self.batch_size]

    def _outputs(self, rows):
        """Return the model's outputs (arrays) for a batch."""
        size = min(1 << (len(rows) - 1).bit_length(), self.batch_size)
        rows = rows + [rows[-1]] * (size - len(rows))
        inputs = []
        for x, parts in zip(self.model.inputs, zip(*rows)):
            pad = 0 if inputs else self._pad_id or 0
            length = x.shape[1] or self._rounded(max(map(len, parts)))
            inputs.append(sequence_padding(parts, length, pad).astype(x.dtype))
        outputs = self.model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
        return keras.tree.flatten(outputs)

    def _rounded(self, length):
        if self._pad_id is None:
            return length
        rounded = -(-length // self.multiple) * self.multiple
        return rounded if self._reach is None else min(rounded, self._reach)

    def _without_padding(self, values, tokens):
        """Cut the axes of unknown size of a text's outputs to its number of tokens."""
        cut = []
        for value, output in zip(values, self.model.outputs):
            axes = (slice(tokens if size is None else None) for size in output.shape[1:])
            cut.append(value[tuple(axes)])
        return cut

    def _collected(self, found):
        """Return an array, or a list if lengths differ, for each output."""
        collected = []
        for k, output in enumerate(self.model.outputs):
            values, shape = [row[k] for row in found], output.shape[1:]
            if None in shape:
                collected.append(values)
            else:
                collected.append(np.stack(values) if values else np.zeros((0, *shape)))
        return collected[0] if len(collected) == 1 else tuple(collected)
