"""Loading and saving a builder's weights by name."""

import re
from fnmatch import fnmatch

import keras
import numpy as np

from kerasx import backend, checkpoints
from kerasx.checkpoints.checkpoint import Checkpoint, Spec
from kerasx.checkpoints.resizing import orthogonally_resize
from kerasx.models.keras_weights import load_keras_weights

__all__ = ["Translated", "WeightLoading", "rename"]


class WeightLoading:
    """Mixin of the builder: layer name -> checkpoint variables, read and written strictly.

    A family says in `variable_mapping()` which variables of its original checkpoint fill which
    layer, and in `huggingface_rules` how these variables are called in a Hugging Face folder.
    """

    # (pattern, replacement) from a TensorFlow name to a Hugging Face name; one in "[1 of 3]" is
    # the second third of that tensor's outputs, as of queries, keys and values fused
    huggingface_rules = ()
    # those that it has transposed: kernels are (outputs, inputs) in torch.nn.Linear, though not in
    # GPT-2's Conv1D
    huggingface_transposed = ("*kernel",)
    # its `model_type`; the first name in `MODELS` by default
    huggingface_type = None
    # prefix that Hugging Face puts before the backbone when there is a head
    huggingface_prefix = ""
    # checkpoint variables of heads that this model may have been built without
    optional_variables = ()
    # those with a row for each token, those that lie transposed on disk
    token_variables = ()
    transposed_variables = ()

    def variable_mapping(self):
        """{layer name: [checkpoint variables, in the order of the layer's weights]}."""
        return {}

    def load_embeddings(self, embeddings):
        """Rows of a token table (or bias) after keep_tokens and compound_tokens."""
        embeddings = np.asarray(embeddings, dtype="float32")
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
        """The value of variable `name` as the layer wants it; it may be a read-only view."""
        value = np.asarray(checkpoint[name])
        if _matches(name, self.token_variables):
            return self.load_embeddings(value)
        return value.T if _matches(name, self.transposed_variables) else value

    def create_variable(self, name, value):
        """The value of a layer's weight as the checkpoint stores it; undoes `load_variable`."""
        return value.T if _matches(name, self.transposed_variables) else value

    def checkpoint_shape(self, name, shape):
        """The shape on disk of the variable that fills a weight of this shape."""
        if _matches(name, self.token_variables):
            return (self.original_vocab_size, *shape[1:])
        return shape[::-1] if _matches(name, self.transposed_variables) else shape

    def load_weights_from_checkpoint(self, checkpoint, mapping=None):
        """Fill the layers from a checkpoint; nothing is assigned unless everything fits.

        Args:
            checkpoint: path of a checkpoint, or {name: array}; a `.weights.h5` of Keras must come
                from a model of the same layers.
            mapping: {layer name: [variables]}, `variable_mapping()` by default.

        Raises:
            ValueError: lists every missing, unused and mis-shaped tensor.
        """
        with checkpoints.open_checkpoint(checkpoint, mapped=True) as source:
            if source.format == "hdf5":
                return load_keras_weights(self.model, source.path)
            source = self.translated(source)
            pairs = list(self.weights_and_variables(mapping))
            expected = {name: self._expected_shape(name, weight) for weight, name in pairs}
            checkpoints.match(
                expected,
                source,
                ignore=(*checkpoints.DEFAULT_IGNORE, *self.optional_variables),
            )
            source.verify(expected)  # damaged data raises here; then one tensor at a time
            for weight, name in pairs:
                self._fill(weight, source, name)

    def translated(self, checkpoint):
        """The checkpoint under this family's own variable names."""
        if not self.huggingface_rules or any("/" in name for name in checkpoint):
            return checkpoint
        names = {n for variables in self.variable_mapping().values() for n in variables}
        bare = not any(name.startswith(self.huggingface_prefix) for name in checkpoint)
        prefix = self.huggingface_prefix if bare else ""
        return Translated(
            checkpoint,
            {name: self.huggingface_name(name).removeprefix(prefix) for name in names},
            self.huggingface_transposed,
        )

    def huggingface_name(self, name):
        """What a Hugging Face folder calls the TensorFlow variable `name`."""
        return rename(name, self.huggingface_rules)

    def weights_and_variables(self, mapping=None):
        """(weight, checkpoint variable) of every mapped layer that the model has."""
        for layer, variables in (mapping or self.variable_mapping()).items():
            layer = self.layers.get(self.prefixed(layer))
            if layer is None:
                continue
            # the kernels of a condition come last, start at zero and are in no checkpoint
            conditional = getattr(layer, "conditional", False)
            if len(variables) != len(layer.weights) and not conditional:
                raise ValueError(
                    "`variable_mapping` must name a variable for each weight of a layer. "
                    f"Received: {variables} for `{layer.name}`, whose weights are "
                    f"{[w.path for w in layer.weights]}"
                )
            yield from zip(layer.weights, variables, strict=False)

    def _expected_shape(self, name, weight):
        if self.ignore_invalid_weights or self.autoresize_weights:
            return (None,) * len(weight.shape)
        return self.checkpoint_shape(name, tuple(weight.shape))

    def _fill(self, weight, source, name):
        """Assign the variable's value; what has been read of the file is let go on the way."""
        value = self._fitted(source, weight, name)
        if value is not None:
            backend.fill(weight, value, after=source.release)

    def _fitted(self, source, weight, name):
        """The variable's value, resized if that is allowed; None to leave the weight alone."""
        value = np.asarray(self.load_variable(source, name))
        if tuple(value.shape) == tuple(weight.shape):
            return value
        if self.autoresize_weights:
            return orthogonally_resize(value.astype("float32"), weight.shape)
        return None

    def save_weights_as_checkpoint(self, filename, mapping=None, dtype=None, names="original"):
        """Write the weights under their original names; `load_weights_from_checkpoint` reads them.

        Args:
            filename: "....safetensors", or the prefix of a TensorFlow checkpoint.
            mapping: {layer name: [variables]}, `variable_mapping()` by default.
            dtype: dtype to store, the weights' own by default.
            names: "original", or "huggingface" for a file that transformers reads.
        """
        if names not in ("original", "huggingface"):
            raise ValueError(
                "`names` must be 'original', or 'huggingface' if the family has such names. "
                f"Received: names={names!r}"
            )
        tensors = {}
        for weight, name in self.weights_and_variables(mapping):
            value = self.create_variable(name, keras.ops.convert_to_numpy(weight))
            tensors[name] = value if dtype is None else value.astype(dtype)
        if names == "huggingface":
            tensors = self.huggingface_tensors(tensors)
        if str(filename).endswith(".safetensors"):
            checkpoints.save_safetensors(filename, tensors)
        else:
            checkpoints.save_tensor_bundle(filename, tensors)

    def huggingface_tensors(self, tensors):
        """The tensors under Hugging Face's names, in its layout; undoes `translated`."""
        fused = {}
        for name, value in tensors.items():
            theirs, part, parts = _part(self.huggingface_name(name))
            turned = _matches(name, self.huggingface_transposed)
            fused.setdefault(theirs, (turned, [None] * parts))[1][part] = value
        joined = {k: (turned, np.concatenate(v, axis=-1)) for k, (turned, v) in fused.items()}
        return {k: np.ascontiguousarray(v.T if turned else v) for k, (turned, v) in joined.items()}


