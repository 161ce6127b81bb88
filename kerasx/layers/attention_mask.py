"""The masks of application modes, as a layer."""

import keras
from keras import ops

from kerasx.ops import masks

__all__ = ["AttentionMask"]


# each kind, and the argument it needs
KINDS = {"causal": None, "unilm": None, "window": "width", "half_causal": "heads"}


@keras.saving.register_keras_serializable("kerasx")
class AttentionMask(keras.layers.Layer):
    """The mask of an application mode, from ids (b, n): boolean (1 or b, 1 or heads, n, n).

    Args:
        kind: "causal" (language model; from any ids), "unilm" (from segment ids), "window" (each
            sees what is less than `width` places away; from any ids) or "half_causal" (half of the
            heads see what is before, half what is after; from any ids).
        width: of the window.
        heads: number of heads, if these differ.

    >>> ops.shape(AttentionMask("causal")(ops.zeros((2, 5), "int32")))
    (1, 1, 5, 5)
    """

    def __init__(self, kind, width=None, heads=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"`kind` must be one of {list(KINDS)}. Received: kind={kind!r}")
        for name, value in {"width": width, "heads": heads}.items():
            if (KINDS[kind] == name) != (value is not None):
                raise ValueError(
                    f"`width` must be given for kind='window', `heads` for kind='half_causal', "
                    f"and for no other. Received: kind={kind!r}, {name}={value}"
                )
        self.kind, self.width, self.heads = kind, width, heads

    def call(self, ids):
        n = ops.shape(ids)[1]
        if self.kind == "unilm":
            return masks.unilm(ids).allowed
        if self.kind == "window":
            return masks.sliding_window(n, self.width).allowed
        if self.kind == "half_causal":
            return masks.half_causal(n, self.heads).allowed
        return masks.causal(n).allowed

    def compute_output_spec(self, ids):
        n = ids.shape[1]
        batch = ids.shape[0] if self.kind == "unilm" else 1
        return keras.KerasTensor((batch, self.heads or 1, n, n), dtype="bool")

    def get_config(self):
        options = {"kind": self.kind, "width": self.width, "heads": self.heads}
        return {**super().get_config(), **options}
