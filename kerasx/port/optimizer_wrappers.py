"""Rewrite the optimizers around optimizers of bert4keras 0.2 to 0.4 as extended classes.

`PiecewiseLinearLearningRate(Adam(1e-4), {1000: 1})` becomes
`extend_with_piecewise_linear_lr(Adam)(1e-4, lr_schedule={1000: 1})`.
"""

import ast

from kerasx.port.arguments import argument, end_of_arguments
from kerasx.port.names import NAMES

# wrapper: the function that extends a class, its argument, and the wrapper's
WRAPPERS = {
    "bert4keras.train.PiecewiseLinearLearningRate": (
        *("extend_with_piecewise_linear_lr", "lr_schedule", "schedule"),
    ),
    "bert4keras.train.GradientAccumulation": (
        *("extend_with_gradient_accumulation", "grad_accum_steps", "steps_per_update"),
    ),
}


def rewrite_optimizer_wrappers(script, names):
    """Rewrite the calls of the wrappers, or note them.

    Args:
        script: a `Script`.
        names: its `Bindings`.
    """
    for call in ast.walk(script.tree):
        wrapper = names.meaning(call.func) if isinstance(call, ast.Call) else None
        if wrapper in WRAPPERS:
            given = argument(call, WRAPPERS[wrapper][2])
            setting = given.value if given else next(iter(call.args[1:2]), None)
            made = call.args[0] if call.args else None
            plain = isinstance(made, ast.Call) and names.meaning(made.func) not in WRAPPERS
            if plain and setting is not None and len(call.args) + len(call.keywords) == 2:
                _rewrite(script, names, call, made, given or setting, WRAPPERS[wrapper][:2])
            else:
                script.by_hand(call, NAMES[wrapper][1])


def _rewrite(script, names, call, made, setting, extension):
    extend, name = extension
    optimizer = script.source(made.func)
    start, maker = script.span(call)[0], script.span(made.func)
    new = f"{extend}({optimizer})(...)"
    script.edit(start, maker[0], f"{extend}(", script.source(call), new)
    script.insert(maker[1], ")", "", "", maker)
    value = setting.value if isinstance(setting, ast.keyword) else setting
    place, comma = end_of_arguments(script, made)
    script.edit(place, script.item_span(call, value)[0], f"{comma}{name}=", "", "")
    names.want(f"from kerasx.optimizers import {extend}")
