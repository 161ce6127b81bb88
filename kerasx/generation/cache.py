"""Split a model into two graphs for decoding: one reads prompts, the other takes single steps."""

import keras

from kerasx.backend.keras_internals import graph_calls, producer, run_graph
from kerasx.checks import invalid
from kerasx.layers import (
    Add,
    CachedAttention,
    GatedAttentionUnit,
    LayerNormalization,
    MultiHeadAttention,
    PositionEmbedding,
    ProjectedKeys,
    RelativePositionEmbedding,
    RelativePositionEmbeddingT5,
    SinusoidalPositionEmbedding,
)
from kerasx.layers.inputs import embedding_of, roles_of
from kerasx.models.reach import padding_id, position_limit

_IDS = ("token", "segment", "position")  # inputs of which a step takes n at a time
_MASKS = ("causal", "unilm")
_ATTENTION = (MultiHeadAttention, GatedAttentionUnit)
_ABSOLUTE = (PositionEmbedding, SinusoidalPositionEmbedding)
_RELATIVE = (RelativePositionEmbedding, RelativePositionEmbeddingT5)
_ACTIVATIONS = (keras.layers.Activation, keras.layers.Softmax)


class DecodingGraphs:
    """Two graphs over a model's own layers: `prefill` reads a prompt, `step` feeds new tokens.

    Without a cache each new token needs a pass over the whole sequence. `prefill` therefore
    computes the keys and values of all attention layers once for the prompt. `step` takes n new
    tokens, writes their keys and values into a cache with a fixed number of slots, and pays
    attention to the slots that an explicit mask allows. The n tokens may be one token of each of n
    beams, since the mask alone says which token sees which. Both graphs call the model's layers,
    so they copy no weight and always use the current ones.

    Of an encoder-decoder model, `prefill` runs the encoder and `step` the decoder alone. The keys
    and values of attention to the source never change, so `step` takes them as inputs.

    Args:
        model: a functional keras.Model built with application "lm" or "unilm", or the `.model` of
            an encoder-decoder family.

    Attributes:
        kind: "causal" or "unilm".
        context: the encoder's symbolic output, or None.
        masked_id: the token id that the model masks, in a source but not in its target, or None.
        additional: the model's symbolic inputs that hold no token, segment or position ids.
        vocabulary, segments: number of token ids and of segment ids (None if unknown).
        reach: the longest sequence of the position table, or None.
        length: the fixed length of the model's inputs, or None.
        prefill: keras.Model, the model's inputs -> [k, v, k, v, ...], each (b, h, n, size), and
            then the `kept` keys and values of attention to the source, (b, h, m, size).
        step: keras.Model, [the model's inputs (b, n) without the source, positions (b, n),
            positions of the slots (b, slots), mask (b, 1, n, slots), index (), k, v, ...] ->
            [logits (b, n, vocabulary), k, v, ...]. With an encoder, its last inputs are the
            positions (b, m) and the mask (b, 1, 1, m) of the source and the kept keys and values.

    Raises:
        ValueError: the model has no causal or UniLM mask, or is a decoder without its encoder.
    """

    def __init__(self, model):
        self.model, self.kind = model, decoding_kind(model)
        if self.kind is None:
            raise invalid(
                "`model` must be a keras.Model built with application='lm' or 'unilm' to generate.",
                model=model,
            )
        if not scores_tokens(model):
            raise invalid(
                "`model` must have a score for each token in its last output to generate: build it "
                "with application='lm', or an encoder-decoder with_lm='linear' or True.",
                outputs=[tuple(x.shape) for x in model.outputs],
            )
        self.context = _context(model)
        self._roles = roles_of(model)
        self._graph = self._behind_encoder()
        self.masked_id, self.reach = padding_id(model), position_limit(model)
        self.additional = [x for x, role in zip(model.inputs, self._roles) if role is None]
        self.length = model.inputs[self._roles.index("token")].shape[1]
        table = embedding_of(model, "segment")
        self.segments = None if table is None else table.input_dim
        self.prefill = self._build_prefill()
        self.step = self._build_step()
        self.vocabulary = self.step.outputs[0].shape[-1]

    @property
    def continues(self):
        """True if generated tokens continue the prompt, False if they answer it."""
        return self.kind == "causal" and self.context is None

    def has_input(self, role):
        """Return whether the model has an input with this role."""
        return role in self._roles

    def arrange(self, tokens, segments, positions, additional, source=None):
        """Return the arguments in the order of the model's inputs, or of `step` without source."""
        given = dict(zip(("source", *_IDS), (source, tokens, segments, positions)))
        roles = [role for role in self._roles if role != "source" or source is not None]
        additional = iter(additional)
        return [next(additional) if role is None else given[role] for role in roles]

    def with_hidden(self):
        """Return `prefill` and `step` with one more output: the hidden states (b, n, d).

        These are the outputs of the last block, normalized if the model normalizes them at the
        end: the inputs of the LM head.
        """
        pairs = (self.prefill, self._hidden), (self.step, self._step_hidden)
        return [keras.Model(graph.inputs, [*graph.outputs, x]) for graph, x in pairs]

    def _behind_encoder(self):
        """Return the model, or the graph from the encoder's output on."""
        if self.context is None:
            return self.model
        if not self.has_input("source"):
            raise invalid(
                "`model` must be the whole encoder-decoder model, the builder's `.model`, to "
                "generate.",
                inputs=[x.name for x in self.model.inputs],
            )
        return keras.Function(self._decoder_inputs(), self.model.outputs)

    def _decoder_inputs(self):
        """Return the model's inputs with the encoder's output in the place of the source."""
        inputs = zip(self.model.inputs, self._roles)
        return [self.context if role == "source" else x for x, role in inputs]

    def _build_prefill(self):
        caches, kept, project = [], [], _Once(ProjectedKeys)

        def call(layer, *args, **kwargs):
            if isinstance(layer, _ATTENTION):
                found = kept if _crosses(layer.unpack(args[0])) else caches
                found.extend(project(layer)(*args, **kwargs))
            return layer(*args, **kwargs)

        _, self._hidden = _replay(self._graph, self._decoder_inputs(), call)
        self.kept = len(kept)
        return keras.Model(self.model.inputs, [*caches, *kept])

    def _build_step(self):
        inputs = [_step_input(x, r) for x, r in zip(self._decoder_inputs(), self._roles)]
        calls = _StepCalls(self.prefill.outputs, self.kept, _activation(self.model))
        outputs, self._step_hidden = _replay(self._graph, inputs, calls)
        inputs = [x for x, role in zip(inputs, self._roles) if role != "source"]
        logits = keras.tree.flatten(outputs)[-1]
        return keras.Model([*inputs, *calls.inputs], [logits, *calls.written])


