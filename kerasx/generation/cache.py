"""A model's two decoding graphs, laid over its own layers."""

import keras

from kerasx.backend.keras_internals import graph_calls, run_graph
from kerasx.layers import (
    CachedAttention,
    GatedAttentionUnit,
    MultiHeadAttention,
    PositionEmbedding,
    ProjectedKeys,
    RelativePositionEmbedding,
    RelativePositionEmbeddingT5,
    SinusoidalPositionEmbedding,
)
from kerasx.models.limits import position_limit

__all__ = ["DecodingGraphs"]

_SOURCE = "Encoder-Input-Token"
_ROLES = ("Input-Token", "Input-Segment", "Input-Position")
_MASKS = ("causal", "unilm")
_ATTENTION = (MultiHeadAttention, GatedAttentionUnit)
_RELATIVE = (RelativePositionEmbedding, RelativePositionEmbeddingT5)


class DecodingGraphs:
    """What decoding needs of a model: read source and prompt once, then go step by step.

    `prefill` is the model's own graph up to the keys and values of every attention. `step` is the
    graph over n new tokens that look at a cache of slots through an explicit mask, so the n tokens
    may be one token each of n beams. Both call the model's own layers; no weight is copied.

    Of an encoder-decoder model, `prefill` encodes the source, and `step` is the decoder alone,
    whose attention to the source finds its keys and values ready.

    Args:
        model: a functional keras.Model built with application "lm" or "unilm", or of an
            encoder-decoder family.

    Attributes:
        kind: "causal" or "unilm".
        context: the encoder's symbolic output, or None.
        masked_id: the id that the model masks, except at the first place, or None.
        additional: the model's symbolic inputs beyond token, segment and position ids.
        vocabulary, segments: number of token ids, of segment ids (None if unknown).
        reach: the longest sequence of the position table, or None.
        length: the fixed length of the model's inputs, or None.
        prefill: keras.Model, the model's inputs -> [k, v, k, v, ...], each (b, h, n, size), and
            after these the `kept` ones of attention to the source, (b, h, m, size).
        step: keras.Model, [the model's inputs (b, n) but the source, positions (b, n), those of
            the slots (b, slots), mask (b, 1, n, slots), index (), k, v, ...] -> [logits
            (b, n, vocabulary), k, v, ...]. With a source its inputs end with the positions (b, m)
            and the mask (b, 1, 1, m) of its places, and the kept keys and values.

    Raises:
        ValueError: the model has no causal or UniLM mask, or is a decoder without its encoder.
    """

    def __init__(self, model):
        layers = model.layers if isinstance(model, keras.Model) else []
        masks = [layer for layer in layers if getattr(layer, "kind", None) in _MASKS]
        if len(masks) != 1:
            raise ValueError(
                "`model` must be a keras.Model built with application='lm' or 'unilm' to generate. "
                f"Received: model={model!r} with {len(masks)} such masks"
            )
        self.model, self.kind = model, masks[0].kind
        masking = (layer for layer in layers if getattr(layer, "mask_zero", False))
        self.masked_id = next((layer.pad_id for layer in masking), None)
        self.context = _context(model)
        roles = _ROLES if self.context is None else (_SOURCE, *_ROLES)
        matches = [[role for role in roles if x.name.endswith(role)] for x in model.inputs]
        self._roles = [role[0] if role else None for role in matches]
        self._graph = self._behind(model)
        self.additional = [x for x, role in zip(model.inputs, self._roles) if role is None]
        self.reach = position_limit(model)
        self.length = model.inputs[self._roles.index("Input-Token")].shape[1]
        self.segments = next(
            (layer.input_dim for layer in layers if layer.name.endswith("Embedding-Segment")), None
        )
        self.prefill = self._lay_prefill()
        self.step = self._lay_step()
        self.vocabulary = self.step.outputs[0].shape[-1]

    def _behind(self, model):
        """The graph behind the encoder, whose output stands for the source; or the whole model."""
        if self.context is None:
            return model
        if _SOURCE not in self._roles:
            raise ValueError(
                "`model` must be the whole encoder-decoder model, the builder's `.model`, to "
                f"generate. Received: a decoder whose inputs are {[x.name for x in model.inputs]}"
            )
        if not any(layer.name.endswith("LM-Activation") for layer in model.layers):
            raise ValueError("`model` must be built with_lm='linear' or True to generate.")
        return keras.Function(self._decoder_inputs(), model.outputs)

    def _decoder_inputs(self):
        """The model's inputs with the encoder's output in the place of the source."""
        inputs = zip(self.model.inputs, self._roles)
        return [self.context if role == _SOURCE else x for x, role in inputs]

    def arrange(self, tokens, segments, positions, additional, source=None):
        """The model's inputs, in its order; without the source, those of `step`."""
        given = dict(zip((_SOURCE, *_ROLES), (source, tokens, segments, positions)))
        roles = [role for role in self._roles if role != _SOURCE or source is not None]
        additional = iter(additional)
        return [given[role] if role else next(additional) for role in roles]

    def _lay_prefill(self):
        caches, kept, project = [], [], _Once(ProjectedKeys)

        def call(layer, *args, **kwargs):
            if isinstance(layer, _ATTENTION):
                found = kept if _crosses(layer.unpack(args[0])) else caches
                found.extend(project(layer)(*args, **kwargs))
            return layer(*args, **kwargs)

        _, self._hidden = self._replay(self._decoder_inputs(), call)
        self._slabs, self.kept = [*caches, *kept], len(kept)
        return keras.Model(self.model.inputs, [*caches, *kept])

    def _lay_step(self):
        inputs = [self._step_input(x, r) for x, r in zip(self._decoder_inputs(), self._roles)]
        positions = keras.Input((None,), dtype="int32", name="Step-Position")
        slots = keras.Input((None,), dtype="int32", name="Step-Slot-Position")
        mask = keras.Input((1, None, None), dtype="bool", name="Step-Mask")
        index = keras.Input(batch_shape=(), dtype="int32", name="Step-Index")
        source_positions = keras.Input((None,), dtype="int32", name="Step-Source-Position")
        source_mask = keras.Input((1, 1, None), dtype="bool", name="Step-Source-Mask")
        slabs = [keras.Input((c.shape[1], None, c.shape[3]), dtype=c.dtype) for c in self._slabs]
        caches, kept = slabs[: len(slabs) - self.kept], slabs[len(slabs) - self.kept :]
        pending, memory, written, attend = iter(caches), iter(kept), [], _Once(CachedAttention)

        def call(layer, *args, **kwargs):
            if isinstance(layer, _ATTENTION):
                x, key, _, extras = layer.unpack(args[0])
                extras = extras[1:] if kwargs.get("a_bias") else extras
                p_bias = kwargs.get("p_bias")
                if _crosses([x, key]):
                    cached = [x, next(memory), next(memory), source_mask, *extras]
                    outputs = attend(layer)(cached, p_bias=p_bias)
                else:
                    cached = [x, next(pending), next(pending), mask, *extras]
                    *outputs, k, v = attend(layer)(cached, index, p_bias=p_bias)
                    written.extend([k, v])
                return outputs if layer.return_attention_scores else outputs[0]
            if isinstance(layer, _RELATIVE):
                places = source_positions if _crosses(*args) else slots
                return layer([positions, places], position_ids=True)
            if isinstance(layer, (PositionEmbedding, SinusoidalPositionEmbedding)):
                x = args[0][0] if isinstance(args[0], (list, tuple)) else args[0]
                return layer([x, positions])
            if layer.name.endswith("LM-Activation"):
                return args[0]  # logits, whatever the model ends on
            return layer(*args, **kwargs)

        outputs, self._step_hidden = self._replay(inputs, call)
        inputs = [x for x, role in zip(inputs, self._roles) if role != _SOURCE]
        inputs += [positions, slots, mask, index, *caches]
        inputs += [source_positions, source_mask, *kept] if kept else []
        return keras.Model(inputs, [keras.tree.flatten(outputs)[-1], *written])

    def with_hidden(self):
        """`prefill` and `step` that give one tensor more: the hidden states (b, n, d).

        These are what the last block gives, normalized at the end if the model does so: what the
        LM head sees.
        """
        pairs = (self.prefill, self._hidden), (self.step, self._step_hidden)
        return [keras.Model(graph.inputs, [*graph.outputs, x]) for graph, x in pairs]

    @staticmethod
    def _step_input(x, role):
        """Ids come n at a time, whatever the model's own length; other inputs as they are."""
        ids = role is not None and role != _SOURCE
        return keras.Input((None,) if ids else x.shape[1:], dtype=x.dtype, name=x.name)

    def _replay(self, inputs, call):
        """The model's graph on other inputs, each layer called through `call`.

        Returns:
            The model's outputs, and those of its last block.
        """
        hidden = None

        def noted(layer, *args, **kwargs):
            nonlocal hidden
            outputs = call(layer, *args, **kwargs)
            if "Transformer-" in layer.name or layer.name.endswith("Output-Norm"):
                hidden = outputs
            return outputs

        return run_graph(self._graph, inputs, noted), hidden


def _crosses(inputs):
    """Whether a layer is called on [query, key, ...] of two sequences, target and source."""
    return inputs[0] is not inputs[1]


def _context(model):
    """The tensor that attention to a source takes its keys from, or None."""
    attentions = (
        node for node in graph_calls(model) if isinstance(node.operation, MultiHeadAttention)
    )
    keys = (node.input_tensors[1] for node in attentions if _crosses(node.input_tensors))
    return next(keys, None)


class _Once:
    """One wrapper for each layer: a model may call a layer many times, as ALBERT does."""

    def __init__(self, wrapper):
        self.wrapper, self.made = wrapper, {}

    def __call__(self, layer):
        if layer.name not in self.made:
            self.made[layer.name] = self.wrapper(layer, dtype=layer.dtype_policy)
        return self.made[layer.name]
