"""The distributions of JAX: where each weight is cut, and which rows of a batch a device takes.

Keras divides the rows of a batch before the compiled step, by the layout of the first batch of an
epoch: an incomplete last one fails. Here a batch comes whole to each device, and the step takes the
rows of each device from it, unless they do not divide: then each device takes all. As the program
is global, both are exact. Token ids are small, so that this costs nothing.
"""

import logging
import re

import keras
from keras.distribution import LayoutMap, ModelParallel, TensorLayout

from kerasx.backend.keras_internals import layout
from kerasx.checks import invalid

BATCH, MODEL = "batch", "model"  # the axes of a mesh


class Cut(ModelParallel):
    """A distribution that cuts batches by rows, and weights where `cut_axis` says.

    Args:
        mesh: keras.distribution.DeviceMesh, with the axis "batch" first.
        sharded_data: whether the data has only the rows of its own process.
    """

    def __init__(self, mesh, sharded_data=False):
        # Keras's own sharding of data reads tf.data only
        super().__init__(layout_map=LayoutMap(mesh), batch_dim_name=BATCH, auto_shard_dataset=False)
        self.sharded_data = sharded_data and self.num_processes > 1
        if self.sharded_data and self.num_model_replicas % self.num_processes:
            raise invalid(
                "`sharded_data` must be False where processes share a copy of the model, and so "
                "the rows of a batch.",
                copies=self.num_model_replicas,
                processes=self.num_processes,
            )
        self.prepared = False  # whether `prepare` was called: a model that divides its batches

    def declare(self, rules):
        """Take the rules of a builder; only `ModelAxis` has a use for them."""

    def check(self, variables):
        """Raise if the variables of a model are not cut as they are here."""
        for variable in variables:
            axis, place, _ = self.cut_axis(variable.path, variable.shape)
            expected = self._placed(variable.shape, place, axis)
            if layout(variable).axes != expected.axes:
                raise invalid(
                    "The model must be built inside the context in which it is used: a weight "
                    "is cut otherwise.",
                    path=variable.path,
                    cut=layout(variable).axes,
                    cut_here=expected.axes,
                )

    def cut_axis(self, path, shape):
        """Return (axis of the mesh, axis of the weight to cut or None, the reason)."""
        return None, None, "whole"

    def get_data_layout(self, data_shape):
        if not self.prepared:
            self.prepared = True  # one line
            logging.getLogger("kerasx").warning(
                "No model was made ready by prepare(model), which divides batches among the "
                "devices: each of them computes whole batches."
            )
        if self.sharded_data:
            return super().get_data_layout(data_shape)
        return self._placed(data_shape)

    def get_variable_layout(self, variable):
        if layout(variable) is not None:
            return layout(variable)
        axis, place, _ = self.cut_axis(variable.path, variable.shape)
        return self._placed(variable.shape, place, axis)

    def divide(self, batch):
        """Return the batch with its rows divided among the devices, where they divide."""
        return keras.tree.map_structure(self._divided, batch)

    def join(self, outputs):
        """Return outputs that every device, and so every process, has all rows of."""
        return keras.tree.map_structure(
            lambda x: keras.distribution.distribute_tensor(x, self._placed(x.shape)), outputs
        )

    def _divided(self, x):
        shape = getattr(x, "shape", ())
        if not len(shape) or shape[0] % self.num_model_replicas:
            return x
        return keras.distribution.distribute_tensor(x, self._placed(shape, 0, BATCH))

    def _placed(self, shape, place=None, axis=None):
        axes = [axis if i == place else None for i in range(len(shape))]
        return TensorLayout(axes, self.device_mesh)


class FullyCut(Cut):
    """Each matrix is cut along its largest axis that divides; vectors are whole."""

    def cut_axis(self, path, shape):
        devices = self.num_model_replicas
        places = [i for i, n in enumerate(shape) if n % devices == 0 and n > 1]
        if len(shape) < 2 or not places:
            return None, None, "a vector" if len(shape) < 2 else f"no axis divides by {devices}"
        return BATCH, max(places, key=lambda i: shape[i]), "the largest axis"


class ModelAxis(Cut):
    """Weights are cut along the model axis by the rules of their builder, and by `rules` first.

    Args:
        mesh: keras.distribution.DeviceMesh with the axes "batch" and "model".
        rules: {pattern of whole paths: the axis to cut, or None to leave the weight whole}.
    """

    def __init__(self, mesh, rules=None, **options):
        super().__init__(mesh, **options)
        self.size = mesh.shape[mesh.axis_names.index(MODEL)]
        self.rules = {pattern: (axis, None, None) for pattern, axis in (rules or {}).items()}
        self.matched = set()

    def declare(self, rules):
        self.rules |= {k: v for k, v in rules.items() if k not in self.rules}

    def check(self, variables):
        super().check(variables)
        paths = [v.path for v in variables]
        unmatched = [pattern for pattern in self.rules if pattern not in self.matched]
        cut = [x for x in paths if any(re.fullmatch(pattern, x) for pattern in self.rules)]
        if unmatched or not cut:
            raise invalid(
                "Every layout rule must match the whole path of a weight, and one must match "
                "weights of this model. Correct `rules`, override `layout_rules` of your builder, "
                "or use fully_sharded, which needs no rules.",
                unmatched=unmatched,
                paths=paths,
            )

    def cut_axis(self, path, shape):
        matching = [pattern for pattern in self.rules if re.fullmatch(pattern, path)]
        self.matched.update(matching)
        if not matching:
            return None, None, "no rule"
        place, name, count = self.rules[matching[0]]
        if place is None:
            return None, None, matching[0]
        sizes = {} if name is None else {name: count}
        sizes |= {"shape": shape[place] if -len(shape) <= place < len(shape) else None}
        for what, size in sizes.items():
            if not size or size % self.size:
                raise invalid(
                    f"`{what}` must be a multiple of the {self.size} devices of the model axis: "
                    f"{path} is cut along its axis {place}. Use a smaller `model`, or rules="
                    f"{{{path!r}: None}}, which leaves the weight whole.",
                    **{what: size},
                    **{f"{path}.shape": tuple(shape)},
                )
        return MODEL, place % len(shape), matching[0]
