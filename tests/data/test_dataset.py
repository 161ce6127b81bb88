"""`BucketDataset` under `fit`: what reaches the model is recorded by a metric."""

import tracemalloc

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.data import BucketDataset, DataGenerator, sequence_padding
from kerasx.data.dataset import EpochDataset

EXAMPLES = [([i % 7 + 1] * (1 + i % 23), i) for i in range(43)]
BUCKETS = [8, 24]


class Trail(keras.metrics.Metric):
    """Metric that records how often each example came, and the number of its last step."""

    def __init__(self):
        super().__init__(name="trail")
        examples = len(EXAMPLES)
        self.step = self.add_weight(shape=(), initializer="zeros", name="step")
        self.last_step = self.add_weight(shape=(examples,), initializer="zeros", name="last_step")
        self.count = self.add_weight(shape=(examples,), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        rows = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self.count.shape[0])
        present = ops.sum(rows, axis=0)
        self.step.assign(self.step + 1.0)
        self.last_step.assign(self.last_step + present * self.step)
        self.count.assign(self.count + present)

    def result(self):
        return ops.convert_to_tensor(self.step)


def embedder():
    tokens = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(10, 2)(tokens)
    return keras.Model([tokens], keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x)))


def recorded(dataset, epochs=2, initial_epoch=0, callbacks=(), shuffle=False, **options):
    """Fit a model; return (counts, last steps) of all examples for each epoch."""
    trail, epochs_seen = Trail(), []

    def record(epoch, logs):
        values = (trail.count, trail.last_step)
        epochs_seen.append([ops.convert_to_numpy(v).astype(int).tolist() for v in values])

    model = embedder()
    model.compile("sgd", "mse", metrics=[trail])
    model.fit(
        dataset,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=shuffle,
        verbose=0,
        callbacks=[*callbacks, keras.callbacks.LambdaCallback(on_epoch_end=record)],
        **options,
    )
    return epochs_seen


WORKERS = {
    "none": dict(),
    "threads": dict(workers=4, max_queue_size=3),
    "processes": dict(workers=2, use_multiprocessing=True),
}


@pytest.fixture(scope="module")
def two_epochs():
    return recorded(BucketDataset(EXAMPLES, 8, buckets=BUCKETS))


def test_no_examples_are_refused_before_compile():
    with pytest.raises(ValueError, match="no examples in"):
        BucketDataset([])


@pytest.mark.parametrize("workers", WORKERS)
def test_each_example_comes_once_per_epoch_in_the_same_order_with_any_workers(workers, two_epochs):
    epochs = recorded(BucketDataset(EXAMPLES, 8, buckets=BUCKETS, **WORKERS[workers]))
    assert all(count == [1] * len(EXAMPLES) for count, _ in epochs)
    assert epochs == two_epochs


def test_epochs_are_ordered_differently(two_epochs):
    assert two_epochs[0] != two_epochs[1]


def test_a_later_epoch_is_resumed_in_the_same_order(two_epochs):
    assert (
        recorded(BucketDataset(EXAMPLES, 8, buckets=BUCKETS, epoch=1), epochs=1) == two_epochs[1:]
    )


def test_the_callback_takes_over_the_epoch_of_fit(two_epochs):
    dataset = BucketDataset(EXAMPLES, 8, buckets=BUCKETS)
    follow = keras.callbacks.LambdaCallback(on_epoch_begin=dataset.set_epoch)
    epochs = recorded(dataset, epochs=2, initial_epoch=1, callbacks=[follow])
    assert epochs == two_epochs[1:]


def test_validation_does_not_advance_the_epoch_of_the_training_data():
    dataset, validation = (
        BucketDataset(EXAMPLES, 8, buckets=BUCKETS, shuffle=shuffle) for shuffle in (True, False)
    )
    recorded(dataset, validation_data=validation)
    assert dataset.epoch == 2


def test_shuffling_by_fit_changes_the_order_of_batches_only():
    epochs = recorded(BucketDataset(EXAMPLES, 8, buckets=BUCKETS), shuffle=True)
    assert all(count == [1] * len(EXAMPLES) for count, _ in epochs)


def test_an_error_in_a_worker_reaches_the_caller():
    for options in WORKERS.values():
        dataset = BucketDataset(EXAMPLES, 8, buckets=BUCKETS, num_classes=3, **options)
        with pytest.raises(ValueError, match="`y` must be in"):
            [dataset[i] for i in range(len(dataset))]


def test_batches_asked_for_in_any_order_are_the_same():
    plain, ahead = (BucketDataset(EXAMPLES, 4, **WORKERS[w]) for w in ("none", "threads"))
    for i in (5, 5, 2, 9, 0, 10, 3):
        for expected, array in zip(plain[i], ahead[i]):
            np.testing.assert_array_equal(array, expected)


def test_a_batch_beyond_the_end_is_an_index_error():
    with pytest.raises(IndexError):
        BucketDataset(EXAMPLES, 4)[11]


@pytest.mark.parametrize("data", [EXAMPLES[:1], EXAMPLES[:2]])
def test_a_single_batch_trains(data):
    model = embedder()
    model.compile("sgd", "mse")
    logs = model.fit(BucketDataset(data, batch_size=8), verbose=0).history
    assert np.isfinite(logs["loss"][0])


def test_filled_batches_train_with_weights():
    model = embedder()
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    logs = model.fit(BucketDataset(EXAMPLES, 8, buckets=BUCKETS, tail="fill"), verbose=0).history
    assert np.isfinite(logs["loss"][0])


