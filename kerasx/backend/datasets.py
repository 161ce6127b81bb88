"""Datasets of the backend out of Python generators."""

import keras


def has_datasets():
    """Return whether the backend is TensorFlow, whose datasets Keras can share among devices."""
    return keras.backend.backend() == "tensorflow"


def dataset_of(examples, types, shapes, batch_size, padded):
    """Return a tf.data.Dataset of batches.

    Args:
        examples: function that returns an iterator of examples.
        types, shapes: dtypes and shapes of an example, tuples and dicts arranged as it.
        batch_size: examples of a batch.
        padded: pad with zeros to `shapes`, or where these are None to the longest.
    """
    import tensorflow as tf

    from_generator = tf.data.Dataset.from_generator
    if padded:
        return from_generator(examples, output_types=types).padded_batch(batch_size, shapes)
    return from_generator(examples, output_types=types, output_shapes=shapes).batch(batch_size)
