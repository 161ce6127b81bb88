"""`CorpusDataset`: pure batches, shards, resuming by offset, and `fit` on every backend."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.data import BucketDataset, CorpusDataset, PackedCorpus, RowRandom
from tests.data.corpora import TEXTS, save_corpus, tokenizer

once = pytest.mark.once
BATCH, LENGTH = 4, 8


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    texts = [TEXTS[i % 5][i % 7 :] for i in range(40)]
    folder, _ = save_corpus(tmp_path_factory.mktemp("corpus"), texts, tokenizer())
    return PackedCorpus(folder, LENGTH)


def draw(rows, rng):
    """Transform that adds a random number for each row."""
    return {**rows, "drawn": rng.uniform(1)}


def arrange(batch):
    return batch["token_ids"], batch["drawn"]


def served(dataset, epoch=0):
    """Return ids and random numbers of an epoch."""
    batches = [dataset.load(epoch, step) for step in range(len(dataset))]
    return [np.concatenate(part) for part in zip(*batches)]


def equal(one, other):
    return len(one) == len(other) and all((a == b).all() for a, b in zip(one, other))


@once
def test_a_pass_has_each_row_at_most_once_and_passes_differ(corpus):
    dataset = CorpusDataset(corpus, BATCH, draw, arrange)
    assert len(dataset) == len(corpus) // BATCH > 10
    ids = {tuple(row): i for i, row in enumerate(corpus.rows(range(len(corpus)))["token_ids"])}
    (first, drawn), (second, redrawn) = served(dataset, 0), served(dataset, 1)
    assert len(first) == len(second) == len(dataset) * BATCH
    numbers = [corpus.order(np.arange(len(first)), epoch).tolist() for epoch in (0, 1)]
    assert len(set(numbers[0])) == len(first) and numbers[0] != numbers[1]
    assert all(tuple(row) in ids for row in first)
    assert set(drawn.ravel()).isdisjoint(redrawn.ravel())


@once
@pytest.mark.parametrize("ranks", [2, 4])
def test_shards_make_up_the_whole_batch_in_order(corpus, ranks):
    whole = CorpusDataset(corpus, BATCH, draw, arrange, seed=5)
    shards = [
        CorpusDataset(corpus, BATCH, draw, arrange, seed=5, shard=(r, ranks)) for r in range(ranks)
    ]
    for step in range(len(whole)):
        parts = [shard.load(3, step) for shard in shards]
        assert equal([np.concatenate(part) for part in zip(*parts)], whole.load(3, step))
    assert {shard.digest() for shard in shards} == {whole.digest()}


@once
def test_random_numbers_of_a_row_are_those_of_seed_pass_and_row(corpus):
    dataset = CorpusDataset(corpus, BATCH, draw, arrange, seed=7)
    rows = corpus.order(np.arange(BATCH), epoch=2, seed=7)
    assert (dataset.load(2, 0)[1] == RowRandom(7, 2, rows).uniform(1)).all()


@once
@pytest.mark.parametrize("steps", [3, 1, 50])
def test_epochs_of_any_length_go_on_from_one_another(corpus, steps):
    whole = CorpusDataset(corpus, BATCH, draw, arrange)
    short = CorpusDataset(corpus, BATCH, draw, arrange, steps_per_epoch=steps)
    assert len(short) == steps
    for number in range(0, 2 * len(whole), 7):
        assert equal(short.load(*divmod(number, steps)), whole.load(*divmod(number, len(whole))))


@once
@pytest.mark.parametrize("workers", [1, 3])
def test_skipping_begins_the_epoch_at_a_step(corpus, workers):
    dataset = CorpusDataset(corpus, BATCH, draw, arrange, workers=workers)
    dataset.set_epoch(2)
    dataset.on_epoch_begin()
    dataset.skip(5)
    rest = [dataset[i] for i in range(len(dataset) - 5)]
    assert all(equal(batch, dataset.load(2, i + 5)) for i, batch in enumerate(rest))
    assert equal(dataset[len(dataset) - 5], dataset.load(3, 0))  # what is made too far in advance
    dataset.on_epoch_end()
    assert dataset.epoch == 3 and equal(dataset[0], dataset.load(3, 0))


@once
def test_skipping_reads_nothing_of_what_was_seen(corpus):
    class Counted:
        made = 0
        digest, order, __len__ = corpus.digest, corpus.order, None

        def rows(self, numbers):
            self.made += 1
            return corpus.rows(numbers)

    Counted.__len__ = lambda self: len(corpus)
    counted = Counted()
    dataset = CorpusDataset(counted, BATCH)
    dataset.skip(len(dataset) - 1)
    assert counted.made == 0
    dataset[0]
    assert counted.made == 1


@once
def test_a_bucket_dataset_skips_as_well():
    examples = [([i % 7 + 1] * (1 + i % 23), i) for i in range(43)]
    dataset = BucketDataset(examples, batch_size=4, buckets=[8, 24], epoch=1)
    dataset.on_epoch_begin()
    dataset.skip(3)
    assert all(equal(dataset[i], dataset.batches.load(1, i + 3)) for i in range(len(dataset) - 3))
    dataset.on_epoch_end()
    assert dataset.epoch == 2 and equal(dataset[0], dataset.batches.load(2, 0))


@once
@pytest.mark.parametrize("steps", [-1, 10**6, 1.5])
def test_no_steps_outside_of_an_epoch_are_skipped(corpus, steps):
    with pytest.raises(ValueError, match="`steps` must be an integer in"):
        CorpusDataset(corpus, BATCH).skip(steps)


def other(rows, rng):
    return rows


@once
def test_the_digest_tells_what_changes_batches(corpus):
    options = [
        {},
        {"seed": 1},
        {"batch_size": 8},
        {"transform": draw},
        {"transform": [draw, other]},
        {"transform": functools.partial(draw, rng=1)},
        {"transform": functools.partial(draw, rng=2)},
        {"arrange": arrange},
        {"steps_per_epoch": 3},
        {"shuffle": False},
    ]
    digests = [CorpusDataset(corpus, **{"batch_size": BATCH, **x}).digest() for x in options]
    assert len(set(digests)) == len(digests)
    again = CorpusDataset(corpus, BATCH, workers=2, shard=(1, 2), transform=draw).digest()
    assert again == digests[3]


class Plain:
    """Transform without a `__repr__`."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, rows, rng):
        return rows


