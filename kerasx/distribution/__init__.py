"""Several devices: the same two lines in a script on JAX, TensorFlow and PyTorch.

    with data_parallel():  # all that builds, compiles and fits is inside
        model = build_transformer_model(folder)
        model.compile(optimizer, loss)
        model = prepare(model)
        model.fit(dataset)

On JAX all three contexts work, in one process or on several hosts; TensorFlow and PyTorch have
data parallelism.
"""

from kerasx.backend import (
    barrier,
    broadcast_object,
    gather_objects,
    in_first_process,
    is_first_process,
    process_count,
    process_index,
)
from kerasx.distribution.contexts import data_parallel, fully_sharded, model_parallel
from kerasx.distribution.layout_table import check_layouts
from kerasx.distribution.preparing import prepare

__all__ = [
    "barrier",
    "broadcast_object",
    "check_layouts",
    "data_parallel",
    "fully_sharded",
    "gather_objects",
    "in_first_process",
    "is_first_process",
    "model_parallel",
    "prepare",
    "process_count",
    "process_index",
]