class _StepCalls:
    """Call the model's layers in the step graph: attention reads the cache, positions are inputs.

    Args:
        slabs: keys and values that `prefill` computes, symbolic (b, h, n, size).
        kept: how many of these, at the end, belong to attention to the source.
        activation: the layer that makes the model's outputs of logits, or None.

    Attributes:
        inputs: the inputs of the step graph after the model's own.
        written: caches after a step.
    """

    def __init__(self, slabs, kept, activation):
        self.positions = keras.Input((None,), dtype="int32", name="Step-Position")
        self.slots = keras.Input((None,), dtype="int32", name="Step-Slot-Position")
        self.mask = keras.Input((1, None, None), dtype="bool", name="Step-Mask")
        self.index = keras.Input(batch_shape=(), dtype="int32", name="Step-Index")
        self.source_slots = keras.Input((None,), dtype="int32", name="Step-Source-Position")
        self.source_mask = keras.Input((1, 1, None), dtype="bool", name="Step-Source-Mask")
        slabs = [keras.Input((c.shape[1], None, c.shape[3]), dtype=c.dtype) for c in slabs]
        caches, memory = slabs[: len(slabs) - kept], slabs[len(slabs) - kept :]
        self.inputs = [self.positions, self.slots, self.mask, self.index, *caches]
        self.inputs += [self.source_slots, self.source_mask, *memory] if kept else []
        self.written, self.activation = [], activation
        # layers are called in the same order as by `prefill`, so the caches come in turn
        self._caches, self._memory = iter(caches), iter(memory)
        self._attend = _Once(CachedAttention)

    def __call__(self, layer, *args, **kwargs):
        if isinstance(layer, _ATTENTION):
            return self._call_attention(layer, *args, **kwargs)
        if isinstance(layer, _RELATIVE):
            slots = self.source_slots if _crosses(*args) else self.slots
            return layer([self.positions, slots], position_ids=True)
        if isinstance(layer, _ABSOLUTE):
            return layer([_first(args[0]), self.positions])
        if layer is self.activation:
            return args[0]
        return layer(*args, **kwargs)

    def _call_attention(self, layer, inputs, a_bias=False, p_bias=None, **kwargs):
        x, key, _, extras = layer.unpack(inputs)
        extras = extras[1:] if a_bias else extras  # the mask of the step replaces the model's
        cached = self._attend(layer)
        if _crosses([x, key]):
            memory = [next(self._memory), next(self._memory), self.source_mask]
            outputs = cached([x, *memory, *extras], p_bias=p_bias)
        else:
            cache = [next(self._caches), next(self._caches), self.mask]
            *outputs, k, v = cached([x, *cache, *extras], self.index, p_bias=p_bias)
            self.written += [k, v]
        return outputs if layer.return_attention_scores else outputs[0]


