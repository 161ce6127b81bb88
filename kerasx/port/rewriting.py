"""Apply all rules to the text of a script."""

import ast
from typing import NamedTuple

from kerasx.port.added_loss import rewrite_added_losses
from kerasx.port.bindings import Bindings, canonical
from kerasx.port.calls import rewrite_calls
from kerasx.port.fgm import rewrite_adversarial_training
from kerasx.port.generators import rewrite_generators
from kerasx.port.gone import note_packages, note_what_is_gone
from kerasx.port.imports import comes_from_bert4keras, rewrite_imports
from kerasx.port.keras_habits import rewrite_keras_habits
from kerasx.port.layer_arguments import rewrite_layer_arguments
from kerasx.port.optimizer_wrappers import rewrite_optimizer_wrappers
from kerasx.port.script import Script, apply
from kerasx.port.training_phase import rewrite_training_phase
from kerasx.port.uses import rewrite_uses
from kerasx.port.weight_files import rewrite_weight_files


class Change(NamedTuple):
    """A line of the report: the old text of an edit and the new one."""

    line: int
    old: str
    new: str


class Ported(NamedTuple):
    """The text of a script after all rules, with what was changed and what is left to do."""

    text: str
    changes: list
    notes: list
    edits: list


def port(text, saved=frozenset(), code=None):
    """Rewrite a script of bert4keras or Keras 2 for kerasx and Keras 3.

    Args:
        text: str, the script.
        saved: names of files that other scripts of the same folder save, see `saved_files`.
        code: see `Script`.

    Returns:
        A `Ported`: `text`; `changes`, each with `line`, `old` and `new`; `notes`, each with `line`,
        `text` and `by_hand`; and the edits.

    Raises:
        SyntaxError: the text is not Python 3.

    >>> port("from bert4keras.backend import K, batch_gather\\n").text
    'from kerasx.backend import K\\nfrom kerasx.ops import batch_gather\\n'
    """
    script = Script(text, code)
    names = Bindings(script)
    note_packages(script)
    if concerns_keras(names):
        rewrite_imports(script, names)
        rewrite_uses(script, names)
        rewrite_weight_files(script, names, saved)
        rewrite_calls(script, names, comes_from_bert4keras(script))
        rewrite_keras_habits(script, names)
        rewrite_layer_arguments(script, names)
        rewrite_optimizer_wrappers(script, names)
        rewrite_generators(script, names)
        rewrite_training_phase(script, names)
        rewrite_adversarial_training(script, names)
        rewrite_added_losses(script, names)
        note_what_is_gone(script, names)
    edits = script.finish()
    changes = [Change(script.line(e.start), e.old, e.new) for e in edits if e.old or e.new]
    return Ported(apply(text, edits), changes, sorted(script.notes), edits)


def saved_files(text, code=None):
    """Return the names of the files of weights and models that a script saves."""
    script = Script(text, code)
    names = Bindings(script)
    return rewrite_weight_files(script, names) if concerns_keras(names) else set()


_LIBRARIES = {"bert4keras", "keras", "kerasx"}


def concerns_keras(names):
    """Return whether a script uses Keras: imports it, or all names of another file."""
    modules = {canonical(module) for module in [*names.names.values(), *names.stars]}
    attributes = (x for x in ast.walk(names.script.tree) if isinstance(x, ast.Attribute))
    used = any(names.meaning(x) == "keras" for x in attributes)  # tf.keras
    return used or bool(names.stars or {module.split(".")[0] for module in modules} & _LIBRARIES)
