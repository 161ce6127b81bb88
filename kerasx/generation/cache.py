"""A model's two decoding graphs, laid over its own layers."""

import keras

from kerasx.layers import (
    AttentionMask,
    CachedAttention,
    MultiHeadAttention,
    PositionEmbedding,
    ProjectedKeys,
    RelativePositionEmbedding,
    RelativePositionEmbeddingT5,
    SinusoidalPositionEmbedding,
)

__all__ = ["DecodingGraphs", "position_limit"]

_ROLES = ("Input-Token", "Input-Segment", "Input-Position")
_RELATIVE = (RelativePositionEmbedding, RelativePositionEmbeddingT5)


class DecodingGraphs:
    """What decoding needs of a language model: read the prompt once, then go step by step.

    `prefill` is the model's own graph up to the keys and values of every attention. `step` is the
    graph over n new tokens that look at a cache of slots through an explicit mask, so the n tokens
    may be one token each of n beams. Both call the model's own layers; no weight is copied.

    Args:
        model: a functional keras.Model built with application "lm" or "unilm".

    Attributes:
        kind: "causal" or "unilm".
        masked_id: the id that the model masks, except at the first place, or None.
        additional: the model's symbolic inputs beyond token, segment and position ids.
        vocabulary, segments: number of token ids, of segment ids (None if unknown).
        reach: the longest sequence of the position table, or None.
        length: the fixed length of the model's inputs, or None.
        prefill: keras.Model, the model's inputs -> [k, v, k, v, ...], each (b, h, n, size).
        step: keras.Model, [the model's inputs (b, n), positions (b, n), those of the slots
            (b, slots), mask (b, 1, n, slots), index (), k, v, ...] -> [logits (b, n, vocabulary),
            k, v, ...].

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
        masking = (layer for layer in layers if getattr(layer, "mask_zero", False))
        self.masked_id = next((layer.pad_id for layer in masking), None)
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
                caches.extend(ProjectedKeys(layer, dtype=layer.dtype_policy)(*args, **kwargs))
            return layer(*args, **kwargs)

        self._replay(self.model.inputs, call)
        self._caches = caches
        return keras.Model(self.model.inputs, caches)

    def _lay_step(self):
        inputs = [self._step_input(x, role) for x, role in zip(self.model.inputs, self._roles)]
        positions = keras.Input((None,), dtype="int32", name="Step-Position")
        slots = keras.Input((None,), dtype="int32", name="Step-Slot-Position")
        mask = keras.Input((1, None, None), dtype="bool", name="Step-Mask")
        index = keras.Input(batch_shape=(), dtype="int32", name="Step-Index")
        pending = [keras.Input((c.shape[1], None, c.shape[3]), dtype=c.dtype) for c in self._caches]
        caches, written = list(pending), []

        def call(layer, *args, **kwargs):
            if isinstance(layer, MultiHeadAttention):
                x, _, _, *extras = args[0]
                extras = extras[1:] if kwargs.get("a_bias") else extras
                cached = [x, pending.pop(0), pending.pop(0), mask, *extras]
                attention = CachedAttention(layer, dtype=layer.dtype_policy)
                *outputs, k, v = attention(cached, index, p_bias=kwargs.get("p_bias"))
                written.extend([k, v])
                return outputs if layer.return_attention_scores else outputs[0]
            if isinstance(layer, _RELATIVE):
                return layer([positions, slots], position_ids=True)
            if isinstance(layer, (PositionEmbedding, SinusoidalPositionEmbedding)):
                x = args[0][0] if isinstance(args[0], (list, tuple)) else args[0]
                return layer([x, positions])
            if layer.name.endswith("LM-Activation"):
                return args[0]  # logits, whatever the model ends on
            return layer(*args, **kwargs)

        outputs = keras.tree.flatten(self._replay(inputs, call))
        head = [positions, slots, mask, index, *caches]
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


def position_limit(model):
    """The longest sequence that the model's position tables reach, or None without a table."""
    tables = (layer for layer in model.layers if isinstance(layer, PositionEmbedding))
    return min((layer.reach for layer in tables), default=None)
