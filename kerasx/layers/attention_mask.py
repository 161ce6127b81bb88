"""The masks of application modes, as a layer."""

import keras
from keras import ops

from kerasx import backend

__all__ = ["AttentionMask"]


@keras.saving.register_keras_serializable("kerasx")
class AttentionMask(keras.layers.Layer):
    """The mask of an application mode, from ids (b, n): boolean (1 or b, 1, n, n).

    Args:
        kind: "causal" (language model; from any ids), "unilm" (from segment ids) or "window" (each
            sees what is less than `width` places away; from any ids).
        width: of the window.

    >>> ops.shape(AttentionMask("causal")(ops.zeros((2, 5), "int32")))
    (1, 1, 5, 5)
    """

    def __init__(self, kind, width=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("causal", "unilm", "window"):
            raise ValueError(
                f"`kind` must be 'causal', 'unilm' or 'window'. Received: kind={kind!r}"
            )
        if (kind == "window") != (width is not None):
            raise ValueError(
                "`width` must be given for kind='window' and for no other. "
                f"Received: kind={kind!r}, width={width}"
            )
        self.kind, self.width = kind, width

    def call(self, ids):
        if self.kind == "unilm":
            return backend.unilm(ids).allowed
        if self.kind == "window":
            return backend.sliding_window(ops.shape(ids)[1], self.width).allowed
        return backend.causal(ops.shape(ids)[1]).allowed

    def compute_output_spec(self, ids):
        n = ids.shape[1]
        batch = ids.shape[0] if self.kind == "unilm" else 1
        return keras.KerasTensor((batch, 1, n, n), dtype="bool")

    def get_config(self):
        return {**super().get_config(), "kind": self.kind, "width": self.width}
