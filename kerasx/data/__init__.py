"""Data pipelines: batches of few shapes, and corpora. NumPy only, but Keras's datasets."""

import importlib

from kerasx.data.batches import Batches
from kerasx.data.buckets import bucket_lengths
from kerasx.data.corpus import write_corpus
from kerasx.data.data_generator import DataGenerator
from kerasx.data.masking import MaskTokens
from kerasx.data.objectives import CorruptSpans, SentenceOrder, SplitSource
from kerasx.data.packed_corpus import PackedCorpus
from kerasx.data.padding import sequence_padding
from kerasx.data.parallel import parallel_apply
from kerasx.data.row_random import RowRandom
from kerasx.data.validation import check_ids, check_labels

__all__ = [
    "Batches",
    "BucketDataset",
    "CorpusDataset",
    "CorruptSpans",
    "DataGenerator",
    "MaskTokens",
    "PackedCorpus",
    "RowRandom",
    "SentenceOrder",
    "SplitSource",
    "bucket_lengths",
    "check_ids",
    "check_labels",
    "parallel_apply",
    "sequence_padding",
    "write_corpus",
]
_WITH_KERAS = {"BucketDataset": "dataset", "CorpusDataset": "corpus_dataset"}


def __getattr__(name):
    if name in _WITH_KERAS:
        return getattr(importlib.import_module(f"kerasx.data.{_WITH_KERAS[name]}"), name)
    raise AttributeError(f"module 'kerasx.data' has no attribute '{name}'")


def __dir__():
    return list(__all__)
