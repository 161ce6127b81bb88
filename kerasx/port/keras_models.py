"""Tell which expressions of a script are Keras models."""

import ast

MODEL_MAKERS = (
    *("keras.Model", "keras.models.Model", "keras.layers.Model", "keras.Sequential"),
    *("keras.models.Sequential", "keras.models.load_model", "keras.models.model_from_json"),
)
# functions of bert4keras, of all versions, that return a model
BUILDERS = (".build_transformer_model", ".build_bert_model", ".load_pretrained_model")
_OTHERS = ("vec", "w2v", "lda", "tfidf", "fasttext", "torch")  # in names of other models


def is_model(names, node, seen=frozenset()):
    """Return whether an expression is a Keras model, as far as the script tells.

    Where it does not, as for a parameter, a name that ends in `model` is taken for one.
    """
    if isinstance(node, ast.Call):
        return _makes_model(names, node, seen)
    name = getattr(node, "id", None) or getattr(node, "attr", "")
    if (type(node), name) in seen:
        return None
    inner = seen | {(type(node), name)}
    values = (names.values if isinstance(node, ast.Name) else names.attributes).get(name, [])
    named = name.lower().endswith("model") and not any(x in name.lower() for x in _OTHERS)
    if isinstance(node, ast.Attribute) and node.attr in ("encoder", "decoder"):
        named = bool(seen)  # model = bert.encoder
    told = [is_model(names, value, inner) for value in values]
    if True in told or (values and None not in told):
        return True in told
    return named and "." in (names.resolve(node) or ".")


def _makes_model(names, call, seen):
    """Return whether a call makes a Keras model, or None where nobody knows."""
    meaning = names.meaning(call.func)
    if meaning in MODEL_MAKERS or meaning.endswith(BUILDERS):
        return True
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
    if (ast.Call, name) in seen:
        return None
    bases = [base for made in names.classes.get(name, []) for base in made.bases]
    if bases:
        return any(names.meaning(base) in MODEL_MAKERS for base in bases)
    made = names.functions.get(name, [])
    returned = [value for function in made for value in returned_values(function)]
    found = [is_model(names, x, seen | {(ast.Call, name)}) for x in returned]
    if returned:
        return True in found
    return False if meaning else None  # of another package


def returned_values(function):
    """Return what a function of the script returns."""
    returns = (x for x in ast.walk(function) if isinstance(x, ast.Return) and x.value)
    return [x.value for x in returns]
