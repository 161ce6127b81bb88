"""One of the processes that test_jax.py starts: trains in several ways, and prints the results."""

import json
import sys

import keras
import numpy as np

from kerasx import backend
from kerasx.data import BucketDataset
from kerasx.distribution import check_layouts, data_parallel, fully_sharded, model_parallel
from tests.distribution.tiny import language_model, rows

IDS = np.concatenate([ids for _, ids in rows(steps=3)])
ARRAYS = [IDS, np.zeros_like(IDS)]


def dataset(**options):
    """Return batches of 8 rows of ids; the rows of one length in each, in a drawn order."""
    examples = [((ids, ids * 0),) for ids in IDS.tolist()]
    return BucketDataset(examples, 8, buckets=[10], tail="drop", **options)


def trained(data, context, count=24):
    """Return the losses of two epochs, what is evaluated and predicted, and bytes on a device."""
    with context:
        model = language_model(keras.optimizers.Adam(1e-3))
        loss = model.fit(data, epochs=2, batch_size=8, shuffle=False, verbose=0).history["loss"]
        arrays = [x[:count] for x in ARRAYS]
        loss.append(model.evaluate(arrays, batch_size=8, verbose=0))
        outputs = model.predict(arrays, batch_size=8, verbose=0)
        size = check_layouts(model).bytes
    return {"loss": loss, "outputs": outputs[:, :3, :4].tolist(), "bytes": size}


def refused(data, **options):
    """Return the error of training."""
    try:
        trained(data, data_parallel(**options))
    except ValueError as error:
        return str(error)


def whole_batches():
    return trained(dataset(), data_parallel())


def own_rows():
    own = (backend.process_index(), backend.process_count())
    return trained(dataset(shard=own), data_parallel(sharded_data=own[1] > 1))


def arrays_that_do_not_divide():
    return trained(ARRAYS, data_parallel(), count=19)


def cut_weights():
    return trained(dataset(), fully_sharded())


def cut_by_rules():
    context = model_parallel(2) if backend.process_count() > 1 else data_parallel()
    return trained(dataset(), context)


def refusals():
    process = backend.process_index()
    keras.utils.set_random_seed(process)
    return [
        refused(dataset(shard=(process, 2))),
        refused(dataset(), sharded_data=True),
        refused(ARRAYS, sharded_data=True),
        refused(dataset(seed=process)),
    ]


if __name__ == "__main__":
    data_parallel()  # starts jax.distributed, as the environment asks
    print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}))
