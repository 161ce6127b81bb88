"""Rewrite method calls and arguments that Keras 3 refuses or kerasx calls otherwise."""

import ast

from kerasx.port.arguments import (
    add_argument,
    argument,
    drop_arguments,
    given,
    name_argument,
    rename_argument,
)

# positional arguments of Keras 2's methods after the generator, and the method that is left
_GENERATORS = {
    "fit_generator": (
        "fit",
        "steps_per_epoch epochs verbose callbacks validation_data validation_steps class_weight "
        "max_queue_size workers use_multiprocessing shuffle initial_epoch",
    ),
    "evaluate_generator": (
        "evaluate",
        "steps callbacks max_queue_size workers use_multiprocessing",
    ),
    "predict_generator": ("predict", "steps callbacks max_queue_size workers use_multiprocessing"),
}
_QUEUE = (
    "max_queue_size",
    "max_q_size",
    "workers",
    "nb_worker",
    "use_multiprocessing",
    "pickle_safe",
)
_PREDICTS = ("predict", "predict_on_batch", "evaluate", "train_on_batch", "test_on_batch")
# attributes of a tokenizer in the first versions
_TOKENS = {
    "_token_cls": "_token_start",
    "_token_cls_id": "_token_start_id",
    "_token_sep": "_token_end",
    "_token_sep_id": "_token_end_id",
}
# learning rates of Keras 2 where none is given, other than 1e-3
_RATES = {f"keras.optimizers.{name}": "1e-2" for name in ("Adagrad", "SGD")}
_RATES |= {"keras.optimizers.Adadelta": "1.0", "keras.optimizers.Nadam": "2e-3"}
_RATES |= {"keras.optimizers.Adamax": "2e-3"}
_BUILDERS = ("build_transformer_model", "build_bert_model", "load_pretrained_model")


def rewrite_calls(script, names, from_bert4keras):
    """Rewrite the calls of a script.

    Args:
        script: a `Script`.
        names: its `Bindings`.
        from_bert4keras: bool, whether the script still imports bert4keras; what bert4keras means
            by a value, kerasx may mean otherwise.
    """
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call):
            _rewrite_method(script, names, node)
            if names.meaning(node.func) == "keras.callbacks.ModelCheckpoint":
                _drop_period(script, node)
            _rewrite_optimizer(script, names, node)
            if from_bert4keras:
                _rewrite_bert4keras(script, names, node)
        elif isinstance(node, ast.Attribute):
            _rewrite_rate(script, names, node)
            if from_bert4keras and node.attr in _TOKENS:
                script.edit_name(node, _TOKENS[node.attr])


def _rewrite_method(script, names, call):
    if not isinstance(call.func, ast.Attribute):
        return
    method = call.func.attr
    if method in _GENERATORS:
        _rewrite_generator(script, call, method)
    elif method in ("fit", "evaluate", "predict"):
        drop_arguments(script, call, *_QUEUE)
    if method == "fit":
        rename_argument(script, call, "nb_epoch", "epochs")
    if method in _PREDICTS:
        for value in call.args[:1] + [k.value for k in call.keywords if k.arg == "x"]:
            _rewrite_nested_lists(script, names, value)
    if method in ("save", "save_weights"):
        drop_arguments(script, call, "save_format")
    if method == "get_output_at" and len(call.args) == 1:
        _rewrite_output_at(script, names, call)
    if method == "get_input_at":
        script.by_hand(
            call,
            "get_input_at is gone. Keep the tensor that you gave the layer, or write "
            "`layer.input` where it was called once.",
        )


def _rename_method(script, call, new):
    script.edit_name(call.func, new)


def _rewrite_generator(script, call, method):
    new, order = _GENERATORS[method]
    _rename_method(script, call, new)
    rename_argument(script, call, "generator", "x")
    rename_argument(script, call, "nb_epoch", "epochs")
    rename_argument(script, call, "nb_val_samples", "validation_steps")
    rename_argument(script, call, "val_samples", "steps")
    rename_argument(script, call, "samples_per_epoch", "steps_per_epoch")
    for value, name in zip(call.args[1:], order.split()):
        if isinstance(value, ast.Starred):
            script.by_hand(value, f"Name the arguments: {new} has them in another order.")
            break
        name_argument(script, call, value, name)
        if name in _QUEUE:
            script.by_hand(value, f"Drop this argument: Keras 3 has no {name}.")
    drop_arguments(script, call, *_QUEUE)


def _rewrite_nested_lists(script, names, value):
    """Rewrite [[ids], [segments]] to [np.array([ids]), np.array([segments])]."""
    if isinstance(value, ast.Name):
        values = names.values.get(value.id, [])
        value = values[0] if len(values) == 1 else value
    items = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", ())
    batches = [item for item in items if _is_batch(item)]
    if batches:
        for item in batches:
            span, old = script.span(item), script.source(item)
            script.insert(span[0], "np.array(", old, f"np.array({old})", span)
            script.insert(span[1], ")", "", "", span)
        names.want("import numpy as np")


def _is_batch(node):
    """Return whether an expression is a list of one example or more, but no list of numbers."""
    items = node.elts if isinstance(node, ast.List) else []
    return bool(items) and not any(isinstance(x, ast.Constant) for x in items)


