"""The builder: a Transformer out of named layers, as a functional keras.Model."""

import re
from itertools import chain, repeat

import keras
import numpy as np
from keras import tree

from kerasx import backend
from kerasx.checks import invalid
from kerasx.initializers import TruncatedNormal
from kerasx.layers import AttentionMask, Dropout, LayerNormalization
from kerasx.layers.inputs import input_with_role
from kerasx.layers.recompute import Recomputable
from kerasx.models.weights import WeightLoading


class Transformer(WeightLoading):
    """Builder of a Transformer; a model family overrides its `apply_*` stages.

    Layers are made and called by name through `apply`, so a second call with the same name reuses
    the weights. `build()` makes the graph: embeddings, main layers, final layers.

    Args:
        vocab_size: rows of the token embedding in the checkpoint.
        hidden_size: width of the blocks.
        num_hidden_layers: number of blocks.
        num_attention_heads: heads of each attention.
        intermediate_size: hidden width of the feed-forward networks.
        hidden_act: their activation; a list makes them gated. "gelu" is the exact form, or the one
            that `kerasx.backend.set_gelu` chose before.
        dropout_rate: rate of the dropout after each sublayer.
        attention_dropout_rate: rate at which attention weights are dropped.
        attention_head_size: hidden_size // num_attention_heads by default.
        attention_key_size: size of a query or key head; attention_head_size by default.
        sequence_length: a fixed length of the inputs, or None for any.
        keep_tokens: ids of the token embeddings to keep, in their new order.
        compound_tokens: for each added token the ids (after keep_tokens) of the tokens whose
            embeddings it averages, or (ids, weights).
        ignore_invalid_weights: skip checkpoint tensors that are missing, unused or of a wrong
            shape, with a line of log, instead of raising.
        autoresize_weights: resize checkpoint tensors of a wrong shape, keeping their scale.
        initializer_range: standard deviation of the truncated normal initializer.
        recompute: compute activations again in the backward pass instead of keeping them, which
            leaves room for a batch several times as large; None reads the environment variable
            RECOMPUTE.
        layers: {name: layer} to build with, such as another model's.
        prefix: start of every layer name.
        name: name of the keras.Model.
    """

    # applications that `build_transformer_model` offers; the first one is the default
    applications = ("encoder", "lm", "unilm")
    # the application of a class that was extended with a mask, else None
    application = None
    # meaning of the inputs that `get_inputs` returns, in their order, see kerasx.layers.inputs
    input_roles = ()
    # name shared by classes that are parts or versions of one family
    family = None

    @classmethod
    def translate_config(cls, config):
        """Return a configuration file's dict with the family's corrections, before `keys` apply."""
        return config

    def create_config(self, config):
        """Return Hugging Face's configuration from the renamed arguments."""
        return config

    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_hidden_layers,
        num_attention_heads,
        intermediate_size,
        hidden_act="gelu",
        dropout_rate=None,
        attention_dropout_rate=None,
        attention_head_size=None,
        attention_key_size=None,
        sequence_length=None,
        keep_tokens=None,
        compound_tokens=None,
        ignore_invalid_weights=False,
        autoresize_weights=False,
        initializer_range=0.02,
        recompute=None,
        layers=None,
        prefix=None,
        name=None,
    ):
        if attention_head_size is None and hidden_size % num_attention_heads:
            raise invalid(
                "`hidden_size` must be a multiple of `num_attention_heads`, unless "
                "`attention_head_size` is given.",
                hidden_size=hidden_size,
                num_attention_heads=num_attention_heads,
            )
        self._set_vocabulary(vocab_size, keep_tokens, compound_tokens)
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = backend.named_gelu(hidden_act)
        self.dropout_rate = dropout_rate or 0
        self.attention_dropout_rate = attention_dropout_rate or 0
        self.attention_head_size = attention_head_size or hidden_size // num_attention_heads
        self.attention_key_size = attention_key_size or self.attention_head_size
        self.sequence_length = sequence_length
        self.ignore_invalid_weights = ignore_invalid_weights
        self.autoresize_weights = autoresize_weights
        self.initializer_range = initializer_range
        self.recompute = recompute
        self.layers = {} if layers is None else layers
        self.prefix = prefix or ""
        self.name = name
        self.attention_bias = None
        self.position_bias = None
        self.built = False

    def _set_vocabulary(self, size, keep_tokens, compound_tokens):
        """Check the token ids, and set the number of tokens that the model has."""
        kept = size if keep_tokens is None else len(keep_tokens)
        if keep_tokens is not None:
            _check_token_ids("keep_tokens", keep_tokens, size)
        for item in compound_tokens or []:
            ids = item[0] if isinstance(item, tuple) else item
            _check_token_ids("compound_tokens", ids, kept)
        self.keep_tokens, self.compound_tokens = keep_tokens, compound_tokens
        self.original_vocab_size = size
        self.vocab_size = kept + len(compound_tokens or [])

    @property
    def initializer(self):
        """A new truncated normal initializer."""
        return TruncatedNormal(stddev=self.initializer_range)

    @property
    def embeddings_initializer(self):
        """A new initializer of an embedding table."""
        return self.initializer

    def build(
        self,
        layer_norm_cond=None,
        layer_norm_cond_hidden_size=None,
        layer_norm_cond_hidden_act=None,
        additional_input_layers=None,
    ):
        """Build the graph; afterwards `self.model` is the keras.Model.

        Args:
            layer_norm_cond: a symbolic tensor (b, d) that conditions every layer normalization.
            layer_norm_cond_hidden_size: width of a hidden layer on it, or None.
            layer_norm_cond_hidden_act: that layer's activation.
            additional_input_layers: symbolic inputs to add after the model's own.
        """
        if self.built:
            return
        self.layer_norm_conds = [
            layer_norm_cond,
            layer_norm_cond_hidden_size,
            layer_norm_cond_hidden_act or "linear",
        ]
        self.declare_layouts()
        roles = chain(self.input_roles, repeat(None))
        inputs = tree.map_structure(lambda x: input_with_role(x, next(roles)), self.get_inputs())
        self.set_inputs(inputs, additional_input_layers)
        self.set_outputs(self.call(inputs))
        self.model = keras.Model(self.input, self.output, name=self.name)
        self.model.builder = self
        self.built = True

    def layout_rules(self):
        """Return which weights `kerasx.distribution.model_parallel` cuts, and along which axis.

        Returns:
            {pattern: (axis, name)}: a regular expression for the whole path of a weight, without
            the model's prefix; the axis of the weight; the attribute that tells what lies along it
            and must be a multiple of the devices, such as "num_attention_heads", or None.
        """
        return {}

    def declare_layouts(self):
        """Tell `layout_rules`, with the prefix and the sizes, to the distribution in use."""
        start = f"(.*/)?{re.escape(self.prefix)}"
        rules = {
            f"{start}({pattern})": (axis, name, getattr(self, name) if name else None)
            for pattern, (axis, name) in self.layout_rules().items()
        }
        backend.declare_layouts(rules)

    def call(self, inputs):
        """Return the symbolic outputs of all stages for the inputs."""
        outputs = self.apply_embeddings(inputs)
        for index in range(self.num_hidden_layers):
            outputs = self.apply_main_layers(outputs, index)
        return self.apply_final_layers(outputs)

    def prefixed(self, name):
        """Return a layer's name with the model's prefix."""
        return None if name is None else self.prefix + name

    def apply(self, inputs=None, layer=None, arguments=None, **kwargs):
        """Call the layer of the given name, and make it first if it is new.

        Args:
            inputs: tensor or list of tensors; None returns the layer itself.
            layer: the layer's class.
            arguments: keyword arguments of the call; of the function, if the layer is a Lambda.
            kwargs: keyword arguments of the class, among them `name`.
        """
        if layer in (Dropout, keras.layers.Dropout) and not self.dropout_rate:
            return inputs
        if layer is keras.layers.Lambda:
            kwargs["arguments"], arguments = arguments, None
        if isinstance(layer, type) and issubclass(layer, Recomputable):
            kwargs.setdefault("recompute", self.recompute)
        name = kwargs["name"] = self.prefixed(kwargs.get("name"))
        if name not in self.layers:
            made = layer(**kwargs)
            name = made.name
            self.layers[name] = made
        layer = self.layers[name]
        if inputs is None:
            return layer
        return layer(inputs, **(arguments or {}))

    def normalize(self, x, name, **kwargs):
        """Apply a layer normalization, which is conditional if `build` was given a condition."""
        condition, units, activation = self.layer_norm_conds
        return self.apply(
            inputs=self.simplify([x, condition]),
            layer=LayerNormalization,
            conditional=condition is not None,
            hidden_units=units,
            hidden_activation=activation,
            hidden_initializer=self.initializer,
            name=name,
            **kwargs,
        )

    def dropout(self, x, name, **kwargs):
        """Apply dropout at the model's rate."""
        return self.apply(x, Dropout, rate=self.dropout_rate, name=name, **kwargs)

    def get_inputs(self):
        """Return the model's symbolic inputs."""
        raise ValueError(f"`{type(self).__name__}` must override get_inputs(self).")

    def apply_embeddings(self, inputs):
        """Compute the first block's input from the model's inputs."""
        raise ValueError(f"`{type(self).__name__}` must override apply_embeddings(self, inputs).")

    def apply_main_layers(self, inputs, index):
        """Apply block `index`."""
        raise ValueError(f"`{type(self).__name__}` must override apply_main_layers(...).")

    def apply_final_layers(self, inputs):
        """Compute the outputs from the last block's output."""
        return inputs

    def compute_attention_bias(self, inputs=None):
        """Return the mask (boolean) or bias (numbers) of block number `inputs`, or None."""
        return self.attention_bias

    def compute_position_bias(self, inputs=None):
        """Return the tensor that relative positions need, or None."""
        return self.position_bias

    def set_inputs(self, inputs, additional_input_layers=None):
        """Set `.input` and `.inputs`."""
        extra = [] if additional_input_layers is None else additional_input_layers
        extra = list(extra) if isinstance(extra, (list, tuple)) else [extra]
        self.inputs = [*(inputs if isinstance(inputs, list) else [inputs]), *extra]
        self.input = self.simplify(self.inputs)

    def set_outputs(self, outputs):
        """Set `.output` and `.outputs`."""
        self.outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        self.output = self.simplify(self.outputs)

    def simplify(self, inputs):
        """Return the inputs without None; the element itself if one remains."""
        inputs = [x for x in inputs if x is not None]
        return inputs[0] if len(inputs) == 1 else inputs