def test_several_named_inputs_and_outputs_train():
    tokens = keras.Input((None,), dtype="int32", name="Input-Token")
    segments = keras.Input((None,), dtype="int32", name="Input-Segment")
    x = keras.layers.Embedding(10, 2)(tokens) + keras.layers.Embedding(2, 2)(segments)
    tags = keras.layers.Dense(4, name="tags")(x)
    label = keras.layers.Dense(1, name="label")(keras.layers.GlobalAveragePooling1D()(x))
    model = keras.Model([tokens, segments], {"tags": tags, "label": label})
    tag_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-100)
    model.compile("sgd", {"tags": tag_loss, "label": "mse"})
    data = [
        (
            {"Input-Token": ids, "Input-Segment": [0] * len(ids)},
            {"tags": [1] * len(ids), "label": [0.5]},
        )
        for ids, _ in EXAMPLES
    ]

    dataset = BucketDataset(
        data, 8, buckets=BUCKETS, label_pad={"tags": -100}, vocab_size={"Input-Token": 10}
    )
    assert dataset[0][1]["label"].shape == (8, 1)
    assert np.isfinite(model.fit(dataset, verbose=0).history["loss"][0])


def test_predictions_are_restored_to_the_order_of_the_examples():
    model = embedder()
    dataset = BucketDataset([(x,) for x, _ in EXAMPLES], batch_size=8, buckets=[23], shuffle=False)
    outputs = dataset.restore(model.predict(dataset, verbose=0))
    expected = model.predict(sequence_padding([x for x, _ in EXAMPLES], 23), verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_predictions_of_a_shuffled_dataset_are_not_restored():
    with pytest.raises(ValueError, match="`shuffle` must be False"):
        BucketDataset(EXAMPLES).restore(np.zeros(43))


class Pairs(DataGenerator):
    """Generator in the style of bert4keras: padded to the longest of a batch, lists of arrays."""

    def __iter__(self, random=False):
        token_ids, labels = [], []
        for is_end, (ids, label) in self.sample(random):
            token_ids.append(ids)
            labels.append([label])
            if len(token_ids) == self.batch_size or is_end:
                yield [sequence_padding(token_ids)], sequence_padding(labels)
                token_ids, labels = [], []


def test_a_bert4keras_generator_fits_and_predicts():
    longest_first = [*[([1] * 24, i) for i in range(16)], *EXAMPLES[16:]]
    generator = Pairs(longest_first, batch_size=8)
    trail = Trail()
    model = embedder()
    model.compile("sgd", "mse", metrics=[trail])
    model.fit(generator.forfit(random=False), steps_per_epoch=len(generator), verbose=0)
    assert ops.convert_to_numpy(trail.count).tolist() == [1] * len(EXAMPLES)
    assert len(model.predict(generator.fortest(), steps=len(generator), verbose=0)) == len(EXAMPLES)


@pytest.mark.parametrize("workers", [dict(), dict(workers=2, use_multiprocessing=True)], ids=str)
def test_batches_passed_over_are_not_made(workers):
    examples = [([1 + i % 5], i) for i in range(40)]
    dataset = BucketDataset(examples, 4, buckets=[4], **workers)
    dataset.pass_over(6)
    passed = [dataset[i] for i in (9, 0, 1, 2, 3, 4)]
    assert all(batch is passed[0] for batch in passed)
    assert np.array_equal(dataset[5][1], dataset.batches.load(0, 5)[1])
    dataset.set_epoch(1)
    assert np.array_equal(dataset[0][1], dataset.batches.load(1, 0)[1])
    with pytest.raises(ValueError, match="`steps` must be"):
        dataset.pass_over(11)


class Keys(EpochDataset):
    """Dataset whose batches are their epoch and number."""

    def __init__(self, steps, **options):
        self.steps = steps
        super().__init__(lambda epoch, i: (epoch, i), **options)

    def __len__(self):
        return self.steps

    def read(self, batches):
        """Read an epoch of so many batches, as `fit` does."""
        self.on_epoch_begin()
        found = [self[i] for i in range(batches)]
        self.on_epoch_end()
        return found


@pytest.mark.once
@pytest.mark.parametrize("skipped", [0, 1, 3, 5])
def test_whole_epochs_after_a_skip_serve_each_batch_once(skipped):
    dataset = Keys(5, epoch=2)
    dataset.skip(skipped)
    found = [key for _ in range(3) for key in dataset.read(5)]
    assert found == [(2 + i // 5, i % 5) for i in range(skipped, skipped + 15)]


@pytest.mark.once
def test_after_the_rest_of_an_epoch_the_next_one_begins_at_its_first_batch():
    dataset = Keys(5)
    dataset.skip(3)
    assert dataset.read(2) == [(0, 3), (0, 4)]
    assert dataset.read(5) == [(1, i) for i in range(5)] and dataset.epoch == 2


@pytest.mark.once
def test_an_epoch_of_many_batches_takes_little_memory():
    dataset = Keys(100_000)
    tracemalloc.start()
    for i in range(len(dataset)):
        dataset[i]
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000


def test_a_digest_tells_orders_from_others():
    def digest(lengths=(3, 5, 2, 2), **options):
        return BucketDataset([([1] * n, n) for n in lengths], 2, **options).digest()

    assert digest() == digest() and len(digest()) == 64
    others = [digest((3, 5, 2, 3)), digest(seed=1), digest(tail="drop"), digest(buckets=[6])]
    assert len({digest(), *others, digest(shuffle=False)}) == 6
    assert digest(tail="drop") == digest(tail="drop", shard=(1, 2))  # of the batches of all