class _Once:
    """Wrap each layer only once, since a model may call a layer many times, as ALBERT does."""

    def __init__(self, wrapper):
        self.wrapper, self.made = wrapper, {}

    def __call__(self, layer):
        if layer.name not in self.made:
            self.made[layer.name] = self.wrapper(layer, dtype=layer.dtype_policy)
        return self.made[layer.name]


def decoding_kind(model):
    """Return "causal" or "unilm", the kind of the model's only mask, or None without one."""
    layers = model.layers if isinstance(model, keras.Model) else []
    kinds = [layer.kind for layer in layers if getattr(layer, "kind", None) in _MASKS]
    return kinds[0] if len(kinds) == 1 else None


def scores_tokens(model):
    """Return whether the last output of a model has a score for each token it embeds."""
    table = embedding_of(model, "token")
    return table is None or model.outputs[-1].shape[-1] == table.input_dim


def _replay(graph, inputs, call):
    """Run a graph on other symbolic inputs, each layer through `call(layer, ...)`.

    Returns:
        (outputs, hidden states): the latter are the last residual sum, and its normalization if
        there is one.
    """
    hidden = None

    def noted(layer, *args, **kwargs):
        nonlocal hidden
        outputs = call(layer, *args, **kwargs)
        normalizes = isinstance(layer, LayerNormalization) and _first(args[0]) is hidden
        if isinstance(layer, Add) or normalizes:
            hidden = outputs
        return outputs

    return run_graph(graph, inputs, noted), hidden


def _step_input(x, role):
    """Return an input like x; an input of ids takes any number n of ids instead of x's."""
    shape = (None,) if role in _IDS else x.shape[1:]
    return keras.Input(shape, dtype=x.dtype, name=x.name)


def _activation(model):
    """Return the layer that turns logits into the model's last output, or None."""
    layer = producer(model.outputs[-1])
    return layer if isinstance(layer, _ACTIVATIONS) else None


def _context(model):
    """Return the tensor that attention to a source takes its keys from, or None."""
    nodes = graph_calls(model)
    attentions = (node for node in nodes if isinstance(node.operation, MultiHeadAttention))
    keys = (node.input_tensors[1] for node in attentions if _crosses(node.input_tensors))
    return next(keys, None)


def _crosses(inputs):
    """Return whether attention on [query, key, ...] is cross-attention, from target to source."""
    return inputs[0] is not inputs[1]


def _first(inputs):
    return inputs[0] if isinstance(inputs, (list, tuple)) else inputs
