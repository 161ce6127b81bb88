"""Data pipelines of few shapes: NumPy only, but `BucketDataset` loads Keras when it is used."""

import importlib

from kerasx.data.batches import Batches
from kerasx.data.buckets import bucket_lengths
from kerasx.data.data_generator import DataGenerator
from kerasx.data.padding import sequence_padding
from kerasx.data.parallel import parallel_apply
from kerasx.data.validation import check_ids, check_labels

__all__ = [
    "Batches",
    "BucketDataset",
    "DataGenerator",
    "bucket_lengths",
    "check_ids",
    "check_labels",
    "parallel_apply",
    "sequence_padding",
]


def __getattr__(name):
    if name == "BucketDataset":
        return importlib.import_module("kerasx.data.dataset").BucketDataset
    raise AttributeError(f"module 'kerasx.data' has no attribute '{name}'")


def __dir__():
    return list(__all__)
