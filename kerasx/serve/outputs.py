"""Classify texts, or turn them into vectors."""

import keras
import numpy as np

from kerasx.checks import invalid
from kerasx.generation.prompts import encode
from kerasx.layers.inputs import embedding_of, roles_of
from kerasx.models.predictor import Predictor
from kerasx.models.reach import position_limit
from kerasx.serve.sentence_vectors import first, mean
from kerasx.serve.server_limits import Invalid

_TOKENS = ("token", "source")


class _Outputs:
    """Base: a model as a function from token ids to its first output."""

    def __init__(self, model, tokenizer, max_prompt):
        self.model, self.tokenizer, self.roles = model, tokenizer, roles_of(model)
        if not set(self.roles) <= {*_TOKENS, "segment"}:
            raise invalid(
                "`model` must have inputs of `build_transformer_model`, token ids and segment ids, "
                "to be served.",
                inputs=[x.name for x in model.inputs],
            )
        bounds = max_prompt, position_limit(model), model.inputs[0].shape[1]
        self.reach = min(filter(None, bounds))
        self._predict = Predictor(model, multiple=32)

    def read(self, field, text):
        """Return the token ids of a text of the request."""
        ids = encode(self.tokenizer, [text], continued=False, maxlen=self.reach + 1)[0]
        return checked_ids(field, ids, self.reach)

    def read_ids(self, field, ids):
        """Return the token ids of the request."""
        name = "token" if "token" in self.roles else "source"
        known_ids(field, ids, embedding_of(self.model, name).input_dim)
        return checked_ids(field, ids, self.reach)

    def _of(self, rows):
        """Return an array for each row: outputs (d,), or (n, d) for the n tokens of the row."""
        found = self._predict([[ids] for ids in rows])
        found = found[0] if isinstance(found, tuple) else found
        arrays = [np.asarray(x, "float32") for x in found]
        return [x[: len(ids)] if x.ndim > 1 else x for x, ids in zip(arrays, rows)]


class Classification(_Outputs):
    """A task that scores each label for each text.

    Args:
        model: a keras.Model whose first output is (b, classes).
        tokenizer: a tokenizer of `kerasx.tokenizers`.
        labels: names of the classes.
        max_prompt: number of tokens of a text at most.
    """

    def __init__(self, model, tokenizer, labels, max_prompt):
        super().__init__(model, tokenizer, max_prompt)
        self.labels = list(map(str, labels))
        shape = keras.tree.flatten(model.outputs)[0].shape
        if len(shape) != 2 or shape[1] != len(self.labels):
            expected = "`labels` must name the classes of a model's output (b, classes)."
            raise invalid(expected, labels=self.labels, output_shape=tuple(shape))

    def __call__(self, settings, rows):
        """Return {label, scores} for each row of token ids."""
        return [
            {
                "label": self.labels[int(scores.argmax())],
                "scores": dict(zip(self.labels, map(float, scores), strict=True)),
            }
            for scores in self._of(rows)
        ]


class Embedding(_Outputs):
    """A task that turns each text into a vector.

    Args:
        model: a keras.Model whose first output is (b, n, d), or (b, d).
        tokenizer: a tokenizer of `kerasx.tokenizers`.
        max_prompt: number of tokens of a text at most.
        pool: the function from vectors (n, d) to a vector that the model was trained with.
    """

    def __init__(self, model, tokenizer, max_prompt, pool=mean):
        super().__init__(model, tokenizer, max_prompt)
        self.pools = {"mean": mean, "first": first, None: pool}

    def __call__(self, pooling, rows):
        """Return a list of d numbers for each row of token ids.

        Args:
            pooling: "mean" of the vectors of all tokens, "first", the first token's vector, or
                None, the model's own; unused if the outputs of the model are pooled.
            rows: lists of token ids.
        """
        pool = self.pools[pooling]
        return [(pool(x) if x.ndim > 1 else x).tolist() for x in self._of(rows)]


def known_ids(field, ids, size):
    """Return the ids of a request; raise `Invalid` unless they are in [0, size)."""
    if not all(0 <= i < size for i in ids):
        raise Invalid(field, f"must be token ids in [0, {size})")
    return ids


def checked_ids(field, ids, most):
    """Return the ids; raise `Invalid` if there is none, or more than `most`."""
    if not ids:
        raise Invalid(field, "must have at least one token")
    if len(ids) > most:
        raise Invalid(field, f"must have at most {most} tokens, this has more")
    return ids
