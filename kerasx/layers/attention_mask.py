"""The attention masks of application modes, as a layer."""

import keras
from keras import ops

from kerasx.checks import check_choice, invalid
from kerasx.ops import masks

# kind: the argument that it needs
KINDS = {
    "causal": None,
    "unilm": None,
    "documents": None,
    "window": "width",
    "half_causal": "heads",
}


@keras.saving.register_keras_serializable("kerasx")
class AttentionMask(keras.layers.Layer):
    """A layer from ids (b, n) to the attention mask of an application mode.

    The mask is boolean, (1 or b, 1 or heads, n, n).

    Args:
        kind: "causal" (language model), "unilm" (called on segment ids), "documents" (called on
            the number of each token's document: tokens see their own), "window" (each token sees
            those less than `width` positions away) or "half_causal" (half of the heads see the
            tokens before, half those after).
        width: width of the window; for "window" alone.
        heads: number of heads; for "half_causal" alone.

    >>> ops.shape(AttentionMask("causal")(ops.zeros((2, 5), "int32")))
    (1, 1, 5, 5)
    """

    def __init__(self, kind, width=None, heads=None, **kwargs):
        super().__init__(**kwargs)
        check_choice("kind", kind, KINDS)
        for name, value in {"width": width, "heads": heads}.items():
            if (KINDS[kind] == name) != (value is not None):
                text = (
                    "`width` must be given for kind='window' only, `heads` for 'half_causal' only."
                )
                raise invalid(text, kind=kind, **{name: value})
        self.kind, self.width, self.heads = kind, width, heads

    def call(self, ids):
        n = ops.shape(ids)[1]
        if self.kind == "unilm":
            return masks.unilm(ids).allowed
        if self.kind == "documents":
            return masks.same_document(ids).allowed
        if self.kind == "window":
            return masks.sliding_window(n, self.width).allowed
        if self.kind == "half_causal":
            return masks.half_causal(n, self.heads).allowed
        return masks.causal(n).allowed

    def compute_output_spec(self, ids):
        n = ids.shape[1]
        batch = ids.shape[0] if self.kind in ("unilm", "documents") else 1
        return keras.KerasTensor((batch, self.heads or 1, n, n), dtype="bool")

    def get_config(self):
        options = {"kind": self.kind, "width": self.width, "heads": self.heads}
        return {**super().get_config(), **options}
