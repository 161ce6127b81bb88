"""Rewrite `model.add_loss(loss)` of a symbolic loss: Keras 3 adds losses in layers only.

The model is made anew with a layer that takes the loss as its last input and returns the outputs.
"""

import ast

from kerasx.port.keras_models import BUILDERS, MODEL_MAKERS

_LAYER = """class AddedLoss(Loss):
    def compute_loss(self, inputs, mask=None):
        return inputs[-1]

{model} = keras.Model({model}.inputs, AddedLoss({axes})({model}.outputs + ["""


def rewrite_added_losses(script, names):
    """Rewrite the statements that add a symbolic loss to a model made in the script.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for node in ast.walk(script.tree):
        call = node.value if isinstance(node, ast.Expr) else None
        axes = added_loss_axes(script, names, call) if isinstance(call, ast.Call) else None
        if axes is not None:
            _rewrite(script, names, node, call, axes)


def added_loss_axes(script, names, call):
    """Return the outputs of the model that a call adds a loss to, "0" or "[0, 1]".

    Returns None where the call is another one, or the model's outputs are not known.
    """
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    statement = script.parents[call]
    alone = isinstance(statement, ast.Expr) and script.starts_line(statement)
    if method != "add_loss" or len(call.args) != 1 or call.keywords or not alone:
        return None
    owner = call.func.value
    values = names.values if isinstance(owner, ast.Name) else names.attributes
    made = values.get(getattr(owner, "id", getattr(owner, "attr", "")), [])
    counts = {_outputs(names, value) for value in made}
    if len(counts) != 1 or None in counts:
        return None
    (count,) = counts
    return "0" if count == 1 else str(list(range(count)))


def _outputs(names, value):
    """Return how many outputs the model of a call has, or None."""
    if not isinstance(value, ast.Call):
        return None
    meaning = names.meaning(value.func)
    if meaning.endswith(BUILDERS):
        heads = [k for k in value.keywords if k.arg in ("with_pool", "with_nsp", "with_mlm")]
        return 1 if len(heads) < 2 else None
    given = [*value.args[1:2], *(k.value for k in value.keywords if k.arg in ("output", "outputs"))]
    if meaning not in MODEL_MAKERS or len(given) != 1:
        return None
    outputs = given[0]
    if isinstance(outputs, ast.Name):
        known = names.values.get(outputs.id, [])
        outputs = known[-1] if known else outputs
    return len(outputs.elts) if isinstance(outputs, (ast.List, ast.Tuple)) else 1


def _rewrite(script, names, statement, call, axes):
    model, indent = script.source(call.func.value), script.indent(statement)
    text = _LAYER.format(model=model, axes=axes)
    text = text.replace("\n\n", "\n").replace("\n", script.newline + indent)
    old = f"{model}.add_loss(...)"
    start, loss = script.span(call)[0], script.item_span(call, call.args[0])[0]
    script.edit(start, loss, text, old, f"{model} = keras.Model(..., AddedLoss({axes})(...))")
    end = script.span(call)[1]
    script.edit(end - 1, end, "]))", "", "")
    names.want("from kerasx.layers import Loss")
    names.want("import keras")
