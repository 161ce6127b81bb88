"""A model's two decoding graphs, laid over its own layers."""

import keras

from kerasx.layers import AttentionMask, CachedAttention, MultiHeadAttention, PositionEmbedding

__all__ = ["DecodingGraphs", "position_limit"]

_ROLES = ("Input-Token", "Input-Segment", "Input-Position")


class DecodingGraphs:
    """What decoding needs of a language model: read the prompt once, then go step by step.

    `prefill` is the model's own graph up to the keys and values of every attention. `step` is the
    graph over n new tokens that look at a cache of slots through an explicit mask, so the n tokens
    may be one token each of n beams. Both call the model's own layers; no weight is copied.

    Args:
        model: a functional keras.Model built with application "lm" or "unilm".

    Attributes:
        kind: "causal" or "unilm".
        masks_zero: whether the model masks id 0, except at the first place.
        additional: the model's symbolic inputs beyond token, segment and position ids.
        vocabulary, segments: number of token ids, of segment ids (None if unknown).
        reach: the longest sequence of the position table, or None.
        length: the fixed length of the model's inputs, or None.
        prefill: keras.Model, the model's inputs -> [k, v, k, v, ...], each (b, h, n, size).
        step: keras.Model, [the model's inputs (b, n), positions (b, n), mask (b, 1, n, slots),
            index (), k, v, ...] -> [logits (b, n, vocabulary), k, v, ...].

    Raises:
        ValueError: the model has no causal or UniLM mask.
    """

    def __init__(self, model):
        layers = model.layers if isinstance(model, keras.Model) else []
        masks = [layer for layer in layers if isinstance(layer, AttentionMask)]
        if len(masks) != 1:
            raise ValueError(
                "`model` must be a keras.Model built with application='lm' or 'unilm' to generate. "
                f"Received: model={model!r} with {len(masks)} attention masks"
            )
        self.model, self.kind = model, masks[0].kind
        self.masks_zero = any(getattr(layer, "mask_zero", False) for layer in layers)
        roles = [[role for role in _ROLES if x.name.endswith(role)] for x in model.inputs]
        self._roles = [role[0] if role else None for role in roles]
        self.additional = [x for x, role in zip(model.inputs, self._roles) if role is None]
        self.reach = position_limit(model)
        self.length = model.inputs[self._roles.index("Input-Token")].shape[1]
        self.segments = next(
            (layer.input_dim for layer in layers if layer.name.endswith("Embedding-Segment")), None
        )
        self.prefill = self._lay_prefill()
        self.step = self._lay_step()
        self.vocabulary = self.step.outputs[0].shape[-1]

    def arrange(self, tokens, segments, positions, additional):
        """The model's inputs, in its order."""
        given = dict(zip(_ROLES, (tokens, segments, positions)))
        additional = iter(additional)
        return [given[role] if role else next(additional) for role in self._roles]

    def _lay_prefill(self):
        caches = []

        def call(layer, *args, **kwargs):
            if isinstance(layer, MultiHeadAttention):
                caches.extend(ProjectedKeys(layer, dtype=layer.dtype_policy)(args[0][:3]))
            return layer(*args, **kwargs)

        self._replay(self.model.inputs, call)
        self._caches = caches
        return keras.Model(self.model.inputs, caches)

    def _lay_step(self):
        inputs = [self._step_input(x, role) for x, role in zip(self.model.inputs, self._roles)]
        positions = keras.Input((None,), dtype="int32", name="Step-Position")
        mask = keras.Input((1, None, None), dtype="bool", name="Step-Mask")
        index = keras.Input(batch_shape=(), dtype="int32", name="Step-Index")
        pending = [keras.Input((c.shape[1], None, c.shape[3]), dtype=c.dtype) for c in self._caches]
        caches, written = list(pending), []

        def call(layer, *args, **kwargs):
            if isinstance(layer, MultiHeadAttention):
                x, _, _, *extras = args[0]
                residual = extras[-1:] if kwargs.get("residual") else []
                cached = [x, pending.pop(0), pending.pop(0), mask, *residual]
                *outputs, k, v = CachedAttention(layer, dtype=layer.dtype_policy)(cached, index)
                written.extend([k, v])
                return outputs if layer.return_attention_scores else outputs[0]
            if isinstance(layer, PositionEmbedding):
                x = args[0][0] if isinstance(args[0], (list, tuple)) else args[0]
                return layer([x, positions])
            if layer.name.endswith("MLM-Activation"):
                return args[0]  # logits, whatever the model ends on
            return layer(*args, **kwargs)

        outputs = keras.tree.flatten(self._replay(inputs, call))
        head = [positions, mask, index, *caches]
        return keras.Model([*inputs, *head], [outputs[-1], *written])

    @staticmethod
    def _step_input(x, role):
        """Ids come n at a time, whatever the model's own length; other inputs as they are."""
        return keras.Input((None,) if role else x.shape[1:], dtype=x.dtype, name=x.name)

    def _replay(self, inputs, call):
        """The model's graph on other inputs, each layer called through `call`: its outputs.

        keras.models.clone_model does the same, but refuses a graph that takes further inputs.
        """
        return self.model._run_through_graph(inputs, lambda layer: layer, call)


class ProjectedKeys(keras.layers.Layer):
    """The keys and values (b, h, n, size) that an attention would use."""

    def __init__(self, attention, **kwargs):
        super().__init__(**{"name": f"{attention.name}-Keys", **kwargs})
        self.attention = attention
        self.supports_masking = True

    def build(self, input_shape):
        self.built = True  # the weights are the wrapped layer's

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs):
        return list(self.attention.project(*inputs)[1:])


def position_limit(model):
    """The longest sequence that the model's position tables reach, or None without a table."""
    reaches = [
        layer.input_dim**2 if layer.hierarchical else layer.input_dim
        for layer in model.layers
        if isinstance(layer, PositionEmbedding)
    ]
    return min(reaches, default=None)
