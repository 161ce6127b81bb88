"""Sources of weights: how each names the variables and configuration keys of a model family."""

import re
from dataclasses import dataclass, field

import numpy as np

from kerasx.checkpoints.checkpoint import Checkpoint, Spec
from kerasx.models.placement import Placement, matches


@dataclass(frozen=True)
class Original:
    """Layout of a family's original checkpoint, whose names `variable_mapping` gives.

    Attributes (tuples of name patterns such as "cls/*", see `fnmatch`):
        token_rows: variables with a row for each token of the vocabulary.
        token_columns: variables with a column for each token.
        transposed: variables stored transposed.
        heads: variables of heads, a pattern for each head: a model or a checkpoint may lack them.
        ignored: variables that a model may leave in the file without a word.
    """

    token_rows: tuple = ()
    token_columns: tuple = ()
    transposed: tuple = ()
    heads: tuple = ()
    ignored: tuple = ()

    def is_head(self, name):
        """Return whether a variable belongs to a head."""
        return matches(name, self.heads)

    def translate(self, checkpoint, names, ignore=()):
        """Return a checkpoint under new names, without what precedes the old ones.

        Args:
            checkpoint: the checkpoint.
            names: {new name: old name}.
            ignore: see `Placement`.
        """
        backbone = [old for new, old in names.items() if not self.is_head(new)]
        place = Placement(checkpoint, backbone, ignore=ignore)
        found = {new: place.find(old) for new, old in names.items()}
        return Translated(checkpoint, {k: v for k, v in found.items() if v}, (), place)


@dataclass(frozen=True)
class HuggingFace:
    """Configuration keys and tensor names of a family's Hugging Face folders.

    Configuration files of Google and bert4keras use the same keys.

    Attributes:
        heads: {model class of transformers: builder arguments that give the same model}.
        keys: {configuration key: builder argument}, where the two differ.
        required: {configuration key: the only value that can be built}.
        required_of_scores: such keys that matter to a model which scores tokens, and to no other.
        defaults: {configuration key: transformers' value where a file leaves it out}, as far as it
            differs from the builder's.
        ignored: configuration keys that do not change the graph.
        translated: further keys, which `translate_config` reads.
        absent: arguments of the builder that the model of transformers has not.
        causal_key: whether the key `is_decoder` decides if tokens see the tokens after them.
        rules: pairs (pattern, replacement) from original names to Hugging Face's. A new name
            "w[1 of 3]" means the second third of the outputs of tensor "w".
        prefix: what precedes the tensor names of a backbone with a head.
        transposed: patterns of the original names whose tensors are transposed; torch.nn.Linear
            stores kernels as (outputs, inputs).
        tied: {name: second names of the same tensor}; a file may have it under any of them.
        optional: patterns of further tensors that a file may have.
        model_type: the key `model_type`; by default the family's first name in `MODELS`.

    >>> folder = HuggingFace(rules=(("layer_", "layer."), ("kernel$", "weight"), ("/", ".")))
    >>> folder.name_of("bert/layer_0/kernel")
    'bert.layer.0.weight'
    """

    heads: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    required: dict = field(default_factory=dict)
    required_of_scores: dict = field(default_factory=dict)
    defaults: dict = field(default_factory=dict)
    ignored: tuple = ()
    translated: tuple = ()
    absent: tuple = ()
    causal_key: bool = False
    rules: tuple = ()
    prefix: str = ""
    transposed: tuple = ("*kernel",)
    tied: dict = field(default_factory=dict)
    optional: tuple = ()
    model_type: str | None = None

    @property
    def known_keys(self):
        """All configuration keys that the family reads or knows to be harmless."""
        fixed = (*self.required, *self.required_of_scores, *self.defaults)
        shape = ("is_decoder",) * self.causal_key + ("id2label", "num_labels")
        return {*self.keys, *fixed, *self.ignored, *self.translated, *shape}

    def name_of(self, name):
        """Return Hugging Face's name of the variable with this original name."""
        return rename(name, self.rules)

    def translate(self, checkpoint, names, backbone, ignore=()):
        """Return the checkpoint under the original names.

        Args:
            checkpoint: the checkpoint.
            names: all original names of the family.
            backbone: those of the backbone.
            ignore: see `Placement`.
        """
        shared = getattr(checkpoint, "metadata", {})  # safetensors.torch.save_model writes it
        shared = {k: v for k, v in shared.items() if v in checkpoint}
        backbone = map(self._whole, backbone)
        place = Placement(checkpoint, backbone, self.prefix, shared, ignore)
        own = {self._whole(name) for name in names}
        theirs, twins = {}, {}
        for name in names:
            canonical, part, parts = _part(self.name_of(name))
            second = [x for x in self.tied.get(canonical, ()) if x not in own]
            found = list(dict.fromkeys(filter(None, map(place.find, [canonical, *second]))))
            if found:
                theirs[name] = f"{found[0]}[{part} of {parts}]"
                twins |= dict.fromkeys(found[1:], found[0])
        return Translated(checkpoint, theirs, self.transposed, place, twins)

    def _whole(self, name):
        """Return Hugging Face's name of a variable, or of the fused tensor that has it."""
        return _part(self.name_of(name))[0]

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
        place: the `Placement` of the model's tensors.
        twins: {name in the checkpoint: that of a tensor it must equal}.
    """

    def __init__(self, source, names, transposed, place, twins=None):
        self.source, self.format, self._transposed = source, source.format, transposed
        self._place, self.twins = place, twins or {}
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

    def name_in_file(self, name):
        """Return the name that a tensor has in the file."""
        return self._spec(name).where[0]

    def is_backbone(self, name):
        """Return whether a tensor is a part of the backbone, known or unknown."""
        return self._place.is_backbone(self.name_in_file(name))

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


def _part(name):
    """Split "w[1 of 3]" into ("w", 1, 3); "w" gives ("w", 0, 1)."""
    found = re.fullmatch(r"(.*)\[(\d+) of (\d+)\]", name)
    return (found[1], int(found[2]), int(found[3])) if found else (name, 0, 1)
