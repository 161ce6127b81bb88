"""Say what to write instead of what reached into Keras 2's or TensorFlow 1's training."""

import ast

from kerasx.port.added_loss import added_loss_axes
from kerasx.port.fgm import is_fgm
from kerasx.port.keras_models import is_model
from kerasx.port.script import imported_modules

_PENALTY = """The gradient inside a loss is gone. Drop this function, name the loss and write
    from kerasx.training import gradient_penalty
    model.compile(loss='sparse_categorical_crossentropy', optimizer=..., metrics=...)
    gradient_penalty(model, 'Embedding-Token', epsilon=1)"""
_VAT = """The training function is gone. Drop this function and write
    from kerasx.training import virtual_adversarial_training
    virtual_adversarial_training(model, 'Embedding-Token', epsilon=1, xi=10, from_logits=False)
and give the rows without labels no weight in the loss itself; in a callback of another model's fit:
    self.model  # on JAX, reading it hands the weights in training to other models
    model.train_on_batch(x, y, sample_weight=np.zeros(len(y)))"""
_FGM = """The training function is gone. Drop this and write, after compile,
    from kerasx.training import adversarial_training
    adversarial_training(model, 'Embedding-Token', epsilon=0.5)  # steps=3 for PGD"""
_INTEGRATED = """A gradient inside a layer is gone. Drop this layer, its model and the loop:
    from kerasx.probing import integrated_gradients
    inputs = [np.array([token_ids]), np.array([segment_ids])]
    found = integrated_gradients(model, inputs, label, steps=20)
    scores = np.abs(found.tokens[0])  # a score for each token"""
_GRADIENTS = """K.gradients is gone. For a function of the variables write
    from kerasx.backend import value_and_grad
    value, grads = value_and_grad(function)(variables)"""
_PHASE = """K.learning_phase is gone. In a layer use the argument `training` of its
    def call(self, inputs, training=None):
and call a model by `model(x, training=True)`."""
_SESSION = "Drop it: Keras 3 has no session and no graph; KERAS_BACKEND chooses the backend."
_TRAIN_FUNCTION = """The training function is a private matter of Keras 3. Override
    def train_step(self, data):
of a keras.Model, or attach one of kerasx.training's functions to the model."""
_METRICS = """Write a keras.metrics.Metric as a layer's attribute, and call its `update_state` in
`call`, or pass a function to `compile(metrics=...)`."""
_ADDED_LOSS = """Keras 3 takes no symbolic loss. Write, before compile,
    class AddedLoss(kerasx.layers.Loss):
        def compute_loss(self, inputs, mask=None):
            return inputs[-1]
    {model} = keras.models.Model({model}.inputs, AddedLoss(0)({model}.outputs + [{loss}]))"""
_VERSION = "Drop the comparison: kerasx has what bert4keras 0.11.5 has."
_TENSORFLOW = (
    "Functions of TensorFlow run with KERAS_BACKEND=tensorflow only; those of K and keras.ops, "
    "which have nearly all of them, run on every backend."
)
_UPDATES = "Override an optimizer's `update_step(self, gradient, variable, learning_rate)`."
_LOAD_VARIABLE = "A checkpoint is a mapping from names to arrays: write `checkpoint[name]`."
_LAMBDA = (
    "The saved model holds Lambda layers, whose code Keras 3 loads only by "
    "`load_model(path, safe_mode=False)`; load only files that you wrote."
)
_EVERY_OTHER = (
    "A Lambda that takes every other row needs its shape on JAX and PyTorch, where Keras 3 tries "
    "it with an odd number of rows: `Lambda(function, output_shape=(size,))`."
)

_KERAS_BERT = """This package is for Keras 2. Write
    from kerasx.models import build_transformer_model
    from kerasx.tokenizers import Tokenizer
    model = build_transformer_model(config_path, checkpoint_path)
    tokenizer = Tokenizer(dict_path, do_lower_case=True)
    token_ids, segment_ids = tokenizer.encode(text, maxlen=128)"""
_KERAS_CONTRIB = """This package is for Keras 2. Write
    from kerasx.layers import ConditionalRandomField
    crf = ConditionalRandomField()
    model = keras.Model(inputs, crf(scores))  # scores of a Dense layer without activation
    model.compile(loss=crf.sparse_loss, optimizer='adam', metrics=[crf.sparse_accuracy])"""
