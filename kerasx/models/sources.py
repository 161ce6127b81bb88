"""Sources of weights: how each names the variables and configuration keys of a model family."""

import re
from dataclasses import dataclass, field
from fnmatch import fnmatch

import numpy as np

from kerasx.checkpoints.checkpoint import Checkpoint, Spec


@dataclass(frozen=True)
class Original:
    """Layout of a family's original checkpoint, whose names `variable_mapping` gives.

    Attributes (tuples of name patterns such as "cls/*", see `fnmatch`):
        token_rows: variables with a row for each token of the vocabulary.
        token_columns: variables with a column for each token.
        transposed: variables stored transposed.
        optional: variables of heads that a model may be built without.
    """

    token_rows: tuple = ()
    token_columns: tuple = ()
    transposed: tuple = ()
    optional: tuple = ()


@dataclass(frozen=True)
class HuggingFace:
    """Configuration keys and tensor names of a family's Hugging Face folders.

    Configuration files of Google and bert4keras use the same keys.

    Attributes:
        heads: {model class of transformers: builder arguments that give the same model}.
        keys: {configuration key: builder argument}, where the two differ.
        required: {configuration key: the only value that can be built}.
        ignored: configuration keys that do not change the graph.
        rules: pairs (pattern, replacement) from original names to Hugging Face's. A new name
            "w[1 of 3]" means the second third of the outputs of tensor "w".
        prefix: what precedes the tensor names of a backbone with a head.
        transposed: patterns of the original names whose tensors are transposed; torch.nn.Linear
            stores kernels as (outputs, inputs).
        optional: patterns of further tensors that a file may have.
        model_type: the key `model_type`; by default the family's first name in `MODELS`.

    >>> folder = HuggingFace(rules=(("layer_", "layer."), ("kernel$", "weight"), ("/", ".")))
    >>> folder.name_of("bert/layer_0/kernel")
    'bert.layer.0.weight'
    """

    heads: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    required: dict = field(default_factory=dict)
    ignored: tuple = ()
    rules: tuple = ()
    prefix: str = ""
    transposed: tuple = ("*kernel",)
    optional: tuple = ()
    model_type: str | None = None

    def name_of(self, name):
        """Return Hugging Face's name of the variable with this original name."""
        return rename(name, self.rules)

    def translate(self, checkpoint, names):
        """Return the checkpoint under the original names; a backbone's file may lack the prefix."""
        bare = not any(name.startswith(self.prefix) for name in checkpoint)
        prefix = self.prefix if bare else ""
        theirs = {name: self.name_of(name).removeprefix(prefix) for name in names}
        return Translated(checkpoint, theirs, self.transposed)

    def export(self, tensors):
        """Return {original name: array} under Hugging Face's names, fused and transposed."""
        fused = {}
        for name, value in tensors.items():
            theirs, part, parts = _part(self.name_of(name))
            turned = matches(name, self.transposed)
            fused.setdefault(theirs, (turned, [None] * parts))[1][part] = value
        joined = {k: (turned, np.concatenate(v, axis=-1)) for k, (turned, v) in fused.items()}
        return {k: np.ascontiguousarray(v.T if turned else v) for k, (turned, v) in joined.items()}


class Translated(Checkpoint):
    """A checkpoint under other names, with fused tensors split and kernels transposed.

    Args:
        source: the checkpoint.
        names: {new name: name in the checkpoint, or "w[1 of 3]" for the second third of the
            outputs of "w"}; other tensors keep their names.
        transposed: patterns of the new names whose tensors are transposed.
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
        shape, turned = self.source.shape(theirs), matches(name, self._transposed)
        shape = shape[::-1] if turned else shape
        if parts > 1 and shape[-1] % parts == 0:  # else the shape is wrong anyway: report it whole
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
    """Apply each (pattern, replacement) to a name, to a list of names or to a dict's values.

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


def matches(name, patterns):
    """Return whether a name matches one of the patterns.

    >>> matches("cls/predictions/output_bias", ("bert/*", "cls/*"))
    True
    """
    return any(fnmatch(name, pattern) for pattern in patterns)


def _part(name):
    """Split "w[1 of 3]" into ("w", 1, 3); "w" gives ("w", 0, 1)."""
    found = re.fullmatch(r"(.*)\[(\d+) of (\d+)\]", name)
    return (found[1], int(found[2]), int(found[3])) if found else (name, 0, 1)
