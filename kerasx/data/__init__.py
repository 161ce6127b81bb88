"""Data pipelines. Importing this loads NumPy only; `BucketDataset` loads Keras when first used."""

import importlib

from kerasx.data.batches import Batches
from kerasx.data.buckets import Batch, bucket_lengths, padding_ratio, plan_batches
from kerasx.data.collate import collate
from kerasx.data.data_generator import DataGenerator
from kerasx.data.padding import sequence_padding, truncate_sequences
from kerasx.data.parallel import parallel_apply, parallel_apply_generator
from kerasx.data.validation import check_finite, check_ids, check_labels

__all__ = [
    "Batch",
    "Batches",
    "BucketDataset",
    "DataGenerator",
    "bucket_lengths",
    "check_finite",
    "check_ids",
    "check_labels",
    "collate",
    "padding_ratio",
    "parallel_apply",
    "parallel_apply_generator",
    "plan_batches",
    "sequence_padding",
    "truncate_sequences",
]


def __getattr__(name):
    if name == "BucketDataset":
        return importlib.import_module("kerasx.data.dataset").BucketDataset
    raise AttributeError(f"module 'kerasx.data' has no attribute '{name}'")


def __dir__():
    return list(__all__)
