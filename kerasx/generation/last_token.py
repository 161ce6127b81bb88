"""Compute a causal model's outputs at the last position only."""

import keras
import numpy as np
from keras import ops

from kerasx import backend
from kerasx.generation.cache import decoding_kind
from kerasx.layers.inputs import roles_of
from kerasx.models.reach import position_limit


class LastToken:
    """A causal model as a compiled function to its outputs at the last position.

    Few shapes are compiled: sequences are padded at the end to a multiple of `multiple`, the number
    of rows to a power of two. Padding changes nothing before it in a causal or UniLM model.

    Args:
        model: a keras.Model. Its inputs with a free length are ids (b, n), and the last of these
            is the sequence to continue.
        multiple: int, lengths are rounded up to a multiple of it.
    """

    def __init__(self, model, multiple=16):
        self.model = model
        self.multiple = multiple
        self.limit, self.kind = position_limit(model), decoding_kind(model)
        self._run = backend.compiled(self._last, [model])

    def predict(self, inputs, verbose=0):
        """Return outputs (b, ...) at the last position for the model's inputs.

        Scripts pass `verbose` to silence the bar of a model's `predict`; here is none.
        """
        inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        wanted = self.model.inputs
        arrays = [np.asarray(ops.convert_to_numpy(x), s.dtype) for x, s in zip(inputs, wanted)]
        ids = [len(s.shape) == 2 and s.shape[1] is None for s in wanted]
        b, n = [x.shape for x, is_ids in zip(arrays, ids) if is_ids][-1]
        rows = np.minimum(np.arange(1 << (b - 1).bit_length()), b - 1)
        roles = roles_of(self.model)
        arrays = [
            self._padded(x, role) if is_ids else x for x, role, is_ids in zip(arrays, roles, ids)
        ]
        outputs = self._run(np.int32(n - 1), *(x[rows] for x in arrays))
        outputs = [ops.convert_to_numpy(x)[:b] for x in outputs]
        return outputs[0] if len(outputs) == 1 else outputs

    predict_on_batch = predict

    def _padded(self, ids, role):
        """Pad ids with 0; in UniLM segments with 1, since every token sees segment 0."""
        length = -(-ids.shape[1] // self.multiple) * self.multiple
        if self.limit is not None and length > self.limit:
            length = max(self.limit, ids.shape[1])
        value = int(self.kind == "unilm" and role == "segment")
        return np.pad(ids, [(0, 0), (0, length - ids.shape[1])], constant_values=value)

    def _last(self, index, *inputs):
        inputs = list(inputs) if len(inputs) > 1 else inputs[0]
        outputs = keras.tree.flatten(self.model(inputs, training=False))
        return [ops.take(x, index, axis=1) for x in outputs]
