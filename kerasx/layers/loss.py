"""Losses as layers of the model."""

import inspect

import keras
from keras import ops, tree

from kerasx import backend
from kerasx.backend.keras_internals import is_softmax, is_symbolic, new_state
from kerasx.checks import check_choice, check_integer, invalid
from kerasx.layers.batch_mean import BatchMean


@keras.saving.register_keras_serializable("kerasx")
class Loss(keras.layers.Layer):
    """A layer that adds a loss to the model and returns its inputs.

    Subclass it, override `compute_loss`, and compile the model without a loss. The labels are
    inputs of the model, so that the loss may depend on any tensors. Like Keras's losses, it is
    computed in float32: integers and half precision reach `compute_loss` as float32, so that a loss
    may be multiplied by a mask of integers, and ids stay exact.

    `self.add_metric(value, name=...)` in `compute_loss` shows the mean over the batches in the logs
    of `fit`. On JAX the progress bar of Keras's own training step shows nan within an epoch; the
    logs at its end are right.

    Args:
        output_axis: the inputs to return: an index, a list of indices, or None for all.

    >>> class MeanSquare(Loss):
    ...     def compute_loss(self, inputs, mask=None):
    ...         y_true, y_pred = inputs
    ...         return keras.ops.mean((y_true - y_pred) ** 2)
    >>> y_true, x = keras.Input((1,)), keras.Input((2,))
    >>> y_pred = MeanSquare(output_axis=1)([y_true, keras.layers.Dense(1)(x)])
    >>> model = keras.Model([y_true, x], y_pred)
    >>> model.compile("adam")
    """

    def __init__(self, output_axis=None, **kwargs):
        kwargs.setdefault("autocast", False)  # ids above 2048 are no half precision numbers
        super().__init__(**kwargs)
        self.output_axis = output_axis
        self._means, self._metric_names = {}, []
        self.supports_masking = True

    def compute_loss(self, inputs, mask=None):
        """Compute the loss of the inputs, a scalar, or several numbers of which the mean is taken.

        `mask` holds the Keras masks of the inputs.
        """
        text = "`compute_loss(self, inputs, mask=None)` must be overridden and return a scalar."
        raise invalid(text, layer=self)

    def add_metric(self, value, name=None, aggregation="mean"):
        """Show the mean of a value over batches in the logs; only within `compute_loss`.

        Args:
            value: tensor, of which the mean is taken.
            name: key of the logs, the layer's name by default.
            aggregation: "mean".
        """
        check_choice("aggregation", aggregation, ("mean", None))
        name = name or self.name
        if is_symbolic():
            self._metric_names.append(name)
            return
        if name not in self._means:
            self._track_mean(name)
        self._means[name].update_state(value)

    def _track_mean(self, name):
        options = {"trainable": False, "autocast": False, "aggregation": "mean", "name": name}
        with new_state(self):
            state = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", **options)
            self._means[name] = BatchMean(state, name)

    @property
    def states_of_metrics(self):
        """Return the weights that hold the means of `add_metric`; Keras 2 had none."""
        return [mean.state() for mean in self._means.values()]

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else self._select(mask)

    def call(self, inputs, mask=None):
        backend.check_synchronised()
        loss = self.compute_loss(tree.map_structure(_in_float32, inputs), mask)
        self.add_loss(ops.mean(loss))
        outputs = self._select(inputs)
        return tree.map_structure(lambda x: ops.cast(x, self._output_dtype(x)), outputs)

    def _output_dtype(self, x):
        dtype = keras.backend.standardize_dtype(x.dtype)
        return self.compute_dtype if keras.backend.is_float_dtype(dtype) else dtype

    def _select(self, values):
        if self.output_axis is None:
            return values
        if isinstance(self.output_axis, (list, tuple)):
            return [values[i] for i in self.output_axis]
        return values[self.output_axis]

    def compute_output_spec(self, inputs, mask=None):
        if _adds_metrics(type(self)) and not self._means:
            super().compute_output_spec(inputs, mask=mask)  # to learn the names of the metrics
            for name in dict.fromkeys(self._metric_names):
                self._track_mean(name)

        def spec(x):
            return keras.KerasTensor(x.shape, dtype=self._output_dtype(x))

        selected = self._select(inputs)
        listed = isinstance(selected, (list, tuple))
        return [spec(x) for x in selected] if listed else spec(selected)

    def get_config(self):
        return {**super().get_config(), "output_axis": self.output_axis}


def _in_float32(x):
    """Return numbers in float32 or wider; booleans stay."""
    return x if keras.backend.standardize_dtype(x.dtype) == "bool" else backend.widened(x)