@once
def test_the_digest_tells_objects_and_lambdas_by_what_they_do(corpus):
    transforms = [Plain(1), Plain(1), Plain(2), lambda rows, rng: rows, lambda rows, rng: rng]
    digests = [CorpusDataset(corpus, BATCH, x).digest() for x in transforms]
    assert digests[0] == digests[1] and len(set(digests)) == 4


@once
@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 0}, "`batch_size` must be"),
        ({"batch_size": 10**6}, "at most the number of rows"),
        ({"shard": (0, 3)}, "`shard` must be"),
        ({"shard": (2, 2)}, "`shard` must be"),
        ({"seed": -1}, "`seed` must be"),
        ({"seed": 2**64}, "`seed` must be"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch` must be"),
    ],
)
def test_wrong_options_are_errors(corpus, options, message):
    with pytest.raises(ValueError, match=message):
        CorpusDataset(corpus, **{"batch_size": BATCH, **options})


class Seen(keras.metrics.Metric):
    """Metric of the sum of all random numbers that came, each times the number of its step."""

    def __init__(self):
        super().__init__(name="seen")
        self.step = self.add_weight(shape=(), initializer="zeros", name="step")
        self.total = self.add_weight(shape=(), initializer="zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.step.assign(self.step + 1.0)
        self.total.assign(self.total + self.step * ops.sum(ops.cast(y_true, "float32")))

    def result(self):
        return self.total + 0.0


def embedder(corpus):
    tokens = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(corpus.vocab_size, 2)(tokens)
    model = keras.Model(tokens, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    model.compile("sgd", "mse", metrics=[Seen()])
    return model


def test_fit_sees_the_batches_of_each_epoch_in_order(corpus):
    dataset = CorpusDataset(corpus, BATCH, draw, arrange, steps_per_epoch=6, workers=2)
    validation = CorpusDataset(corpus, BATCH, draw, arrange, steps_per_epoch=3, advance=False)
    history = embedder(corpus).fit(
        dataset, epochs=3, shuffle=False, verbose=0, validation_data=validation
    )
    for name, source, epochs in [("seen", dataset, (0, 1, 2)), ("val_seen", validation, (0, 0, 0))]:
        expected = [
            sum((i + 1) * source.load(epoch, i)[1].sum() for i in range(len(source)))
            for epoch in epochs
        ]
        np.testing.assert_allclose(history.history[name], expected, rtol=1e-5)


def test_epochs_of_two_batches_begin_with_the_first(corpus):
    """On TensorFlow Keras reads two batches before training, which are no epoch."""
    dataset = CorpusDataset(corpus, BATCH, draw, arrange, steps_per_epoch=2)
    history = embedder(corpus).fit(dataset, epochs=2, shuffle=False, verbose=0)
    for epoch, found in enumerate(history.history["seen"]):
        expected = sum((i + 1) * dataset.load(epoch, i)[1].sum() for i in range(2))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_grain_datasets_go_straight_into_fit(corpus):
    """Grain reads the rows at random places, shuffles and batches; the model needs nothing else."""
    grain = pytest.importorskip("grain", reason="grain is not installed: pip install grain")

    class Rows:
        def __len__(self):
            return len(corpus)

        def __getitem__(self, i):
            return corpus.rows([i])["token_ids"][0], np.float32([i])

    source = grain.MapDataset.source(Rows()).shuffle(seed=0).batch(BATCH, drop_remainder=True)
    history = embedder(corpus).fit(source.to_iter_dataset(), epochs=2, verbose=0)
    expected = sum((k + 1) * float(source[k][1].sum()) for k in range(len(source)))
    np.testing.assert_allclose(history.history["seen"], [expected] * 2, rtol=1e-5)