_BERT4TORCH = (
    "This package is for PyTorch without Keras. Write `from kerasx.models import "
    "build_transformer_model`, which takes the same files, and Keras's `compile` and `fit`."
)
_PACKAGES = {
    "bert4torch": _BERT4TORCH,
    "keras_bert": _KERAS_BERT,
    "keras_contrib": _KERAS_CONTRIB,
    "keras_layer_normalization": "Write `from kerasx.layers import LayerNormalization`.",
    "keras_radam": "Write `from kerasx.optimizers import Adam`, which corrects its bias.",
    **dict.fromkeys(
        ("kashgari", "keras_embed_sim", "keras_multi_head", "keras_self_attention", "keras_trans"),
        "This package is for Keras 2 only: write its layer on keras.ops.",
    ),
}
_DIM_ORDERING = "Write `keras.backend.set_image_data_format('channels_last')`, or _first."
_WEIGHTS = "Drop it: a layer tracks what add_weight makes, and the layers among its attributes."
_VALIDATION = "Keras 3 gives callbacks no validation_data: hand it to their __init__."
_CHANGED = {"trainable_weights": _WEIGHTS, "metrics_names": _METRICS}
_PREDICT = {
    "predict_classes": "Write `{model}.predict({x}).argmax(axis=-1)`, or `> 0.5` of a sigmoid.",
    "predict_proba": "Write `{model}.predict({x})`.",
}

_FUNCTIONS = {
    "bert4keras.__version__": _VERSION,
    "keras.backend._get_available_gpus": "Write `keras.distribution.list_devices('gpu')`.",
    "keras.backend.get_session": _SESSION,
    "keras.backend.gradients": _GRADIENTS,
    "keras.backend.learning_phase": _PHASE,
    "keras.backend.image_dim_ordering": _DIM_ORDERING,
    "keras.backend.set_image_dim_ordering": _DIM_ORDERING,
    "keras.backend.set_learning_phase": _PHASE,
    "keras.backend.set_session": _SESSION,
    "tensorflow.Session": _SESSION,
    "tensorflow.InteractiveSession": _SESSION,
    "tensorflow.ConfigProto": _SESSION,
    "tensorflow.get_default_graph": _SESSION,
    "tensorflow.get_default_session": _SESSION,
    "tensorflow.global_variables_initializer": _SESSION,
    "tensorflow.gradients": _GRADIENTS,
    "tensorflow.train.load_variable": _LOAD_VARIABLE,
}
_ATTRIBUTES = {
    "_make_train_function": _TRAIN_FUNCTION,
    "_make_predict_function": "Drop it: a model makes it when it predicts.",
    "_make_test_function": "Drop it: a model makes it when it evaluates.",
    "_collected_trainable_weights": "Write `model.trainable_weights`.",
    "_non_trainable_weights": _WEIGHTS,
    "_trainable_weights": _WEIGHTS,
    "_feed_inputs": _TRAIN_FUNCTION,
    "_feed_sample_weights": _TRAIN_FUNCTION,
    "_feed_targets": _TRAIN_FUNCTION,
    "get_updates": _UPDATES,
    "metrics_tensors": _METRICS,
    "output_mask": "Write `layer.compute_mask(layer.input)`.",
    "total_loss": _TRAIN_FUNCTION,
}
_METHODS = {"add_metric": _METRICS}
# what a loss or a layer computes with, under the names of TensorFlow 1 and 2
_MATHS = {
    f"tensorflow.{name}"
    for name in """
        abs argmax cast clip_by_value concat cumsum einsum equal exp expand_dims eye gather greater
        less log matmul maximum minimum multiply not_equal one_hot ones ones_like pad range
        reduce_max reduce_mean reduce_min reduce_sum reshape shape sigmoid softmax split sqrt
        square squeeze stack tile transpose where zeros zeros_like
    """.split()
}


def note_packages(script):
    """Note the first import of each package that is for Keras 2 or PyTorch alone."""
    told = set()
    for node in ast.walk(script.tree):
        roots = {module.split(".")[0] for module in imported_modules(node)}
        for root in sorted(roots & _PACKAGES.keys() - told):
            script.by_hand(node, f"{root}: {_PACKAGES[root]}")
            told.add(root)