class LM_Mask:
    """Mixin: each token sees itself and the tokens before it (kexue.fm/archives/6933)."""

    def compute_attention_bias(self, inputs=None):
        if self.attention_bias is None:
            self.attention_bias = self.apply(
                self.inputs[0], AttentionMask, kind="causal", name="Attention-Mask"
            )
        return self.attention_bias


class UniLM_Mask:
    """Mixin: tokens of segment 0 see all of it, tokens of segment 1 see the tokens before them.

    Source: kexue.fm/archives/6933.
    """

    def compute_attention_bias(self, inputs=None):
        if self.attention_bias is None:
            self.attention_bias = self.apply(
                self.segment_ids, AttentionMask, kind="unilm", name="Attention-Mask"
            )
        return self.attention_bias

    @property
    def segment_ids(self):
        """The input of segment ids."""
        inputs = dict(zip(self.input_roles, self.inputs))
        if "segment" in inputs:
            return inputs["segment"]
        raise ValueError(
            'application="unilm" tells source from target by segment ids, but this model has no '
            "segment input. Build it with segment_vocab_size=2."
        )


def _check_token_ids(name, tokens, size):
    ids = np.asarray(tokens)
    if ids.size == 0 or ids.min() < 0 or ids.max() >= size:
        found = f"ids from {ids.min()} to {ids.max()}" if ids.size else "no ids"
        raise ValueError(f"`{name}` must hold token ids in [0, {size}). Received: {found}")
