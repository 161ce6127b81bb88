"""A model's two decoding graphs, laid over its own layers."""

import keras

from kerasx.layers import AttentionMask, CachedAttention, MultiHeadAttention, PositionEmbedding

__all__ = ["DecodingGraphs"]


class DecodingGraphs:
    """What decoding needs of a language model: read the prompt once, then go step by step.

    `prefill` is the model's own graph up to the keys and values of every attention. `step` is the
    graph over n new tokens that look at a cache of slots through an explicit mask, so the n tokens
    may be one token each of n beams. Both call the model's own layers; no weight is copied.

    Args:
        model: a functional keras.Model built with application "lm" or "unilm".

    Attributes:
        kind: "causal" or "unilm".
        prefill: keras.Model, the model's inputs -> [k, v, k, v, ...], each (b, h, n, size).
        step: keras.Model, [tokens, segments, positions (b, n), mask (b, 1, n, slots), index (),
            k, v, ...] -> [logits (b, n, vocabulary), k, v, ...].

    Raises:
        ValueError: the model has no causal or UniLM mask, or several inputs it cannot place.
    """

    def __init__(self, model):
        masks = [layer for layer in model.layers if isinstance(layer, AttentionMask)]
        if len(masks) != 1:
            raise ValueError(
                "`model` must be built with application='lm' or 'unilm' to generate. "
                f"Received: model={model.name!r} with {len(masks)} attention masks"
            )
        self.model, self.kind = model, masks[0].kind
        self.input_names = [x.name for x in model.inputs]
        self.prefill = self._lay_prefill()
        self.step = self._lay_step()

    def _lay_prefill(self):
        caches = []

        def call(layer, *args, **kwargs):
            if isinstance(layer, MultiHeadAttention):
                caches.extend(ProjectedKeys(layer)(args[0][:3]))
            return layer(*args, **kwargs)

        self._replay(self.model.inputs, call)
        self.cache_shapes = [cache.shape for cache in caches]  # (b, h, n, size)
        return keras.Model(self.model.inputs, caches)

    def _lay_step(self):
        inputs = {
            x.name: keras.Input((None,), dtype="int32", name=x.name) for x in self.model.inputs
        }
        positions = keras.Input((None,), dtype="int32", name="Step-Position")
        mask = keras.Input((1, None, None), dtype="bool", name="Step-Mask")
        index = keras.Input(batch_shape=(), dtype="int32", name="Step-Index")
        pending = [keras.Input((s[1], None, s[3]), dtype=self._dtype) for s in self.cache_shapes]
        caches, written = list(pending), []

        def call(layer, *args, **kwargs):
            if isinstance(layer, MultiHeadAttention):
                x, _, _, *extras = args[0]
                residual = extras[-1:] if kwargs.get("residual") else []
                cached = [x, pending.pop(0), pending.pop(0), mask, *residual]
                *outputs, k, v = CachedAttention(layer)(cached, index)
                written.extend([k, v])
                return outputs if layer.return_attention_scores else outputs[0]
            if isinstance(layer, PositionEmbedding):
                x = args[0][0] if isinstance(args[0], (list, tuple)) else args[0]
                return layer([x, positions])
            if layer.name.endswith("MLM-Activation"):
                return args[0]  # logits, whatever the model ends on
            return layer(*args, **kwargs)

        outputs = keras.tree.flatten(self._replay(list(inputs.values()), call))
        head = [positions, mask, index, *caches]
        return keras.Model([*inputs.values(), *head], [outputs[-1], *written])

    @property
    def _dtype(self):
        return keras.config.dtype_policy().compute_dtype

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
