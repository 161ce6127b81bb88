"""Find the tensors of a model in a file, whatever precedes their names there."""

import re
from collections import Counter
from fnmatch import fnmatch
from itertools import islice

from kerasx.checks import invalid

# what wrappers of PyTorch add inside a model's names
_WRAPPERS = r"(?<![^./])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)[./]"
_NEWER = {"gamma": "weight", "beta": "bias"}
_DEPTH = 50  # parts of a name that may precede the backbone's own
# a part of the backbone's names that only heads use
_POOLER = "pooler"


class Placement:
    """The names under which a file has the tensors of a model.

    A file may have a backbone's tensors as they are, behind the family's prefix ("bert."), behind
    a wrapper's ("module.") or any other. What precedes most of them in the file is taken.
    LayerNorm.gamma and beta are the older names of weight and bias.

    Args:
        names: all names in the file.
        backbone: the backbone's names, which start with `prefix`.
        prefix: what precedes them in the usual file of a model with a head.
        second: {second name of a tensor in the file: its name there}, of shared tensors.
        ignore: patterns of names that may be passed over where there is a choice.

    Raises:
        ValueError: the file has several such backbones.

    >>> place = Placement(["module.bert.LayerNorm.gamma"], ["bert.LayerNorm.weight"], "bert.")
    >>> place.start, place.find("bert.LayerNorm.weight")
    ('module.bert.', 'module.bert.LayerNorm.gamma')
    """

    def __init__(self, names, backbone, prefix="", second=None, ignore=()):
        self.prefix = prefix
        self._names = _by_simple_name(names, ignore)
        inner = {simplified(name).removeprefix(prefix) for name in backbone}
        self._roots = {_root(name) for name in inner}
        self.start = _start(self._names, inner, ignore)
        self._names = {simplified(k): v for k, v in (second or {}).items()} | self._names
        usual = self.start.removesuffix(prefix)
        self._outer = [usual, *(self.start[:i] for i in reversed(_starts(self.start)))]

    def find(self, name):
        """Return the file's name of a tensor, or None."""
        name = simplified(name)
        if self.prefix and name.startswith(self.prefix):
            places = [self.start + name.removeprefix(self.prefix)]
        else:
            places = [start + name for start in self._outer]
        return next((self._names[place] for place in places if place in self._names), None)

    def is_backbone(self, name):
        """Return whether a tensor of the file is a part of the backbone, known or unknown."""
        name = simplified(name)
        if not name.startswith(self.start):
            return False
        root, own = _root(name.removeprefix(self.start)), self.start.endswith(self.prefix or "\n")
        return root != _POOLER and (own or root in self._roots)


def simplified(name):
    """Return a tensor's name without wrappers inside, and with the newer names of a norm's weights.

    >>> simplified("bert._orig_mod.encoder.LayerNorm.gamma")
    'bert.encoder.LayerNorm.weight'
    """
    name = re.sub(_WRAPPERS, "", name)
    return re.sub(r"(?<![^./])(gamma|beta)$", lambda found: _NEWER[found[0]], name)


def matches(name, patterns):
    """Return whether a name matches one of the patterns.

    >>> matches("cls/predictions/output_bias", ("bert/*", "cls/*"))
    True
    """
    return any(fnmatch(name, pattern) for pattern in patterns)


def ending(names, *ends):
    """Return the names that are one of `ends`, whatever precedes it.

    >>> ending(["model.lm_head.weight", "my_lm_head.weight"], "lm_head.weight")
    ['model.lm_head.weight']
    """
    simple = {name: simplified(name) for name in names}
    return [k for k, name in simple.items() if any(name[i:] in ends for i in _starts(name))]


def _by_simple_name(names, ignore):
    """Return {simplified name: name in the file}."""
    found = {}
    for name in sorted(names, key=lambda name: matches(name, ignore)):
        other = found.setdefault(simplified(name), name)
        if other != name and not matches(name, ignore):
            raise invalid(
                "`checkpoint` must hold each tensor under one name; ignore=[...] leaves one out.",
                names=[other, name],
            )
    return found


def _start(names, inner, ignore):
    """Return what precedes the backbone's names `inner` in most of the names."""
    places = [(name[:i], name) for name in names for i in _starts(name) if name[i:] in inner]
    counts = Counter(start for start, _ in places)
    most = max(counts.values(), default=0)
    best = sorted(start for start, count in counts.items() if count == most)
    if len(best) > 1:
        kept = {start for start, name in places if not matches(names[name], ignore)}
        best = [start for start in best if start in kept] or best
    if len(best) > 1 and 2 * most > len(inner):
        patterns = [f"{start}*" for start in best]
        raise invalid(
            "`checkpoint` must hold one backbone; leave the others out by ignore=[...], with "
            f"patterns such as {patterns[-1]!r}.",
            prefixes=best,
        )
    return best[0] if best else ""


def _starts(name):
    """Return the places where the parts of a name start, and where a name that ends in "." ends."""
    return [0, *(found.end() for found in islice(re.finditer("[./]", name), _DEPTH))]


def _root(name):
    return re.match("[^./]*", name)[0]