def note_what_is_gone(script, names):
    """Note each place of a script that has to be written anew.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    told = _note_recipes(script, names)
    for node in ast.walk(script.tree):
        if not isinstance(node, (ast.Attribute, ast.Name)) or _inside(script, node, told):
            continue
        text = _FUNCTIONS.get(names.meaning(node))
        if isinstance(node, ast.Attribute) and not text:
            text = _attribute(script, names, node)
            called = getattr(script.parents[node], "func", None) is node
            text = text or (_method(script, names, node) if called else None)
        if text:
            script.by_hand(node, f"{script.source(node)}: {text}")
    _note_tensorflow(script, names)
    _note_lambdas(script, names)


def _attribute(script, names, node):
    """Return the advice about an attribute, or None."""
    of_self = getattr(node.value, "id", "") == "self"
    parent = script.parents[node]
    changed = isinstance(node.ctx, ast.Store) or getattr(parent, "attr", "") in ("append", "extend")
    if node.attr in _CHANGED and changed:
        return _CHANGED[node.attr]
    if node.attr == "validation_data" and of_self and node.attr not in names.attributes:
        return _VALIDATION if any("Callback" in x for x in _bases(script, names, node)) else None
    if node.attr in ("targets", "sample_weights") and is_model(names, node.value):
        return _TRAIN_FUNCTION
    return _ATTRIBUTES.get(node.attr) if not (of_self and node.attr == "total_loss") else None


def _method(script, names, node):
    """Return the advice about a method that is called, or None."""
    of_self = getattr(node.value, "id", "") == "self" or isinstance(node.value, ast.Call)
    if node.attr == "add_loss" and not of_self:
        if added_loss_axes(script, names, script.parents[node]):
            return None
        losses = ", ".join(script.source(x) for x in script.parents[node].args)
        return _ADDED_LOSS.format(model=script.source(node.value), loss=losses)
    if node.attr in _PREDICT and is_model(names, node.value):
        x = script.source(script.parents[node].args[0]) if script.parents[node].args else "x"
        return _PREDICT[node.attr].format(model=script.source(node.value), x=x)
    if of_self and any(name.endswith(".layers.Loss") for name in _bases(script, names, node)):
        return None  # kerasx's Loss has it
    return _METHODS.get(node.attr)


def _bases(script, names, node):
    around = script.enclosing(node, ast.ClassDef)
    return [names.meaning(base) for base in around.bases] if around else []


def _note_tensorflow(script, names):
    """Note the first function of TensorFlow that a script computes with."""
    for node in ast.walk(script.tree):
        called = isinstance(node, ast.Call) and names.meaning(node.func)
        if called and (
            called in _MATHS or called.startswith(("tensorflow.nn.", "tensorflow.math."))
        ):
            script.note(node, f"{script.source(node.func)}: {_TENSORFLOW}")
            return


def _inside(script, node, told):
    return any(around in told for around in script.ancestors(node))


def _note_recipes(script, names):
    """Note functions and classes that kerasx has in one line; return them."""
    told = set()
    for node in ast.walk(script.tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not _inside(script, node, told):
            text = _recipe(script, names, node)
            if text:
                told.add(node)
            if text and not (isinstance(node, ast.FunctionDef) and is_fgm(script, names, node)):
                script.by_hand(node, f"{node.name}: {text}")
    return told


def _recipe(script, names, node):
    inner = list(ast.walk(node))
    called = {names.meaning(x.func) for x in inner if isinstance(x, ast.Call)}
    touched = {x.attr for x in inner if isinstance(x, ast.Attribute)}
    gradients = bool({"keras.backend.gradients", "tensorflow.gradients"} & called)
    if isinstance(node, ast.ClassDef):
        if gradients and any(getattr(x, "name", "") == "call" for x in node.body):
            return _INTEGRATED
        attack = {"backup", "restore", "attack"} & {getattr(x, "name", "") for x in node.body}
        return _FGM if attack and node.name.upper() in ("FGM", "PGD", "FGSM") else None
    parameters = {a.arg for a in node.args.args}
    if "train_function" in touched and gradients:
        return _VAT if {"xi", "iters"} & parameters else _FGM
    return _PENALTY if gradients and {"y_true", "y_pred"} <= parameters else None


def _note_lambdas(script, names):
    called = [(names.meaning(x.func), x) for x in ast.walk(script.tree) if isinstance(x, ast.Call)]
    lambdas = any(meaning == "keras.layers.Lambda" for meaning, _ in called)
    for meaning, call in called:
        safe = any(k.arg == "safe_mode" for k in call.keywords)
        if meaning == "keras.models.load_model" and lambdas and not safe:
            script.by_hand(call, _LAMBDA)
        if meaning == "keras.layers.Lambda" and _takes_every_other_row(names, call):
            script.note(call, _EVERY_OTHER)


def _takes_every_other_row(names, call):
    """Return whether the function of a Lambda slices rows in steps, and its shape is not given."""
    shaped = len(call.args) > 1 or any(k.arg == "output_shape" for k in call.keywords)
    given = [*call.args, *(k.value for k in call.keywords if k.arg == "function")][:1]
    made = [names.functions.get(getattr(x, "id", ""), x) for x in given]
    made = [one for x in made for one in (x if isinstance(x, list) else [x])]
    slices = [x for one in made for x in ast.walk(one) if isinstance(x, ast.Subscript)]
    return not shaped and any(getattr(x.slice, "step", None) for x in slices)
