"""Read and write the weights of a builder by name."""

import re
from glob import escape
from itertools import chain

import keras
import numpy as np

from kerasx import backend, checkpoints
from kerasx.checkpoints.object_graph import has_layers
from kerasx.checkpoints.resizing import orthogonally_resize
from kerasx.checks import check_choice, check_texts
from kerasx.models.keras_weights import load_keras_weights
from kerasx.models.leniency import check_names, check_twins
from kerasx.models.own_loading import readable_variables, reads_itself
from kerasx.models.placement import matches
from kerasx.models.sources import HuggingFace, Original

# vocabularies are padded to a multiple of one of these
_MULTIPLES = [2**k for k in range(1, 11)]


class WeightLoading:
    """Mixin of the builder that fills the layers from a checkpoint, and writes one.

    `variable_mapping()` gives the checkpoint variables of each layer under their original names;
    the values `original` and `huggingface` say how each source of weights stores them.
    """

    original = Original()
    huggingface = HuggingFace()
    unfilled = ()  # original names of the weights that the checkpoint did not have

    def variable_mapping(self):
        """Return {layer name: [checkpoint variables, in the order of the layer's weights]}."""
        return {}

    def load_embeddings(self, embeddings):
        """Apply `keep_tokens` and `compound_tokens` to the rows of a token table or bias.

        Args:
            embeddings: array (original vocabulary size, ...), maybe padded to a multiple.

        Returns:
            float32 array (vocab_size, ...).
        """
        embeddings = np.asarray(embeddings, dtype="float32")
        if _is_padded(self.original_vocab_size, len(embeddings)):
            embeddings = embeddings[: self.original_vocab_size]
        if self.keep_tokens is not None:
            embeddings = embeddings[np.asarray(self.keep_tokens)]
        if self.compound_tokens is not None:
            rows = [self._average(embeddings, item) for item in self.compound_tokens]
            embeddings = np.concatenate([embeddings, np.asarray(rows, "float32")], axis=0)
        return embeddings

    @staticmethod
    def _average(embeddings, item):
        ids, weights = item if isinstance(item, tuple) else (item, None)
        return np.average(embeddings[np.asarray(ids)], axis=0, weights=weights)

    def load_variable(self, checkpoint, name):
        """Return variable `name` in the layout of the layer's weight, maybe a read-only view.

        A subclass may override it; of what it returns only the final shape is checked.

        Args:
            checkpoint: the open checkpoint; `checkpoint[name]` is an array.
            name: a name of `variable_mapping`.
        """
        value = np.asarray(checkpoint[name])
        if matches(name, self.original.token_rows):
            return self.load_embeddings(value)
        if matches(name, self.original.token_columns):
            return self.load_embeddings(value.T).T
        return value.T if matches(name, self.original.transposed) else value

    def create_variable(self, name, value):
        """Return a layer's weight in the layout of the checkpoint: undo `load_variable`."""
        return value.T if matches(name, self.original.transposed) else value

    def checkpoint_shape(self, name, shape):
        """Return the shape in the checkpoint of the variable for a weight of this shape."""
        if matches(name, self.original.token_rows):
            return (self.original_vocab_size, *shape[1:])
        if matches(name, self.original.token_columns):
            return (*shape[:-1], self.original_vocab_size)
        return shape[::-1] if matches(name, self.original.transposed) else shape

    def load_weights_from_checkpoint(self, checkpoint, mapping=None, ignore=(), allow_missing=()):
        """Fill the layers from a checkpoint; nothing is assigned unless everything fits.

        Heads that the model or the checkpoint lacks are named in one line of log.

        Args:
            checkpoint: path of a checkpoint, or {name: array}; a weights file of Keras must come
                from a model of the same layers.
            mapping: {layer name: [variables]} to read, and no others; by default
                `variable_mapping()`.
            ignore: patterns (`*`, `?`) of tensors that may be unused.
            allow_missing: patterns of tensors that may be absent; they keep their initial values.

        Raises:
            ValueError: lists every missing, unused and mis-shaped tensor of the backbone.
        """
        check_texts("ignore", ignore)
        check_texts("allow_missing", allow_missing)
        with checkpoints.open_checkpoint(checkpoint, mapped=True) as source:
            if source.format == "hdf5" or has_layers(source) or self._holds_layers(source):
                options = {"ignore": ignore, "allow_missing": allow_missing}
                return load_keras_weights(
                    self.model, source, **options, is_head=self._is_head_layer
                )
            source = self.translated(source, ignore)
            pairs = list(self.weights_and_variables(mapping))
            if reads_itself(self):
                found = readable_variables(self, source, pairs, ignore)
            else:
                found = self._found(source, pairs, mapping, ignore, allow_missing)
            for weight, name in pairs:
                if name in found:
                    self._fill(weight, source, name)
            self.unfilled = [name for _, name in pairs if name not in found]

    def _found(self, source, pairs, mapping, ignore, allow_missing):
        """Return the set of the variables that a checkpoint holds, after all checks."""
        expected = {name: self._expected_shape(name, weight, source) for weight, name in pairs}
        if mapping is not None:  # which says what to read
            ignore = [escape(name) for name in source if name not in expected]
        if self.ignore_invalid_weights:
            allow_missing = ["*"]
        found = check_names(self, expected, source, ignore, allow_missing)
        check_twins(source, self.scores_tokens, ignore)
        source.verify(found)  # raises for damaged data before the first weight is assigned
        return set(found)

    def translated(self, checkpoint, ignore=()):
        """Return the checkpoint under the original names, whatever precedes its own.

        Args:
            checkpoint: the checkpoint, with the names of any source.
            ignore: patterns of names to pass over where the file has several backbones.
        """
        names = self.variables()
        if not self.huggingface.rules or any("/" in name for name in checkpoint):
            return self.original.translate(checkpoint, dict(zip(names, names)), ignore)
        backbone = [name for name in names if not self.original.is_head(name)]
        return self.huggingface.translate(checkpoint, names, backbone, ignore)

    def variables(self):
        """Return the names of all variables of the family, those of absent heads included."""
        return list(dict.fromkeys(chain.from_iterable(self.variable_mapping().values())))

    def _holds_layers(self, checkpoint):
        """Return whether a checkpoint has weights under the Keras paths of the model's layers."""
        return any(name.partition("/")[0] in self.layers for name in checkpoint)

    def _is_head_layer(self, name):
        """Return whether a Keras layer is a head, of this model or of another one's."""
        layers = self.variable_mapping()
        name = name.removeprefix(self.prefix)
        if name in layers:
            others = (*self.original.heads, *self.original.ignored)
            return all(matches(variable, others) for variable in layers[name])
        return not {re.sub(r"\d+", "0", name)} & {re.sub(r"\d+", "0", layer) for layer in layers}

    @classmethod
    def arguments_in(cls, checkpoint):
        """Return the arguments of the class that a checkpoint tells, whatever its configuration.

        Args:
            checkpoint: an open Checkpoint.
        """
        return {}

    @property
    def scores_tokens(self):
        """Return whether the model has scores of tokens."""
        names = ("with_mlm", "with_lm", "final_activation")
        return any(getattr(self, name, None) for name in names)

    def weights_and_variables(self, mapping=None):
        """Yield (weight, checkpoint variable) for every mapped layer that the model has."""
        for layer, variables in (mapping or self.variable_mapping()).items():
            layer = self.layers.get(self.prefixed(layer))
            if layer is None:
                continue
            # kernels of a condition come last, start at zero and are in no checkpoint
            conditional = getattr(layer, "conditional", False)
            if len(variables) != len(layer.weights) and not conditional:
                raise ValueError(
                    "`variable_mapping` must name a variable for each weight of a layer. "
                    f"Received: {variables} for `{layer.name}`, whose weights are "
                    f"{[w.path for w in layer.weights]}"
                )
            yield from zip(layer.weights, variables, strict=False)

    def is_of_tokens(self, name):
        """Return whether a variable has an entry for each token of the vocabulary."""
        return matches(name, (*self.original.token_rows, *self.original.token_columns))

    def _expected_shape(self, name, weight, source):
        """Return the shape that a variable must have in the checkpoint."""
        if self.ignore_invalid_weights or self.autoresize_weights:
            return (None,) * len(weight.shape)
        shape = self.checkpoint_shape(name, tuple(weight.shape))
        if not self.is_of_tokens(name) or name not in source:
            return shape
        size, found = self.original_vocab_size, source.shape(name)
        sizes = [n if m == size and _is_padded(size, n) else m for m, n in zip(shape, found)]
        return tuple(sizes) if len(found) == len(shape) else shape

    def _fill(self, weight, source, name):
        """Assign the variable's value, and release the pages of the file read so far."""
        value = self._fitted(source, weight, name)
        if value is not None:
            backend.fill(weight, value, after=source.release)

    def _fitted(self, source, weight, name):
        """Return the variable's value, resized if that is allowed; None to skip the weight."""
        value = np.asarray(self.load_variable(source, name))
        if tuple(value.shape) == tuple(weight.shape):
            return value
        if self.autoresize_weights:
            return orthogonally_resize(value.astype("float32"), weight.shape)
        return None

    def save_weights_as_checkpoint(self, filename, mapping=None, dtype=None, names="original"):
        """Write the weights to a checkpoint that `load_weights_from_checkpoint` reads.

        With several processes all call it, and the first one writes.

        Args:
            filename: "....safetensors", or the prefix of a TensorFlow checkpoint.
            mapping: {layer name: [variables]}, `variable_mapping()` by default.
            dtype: dtype to store, the weights' own by default.
            names: "original", or "huggingface" for a file that transformers reads.
        """
        check_choice("names", names, ("original", "huggingface"))
        weights = [weight for weight, _ in self.weights_and_variables(mapping)]
        backend.write_in_first_process(
            filename, lambda: self._write_checkpoint(filename, mapping, dtype, names), weights
        )

    def _write_checkpoint(self, filename, mapping, dtype, names):
        tensors = self.tensors(mapping)
        if dtype is not None:
            tensors = {name: value.astype(dtype) for name, value in tensors.items()}
        if names == "huggingface":
            tensors = self.huggingface_tensors(tensors)
        if str(filename).endswith(".safetensors"):
            checkpoints.save_safetensors(filename, tensors)
        else:
            checkpoints.save_tensor_bundle(filename, tensors)

    def tensors(self, mapping=None):
        """Return {original name: array} of all mapped weights, as the checkpoint stores them."""
        return {
            name: self.create_variable(name, keras.ops.convert_to_numpy(weight))
            for weight, name in self.weights_and_variables(mapping)
        }

    def huggingface_tensors(self, tensors):
        """Return {original name: array} under Hugging Face's names and in its layout."""
        return self.huggingface.export(tensors)


def _is_padded(size, rows):
    """Return whether a table of `rows` rows is one of `size` tokens, padded to a multiple."""
    return rows > size and any(rows % m == 0 and rows - size < m for m in _MULTIPLES)
