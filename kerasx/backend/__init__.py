"""Code that differs between TensorFlow, JAX and PyTorch: no other room imports one of them."""

import keras

from kerasx.backend import legacy as K
from kerasx.backend.autodiff import take_rows, value_and_grad
from kerasx.backend.compiling import compiled, traced, write_slots
from kerasx.backend.divisors import divided, report_divisor, reported_divisors, weighed
from kerasx.backend.dtypes import mask_value, wide_dtype, widened
from kerasx.backend.filling import fill, room
from kerasx.backend.gathering import take_places
from kerasx.backend.gelu import named_gelu, set_gelu
from kerasx.backend.graph import output_at, search_layer
from kerasx.backend.kernels import normalize, plain_attention, sparse_cross_entropy, sum_above
from kerasx.backend.layouts import (
    all_rows,
    check_made_inside,
    cut_array,
    declare_layouts,
    join_processes,
    layout_of_slot,
    on_host,
    own_rows,
)
from kerasx.backend.process_steps import check_batch, share_variables
from kerasx.backend.processes import (
    barrier,
    broadcast_object,
    gather_objects,
    in_all_processes,
    in_any_process,
    in_first_process,
    is_first_process,
    process_count,
    process_index,
    whole_array,
    whole_variables,
    write_in_first_process,
)
from kerasx.backend.recompute import recompute, recompute_grad
from kerasx.backend.replica_optimizers import (
    assign_where_replicas_meet,
    only_first,
    run_if,
    run_on_replicas,
    sum_over_replicas,
)
from kerasx.backend.replica_scope import ProcessData, devices_in_scope, made_outside, replica_scope
from kerasx.backend.replicas import (
    gather_replicas,
    in_process_group,
    keras_loss_factor,
    mean_of_all,
    mean_over_replicas,
    replica_count,
    replica_index,
    seeds_of_replica,
)
from kerasx.backend.reshaping import flatten, reshape
from kerasx.backend.scan import scan
from kerasx.backend.synchrony import check_synchronised
from kerasx.backend.train_step import test_step, train_step
from kerasx.backend.updates import (
    InPlace,
    add_scaled,
    dense,
    mean_square,
    root_ratio,
    value_at_build,
)

# names for users; the rest serves the other rooms
__all__ = [
    "K",
    "keras",
    "output_at",
    "recompute_grad",
    "search_layer",
    "set_gelu",
    "value_and_grad",
]