class Translated(Checkpoint):
    """A checkpoint under other names; kernels are transposed on the way.

    Args:
        source: the checkpoint.
        names: {our name: the checkpoint's name, or "name[1 of 3]", which is the second third of its
            outputs}; tensors without one keep their own.
        transposed: patterns of our names; those variables are transposed.
    """

    def __init__(self, source, names, transposed=("*kernel",)):
        self.source, self.format, self._transposed = source, source.format, transposed
        ours = {}
        for name, theirs in names.items():
            theirs, *part = _part(theirs)
            ours.setdefault(theirs, []).append((name, *part))
        specs = {
            name: self._spec_of(name, theirs, part, parts)
            for theirs in source
            for name, part, parts in ours.get(theirs, [(theirs, 0, 1)])
        }
        super().__init__(source.path, specs, source.skipped)

    def _spec_of(self, name, theirs, part, parts):
        shape, turned = self.source.shape(theirs), _matches(name, self._transposed)
        shape = shape[::-1] if turned else shape
        if parts > 1 and shape[-1] % parts == 0:  # if not, it is of another shape as it is
            shape = (*shape[:-1], shape[-1] // parts)
        return Spec(shape, self.source.dtype(theirs), (theirs, turned, part, parts))

    def verify(self, names):
        self.source.verify({self._spec(name).where[0] for name in names})

    def release(self):
        self.source.release()

    def _read(self, name, spec):
        theirs, turned, part, parts = spec.where
        value = self.source[theirs]
        value = value.T if turned else value
        return np.split(value, parts, axis=-1)[part] if parts > 1 else value


def rename(names, rules):
    """A name with each (pattern, replacement) of the rules applied; so a list, a mapping's values.

    >>> rename({"Embedding-Token": ["bert/embeddings"]}, [("^bert/", "electra/")])
    {'Embedding-Token': ['electra/embeddings']}
    """
    if isinstance(names, dict):
        return {layer: rename(variables, rules) for layer, variables in names.items()}
    if isinstance(names, list):
        return [rename(name, rules) for name in names]
    for pattern, replacement in rules:
        names = re.sub(pattern, replacement, names)
    return names


def _matches(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


def _part(name):
    """("w", 1, 3) of "w[1 of 3]"; ("w", 0, 1) of "w"."""
    found = re.fullmatch(r"(.*)\[(\d+) of (\d+)\]", name)
    return (found[1], int(found[2]), int(found[3])) if found else (name, 0, 1)
