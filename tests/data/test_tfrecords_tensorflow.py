"""TFRecords that TensorFlow itself wrote."""

import keras
import numpy as np
import pytest

from kerasx.data import write_corpus
from kerasx.data.tfrecords import integer_lists, read_records
from tests.data.corpora import TEXTS, arrays_of, save_corpus, tokenizer

if keras.backend.backend() != "tensorflow":
    pytest.skip("written by TensorFlow", allow_module_level=True)

import tensorflow as tf


def save_records(path, rows, compression=None):
    """Write rows of {name: ids} as bert4keras's pretraining did."""
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for row in rows:
            lists = {k: tf.train.Int64List(value=v) for k, v in row.items()}
            feature = {k: tf.train.Feature(int64_list=v) for k, v in lists.items()}
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_records_of_tensorflow_are_read(tmp_path, compression):
    tokens, padding = tokenizer(), [0] * 9
    rows = [{"token_ids": tokens.encode(text)[0] + padding} for text in TEXTS]
    rows = [{**row, "mask_ids": [0] * len(row["token_ids"])} for row in rows]
    save_records(tmp_path / "corpus.0.tfrecord", rows, compression)
    write_corpus(tmp_path / "corpus.0.tfrecord", tmp_path / "old", tokens, verbose=0)
    folder, _ = save_corpus(tmp_path, tokens=tokens)
    for one, two in zip(arrays_of(tmp_path / "old"), arrays_of(folder)):
        assert (one == two).all()


def test_all_integers_and_other_lists(tmp_path):
    values = np.array([0, 1, 127, 128, 300, 2**31, 2**62, -1, -(2**63)])
    floats = tf.train.Feature(float_list=tf.train.FloatList(value=[1.5]))
    integers = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    empty = tf.train.Feature(int64_list=tf.train.Int64List())
    feature = {"a": integers, "b": floats, "c": empty}
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(example.SerializeToString())
    with open(tmp_path / "a.tfrecord", "rb") as file:
        found = [integer_lists(record) for record in read_records(file)]
    assert [sorted(lists) for lists in found] == [["a", "c"]]
    assert (found[0]["a"] == values).all() and found[0]["c"].size == 0