def _adds_metrics(cls):
    """Return whether a method of a subclass of Loss calls `add_metric`."""
    classes = (c for c in cls.__mro__ if issubclass(c, Loss))
    functions = (f for c in classes for f in vars(c).values() if inspect.isfunction(f))
    return any("add_metric" in f.__code__.co_names for f in functions)


@keras.saving.register_keras_serializable("kerasx")
class CrossEntropy(Loss):
    """Next-token cross-entropy of a language model, as a layer.

    L = Σ_t m_{t+1} (log Σ_v exp s_{t,v} - s_{t, x_{t+1}}) / Σ_t m_{t+1}

    Called on [token_ids, segment_ids, scores], m is 1 at the tokens of segment 1, the target of a
    UniLM; called on [token_ids, scores], at all tokens but padding: the Keras mask of the scores,
    which a model built with a `pad_id` hands on, says where padding is. Ids are (b, n), scores
    (b, n, v); the scores at position t predict the token at t + 1.

    Args:
        output_axis: the input to return, usually that of the scores.
        from_logits: whether the scores are logits, as of a model built with `with_mlm="linear"`;
            False for probabilities, which models built without it return.
        pad_id: the id of padding, for scores without a mask; None where no id is padding.
        end_id: the id of the end token, if rows are padded with it, as those of GPT-2 usually are:
            the first of the end tokens that a row ends with counts, the others do not.

    >>> ids = ops.convert_to_tensor([[2, 5, 3]])
    >>> layer = CrossEntropy(output_axis=1)
    >>> ops.shape(layer([ids, ops.zeros((1, 3, 8))])), round(float(layer.losses[0]), 4)
    ((1, 3, 8), 2.0794)
    """

    def __init__(self, output_axis=None, from_logits=True, pad_id=None, end_id=None, **kwargs):
        super().__init__(output_axis, **kwargs)
        self.from_logits = from_logits
        self.pad_id = None if pad_id is None else check_integer("pad_id", pad_id, least=0)
        self.end_id = None if end_id is None else check_integer("end_id", end_id, least=0)

    def compute_loss(self, inputs, mask=None):
        token_ids, *segment_ids, scores = inputs
        wanted = ops.cast(segment_ids[0] if segment_ids else self._real(token_ids, mask), "float32")
        # the ids move up by one and the last weight is 0: slicing the scores would copy them
        wanted = ops.pad(wanted[:, 1:], [(0, 0), (0, 1)])
        losses = self._token_losses(ops.roll(token_ids, -1, axis=1), scores)
        return backend.divided(ops.sum(losses * wanted), ops.sum(wanted))

    def compute_output_spec(self, inputs, mask=None):
        self._check_inputs(inputs)
        return super().compute_output_spec(inputs, mask)

    def _check_inputs(self, inputs):
        """Raise unless the symbolic inputs are ids and scores, the scores as `from_logits` says."""
        listed = isinstance(inputs, (list, tuple))
        shapes = [tuple(x.shape) for x in (inputs if listed else [inputs])]
        if [len(shape) for shape in shapes] not in ([2, 3], [2, 2, 3]):
            raise invalid(
                "CrossEntropy must be called on [token_ids (b, n), scores (b, n, v)] or "
                "[token_ids, segment_ids, scores].",
                inputs=shapes,
            )
        if self.from_logits and is_softmax(inputs[-1]):
            raise invalid(
                "The scores must be logits, but the model ends in a softmax. Build it with "
                '`with_mlm="linear"` (encoders), `final_activation="linear"` (GPT, Llama, ...) or '
                '`with_lm="linear"` (T5, BART), or pass CrossEntropy(from_logits=False).',
                scores=inputs[-1],
            )

    def _real(self, token_ids, mask):
        """Return 1 at the tokens (b, n) that count, 0 at padding."""
        real = ops.ones_like(token_ids, "bool") if mask is None or mask[-1] is None else mask[-1]
        if self.pad_id is not None:
            real = ops.logical_and(real, token_ids != self.pad_id)
        if self.end_id is not None:
            others = ops.cast(token_ids != self.end_id, "int32")
            after = ops.flip(ops.cumsum(ops.flip(others, 1), 1), 1) > 0  # a token is still to come
            first = ops.pad(after[:, :-1], [(0, 0), (1, 0)], constant_values=True)
            real = ops.logical_and(real, first)
        return real

    def _token_losses(self, ids, scores):
        if self.from_logits:
            return backend.sparse_cross_entropy(ids, scores)
        return keras.losses.sparse_categorical_crossentropy(ids, ops.cast(scores, "float32"))

    def get_config(self):
        config = {"from_logits": self.from_logits, "pad_id": self.pad_id, "end_id": self.end_id}
        return {**super().get_config(), **config}