def _rewrite_output_at(script, names, call):
    start, stop = script.span(call)[0], script.span(call.func)[1] - len(call.func.attr)
    end = script.text.rindex(".", start, stop)
    index = script.item_span(call, call.args[0])[0]
    old, layer = script.source(call), script.source(call.func.value)
    new = f"output_at({layer}, {script.source(call.args[0])})"
    script.insert(start, "output_at(", old, new, script.span(call))
    script.edit(end, index, ", ", "", "")
    names.want("from kerasx.backend import output_at")


def _drop_period(script, call):
    period = argument(call, "period")
    if period is None:
        return
    if isinstance(period.value, ast.Constant) and period.value.value == 1:
        drop_arguments(script, call, "period")
    else:
        script.by_hand(period, "Write `save_freq`, which counts batches, or 'epoch', for period.")


# optimizers


def _rewrite_optimizer(script, names, call):
    if not _is_optimizer(names, call.func):
        return
    rename_argument(script, call, "lr", "learning_rate")
    for keyword in call.keywords:
        if keyword.arg is None:
            _rewrite_settings(script, names, keyword.value)
    decay = argument(call, "decay")
    if decay and isinstance(decay.value, ast.Constant) and not decay.value.value:
        drop_arguments(script, call, "decay")
    elif decay:
        rate = given(call, 0, "lr") or given(call, 0, "learning_rate")
        shown = script.source(rate) if rate else _RATES.get(names.meaning(call.func), "1e-3")
        script.by_hand(
            call,
            "decay is gone. Write `learning_rate=keras.optimizers.schedules.InverseTimeDecay("
            f"{shown}, 1, {script.source(decay.value)})`.",
        )
    epsilon = argument(call, "epsilon")
    if epsilon and isinstance(epsilon.value, ast.Constant) and epsilon.value.value is None:
        drop_arguments(script, call, "epsilon")


def _is_optimizer(names, node, depth=0):
    """Return whether calling an expression makes an optimizer: Adam, or what extends it."""
    meaning = names.meaning(node)
    module, _, name = meaning.rpartition(".")
    if module in ("keras.optimizers", "bert4keras.optimizers", "kerasx.optimizers"):
        return name[:1].isupper()
    if isinstance(node, ast.Call):
        maker = names.meaning(node.func)
        return maker.rpartition(".")[2].startswith("extend_with_")
    values = names.values.get(getattr(node, "id", ""), []) if depth < 9 else []
    return any(_is_optimizer(names, value, depth + 1) for value in values)


def _rewrite_settings(script, names, node):
    """Rename the key 'lr' of a dict that an optimizer gets by **."""
    values = names.values.get(getattr(node, "id", ""), [node])
    for value in values:
        for key in value.keys if isinstance(value, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == "lr":
                quote = script.source(key)[0]
                script.replace(key, f"{quote}learning_rate{quote}")
        if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "dict":
            rename_argument(script, value, "lr", "learning_rate")


def _rewrite_rate(script, names, node):
    """Rewrite model.optimizer.lr to model.optimizer.learning_rate."""
    if node.attr != "lr":
        return
    owner = node.value
    values = names.values.get(getattr(owner, "id", ""), [])
    made = any(isinstance(v, ast.Call) and _is_optimizer(names, v.func) for v in values)
    if made or (isinstance(owner, ast.Attribute) and owner.attr == "optimizer"):
        script.edit_name(node, "learning_rate")


# arguments of bert4keras


def _rewrite_bert4keras(script, names, call):
    module, _, name = names.meaning(call.func).rpartition(".")
    if module.startswith("bert4keras.") and name in _BUILDERS:
        _rewrite_builder(script, call, name)
    elif module.startswith("bert4keras.") and name == "SimpleTokenizer":
        if not argument(call, "do_lower_case") and len(call.args) < 2:
            add_argument(script, call, "do_lower_case=True")
    elif module.startswith("bert4keras.") and name == "load_vocab":
        rename_argument(script, call, "startwith", "startswith")
    elif module.startswith("bert4keras.") and name == "sequence_padding":
        rename_argument(script, call, "padding", "value")
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("encode", "tokenize"):
        rename_argument(script, call, "max_length", "maxlen")
        if argument(call, "first_length") or argument(call, "second_length"):
            script.by_hand(
                call,
                "encode takes one length. Write `maxlen=...`, or cut the ids: "
                "`tokenizer.encode(first)[0][:n]`.",
            )
    if names.meaning(call.func).endswith(".AutoRegressiveDecoder.set_rtype"):
        _rename_method(script, call, "wraps")
        for value in call.args[:1]:
            name_argument(script, call, value, "default_rtype")


def _rewrite_builder(script, call, name):
    rename_argument(script, call, "keep_words", "keep_tokens")
    rename_argument(script, call, "checkpoint_file", "checkpoint_path")
    for keyword in call.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        lowered = value.lower() if isinstance(value, str) else None
        if keyword.arg == "model" and lowered == "roberta":
            script.replace(keyword.value, "'bert'")
        elif keyword.arg == "application" and lowered == "seq2seq":
            script.replace(keyword.value, "'unilm'")
        elif keyword.arg == "seq2seq" and name != "build_transformer_model":
            _replace_flag(script, call, keyword, value, "application='unilm'")
        elif keyword.arg == "albert" and name != "build_transformer_model":
            _replace_flag(script, call, keyword, value, "model='albert'")


def _replace_flag(script, call, keyword, value, text):
    """Write a flag of the first versions as today's argument, or drop it where it is off."""
    if value is True:
        script.replace(keyword, text)
    elif value is False:
        drop_arguments(script, call, keyword.arg)
    else:
        script.by_hand(call, f"Write `{text}` where {keyword.arg} was true.")
