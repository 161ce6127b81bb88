"""Token and position embeddings."""

import keras
from keras import ops

from kerasx.backend import check_synchronised, take_rows
from kerasx.backend.keras_internals import set_mask
from kerasx.checks import check_choice, check_integer, invalid
from kerasx.ops import hierarchical_embeddings


@keras.saving.register_keras_serializable("kerasx")
class Embedding(keras.layers.Embedding):
    """Embedding that is also the output projection, with the same table E.

    `layer(ids)` looks rows up; `layer(x, mode="dense")` is x Eᵀ, one score for each row. With
    `mask_zero=True` the `pad_id` is masked, wherever it is. `layer(ids, mode="target")` never masks
    the first position, as T5 starts its targets with the padding id.

    Args:
        input_dim, output_dim, mask_zero, ...: as in keras.layers.Embedding.
        pad_id: the id that `mask_zero=True` masks.

    >>> layer = Embedding(10, 4, mask_zero=True)
    >>> x = layer(ops.convert_to_tensor([[5, 3, 0]]))
    >>> ops.shape(x), ops.shape(layer(x, mode="dense"))
    ((1, 3, 4), (1, 3, 10))
    """

    def __init__(self, input_dim, output_dim, *args, pad_id=0, **kwargs):
        sizes = {"input_dim": input_dim, "output_dim": output_dim}
        sizes = (check_integer(name, size, least=1) for name, size in sizes.items())
        super().__init__(*sizes, *args, **kwargs)
        self.pad_id = check_integer("pad_id", pad_id, least=0)

    def compute_mask(self, inputs, mask=None):
        if not self.mask_zero:
            return None
        if "float" in keras.backend.standardize_dtype(inputs.dtype):
            return mask  # the output projection keeps the mask of its inputs
        return ops.not_equal(inputs, self.pad_id)

    def call(self, inputs, mode="embedding"):
        check_choice("mode", mode, ("embedding", "dense", "target"))
        if mode == "dense":
            x, table = (ops.cast(t, self.compute_dtype) for t in (inputs, self.embeddings))
            return ops.matmul(x, ops.transpose(table))
        check_synchronised()
        rows = take_rows(self.embeddings, ops.cast(inputs, "int32"))
        rows = ops.cast(rows, self.compute_dtype)
        if mode == "target" and self.mask_zero:
            real = self.compute_mask(inputs)
            set_mask(rows, ops.concatenate([ops.ones_like(real[:, :1]), real[:, 1:]], axis=1))
        return rows

    def compute_output_spec(self, inputs, mode="embedding"):
        last = self.input_dim if mode == "dense" else self.output_dim
        lead = inputs.shape[:-1] if mode == "dense" else inputs.shape
        return keras.KerasTensor((*lead, last), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "pad_id": self.pad_id}


@keras.saving.register_keras_serializable("kerasx")
class PositionEmbedding(keras.layers.Layer):
    """A trainable vector for each position, merged with the input.

    Args:
        input_dim: number of rows of the table.
        output_dim: size of a vector.
        merge_mode: "add"; "mul" for x (1 + p); "zero" for the vectors alone; "concat".
        hierarchical: None, or α in (0, 1), where True is 0.4: vectors of positions beyond the table
            are combined from two rows, so m rows reach m² positions (kexue.fm/archives/7947).
        embeddings_initializer: initializer of the table.
        custom_position_ids: the layer is called on [inputs, position_ids] with integer ids (b, n).
        offset: number of rows before that of the first position; RoBERTa has two.
        skip_masked: give masked places the row before that of the first position, and count only
            the others, as RoBERTa does.

    Raises:
        ValueError: the sequence is longer than the table reaches.

    >>> ops.shape(PositionEmbedding(8, 4)(ops.zeros((2, 3, 4))))
    (2, 3, 4)
    """

    def __init__(
        self,
        input_dim,
        output_dim,
        merge_mode="add",
        hierarchical=None,
        embeddings_initializer="zeros",
        custom_position_ids=False,
        offset=0,
        skip_masked=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice("merge_mode", merge_mode, ("add", "mul", "zero", "concat"))
        if hierarchical and hierarchical is not True and not 0 < hierarchical < 1:
            text = "`hierarchical` must be None, True or a number in (0, 1)."
            raise invalid(text, hierarchical=hierarchical)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.merge_mode = merge_mode
        self.hierarchical = hierarchical
        self.custom_position_ids = custom_position_ids
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.offset = check_integer("offset", offset, least=int(skip_masked))
        self.skip_masked = skip_masked
        self.supports_masking = True

    @property
    def reach(self):
        """The number of positions that have a vector."""
        rows = self.input_dim - self.offset
        return rows**2 if self.hierarchical else rows

    def build(self, input_shape):
        if not self.custom_position_ids:
            self._check_length(input_shape[1])
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
        )

    def compute_mask(self, inputs, mask=None):
        return mask[0] if isinstance(mask, (list, tuple)) else mask

    def call(self, inputs, mask=None):
        x, ids = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        if ids is None:
            self._check_length(ops.shape(x)[1])
            ids = self._counted(mask)
        vectors = self._vectors(ops.shape(x)[1], ids)
        vectors = ops.cast(vectors, x.dtype)
        if self.merge_mode == "add":
            return x + vectors
        if self.merge_mode == "mul":
            return x * (vectors + 1)
        vectors = ops.broadcast_to(vectors, (*ops.shape(x)[:2], self.output_dim))
        return vectors if self.merge_mode == "zero" else ops.concatenate([x, vectors], axis=-1)

    def _counted(self, mask):
        """Return the positions (b, n) that `skip_masked` asks for, -1 where masked; else None."""
        if mask is None or not self.skip_masked:
            return None
        mask = ops.cast(mask, "int32")
        return ops.cumsum(mask, axis=1) * mask - 1

    def _vectors(self, n, ids):
        """Return the vectors of the first n positions, or of the ids: (1 or b, n, d)."""
        alpha = 0.4 if self.hierarchical is True else self.hierarchical
        table = self.embeddings[self.offset :] if self.offset else self.embeddings
        if ids is None:
            table = hierarchical_embeddings(table, n, alpha) if alpha else table
            return table[None, :n]
        ids = ops.cast(ids, "int32")
        if alpha:
            return hierarchical_embeddings(table, ops.maximum(ids, 0), alpha)
        return take_rows(self.embeddings, ids + self.offset)

    def _check_length(self, n):
        if isinstance(n, int) and n > self.reach:
            raise invalid(
                f"The sequence must be at most {self.reach} tokens long, as `{self.name}` reaches: "
                "cut the text (maxlen=...), or build the model with hierarchical_position=True.",
                length=n,
            )

    def compute_output_shape(self, input_shape):
        shape = input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
        if self.merge_mode == "concat":
            return (*shape[:-1], shape[-1] + self.output_dim)
        return (*shape[:2], self.output_dim) if self.merge_mode == "zero" else tuple(shape)

    def get_config(self):
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "merge_mode": self.merge_mode,
            "hierarchical": self.hierarchical,
            "custom_position_ids": self.custom_position_ids,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
            "offset": self.offset,
            "skip_masked": self.skip_masked,
        }
