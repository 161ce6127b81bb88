import subprocess
import sys

import numpy as np
import pytest

from kerasx.data import Batches
from kerasx.data.collate import collate
from kerasx.data.leaves import describe

pytestmark = pytest.mark.backend_free


def examples(n=50):
    """Return n examples; example i has the ids i + 1, some times repeated, and the label i."""
    return [([i + 1] * (1 + i % 17), i) for i in range(n)]


def served(batches, epoch=0):
    return [batches.load(epoch, i) for i in range(len(batches))]


def test_importing_the_data_package_loads_no_backend():
    code = (
        "import sys, kerasx.data, kerasx.snippets; "
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples in"):
        Batches([])


def test_an_example_without_tokens_is_named():
    with pytest.raises(ValueError, match="example 1"):
        Batches([([1], 0), ([], 1)])


def test_one_example_is_one_batch():
    x, y = Batches([([4, 5], 1)], batch_size=8).load(0, 0)
    assert x.tolist() == [[4, 5, 0, 0, 0, 0, 0, 0]]
    assert y.tolist() == [1]


def test_a_long_example_is_an_error_unless_it_may_be_cut():
    long = [([1], 0), (list(range(20)), 0)]
    with pytest.raises(ValueError, match="20 in example 1.*truncate=True"):
        Batches(long, maxlen=12)
    batches = Batches(long, batch_size=2, maxlen=12, truncate=True, shuffle=False)
    assert batches.load(0, 0)[0].tolist()[1] == list(range(12))


def test_label_sequences_are_cut_and_padded_like_their_tokens():
    batches = Batches(
        [([1] * 9, [2] * 9), ([1], [2])], 2, maxlen=8, truncate=True, label_pad=-100, shuffle=False
    )
    x, y = batches.load(0, 0)
    assert x.shape == y.shape == (2, 8)
    assert y.tolist() == [[2] * 8, [2] + [-100] * 7]


@pytest.mark.parametrize("tail", ["partial", "fill"])
def test_each_example_is_served_once_per_epoch(tail):
    for epoch in (0, 1):
        count = np.zeros(50)
        for _, y, *weight in served(Batches(examples(), 8, tail=tail), epoch):
            np.add.at(count, y, weight[0] if weight else 1)
        assert (count == 1).all()


def test_batches_have_at_most_max_shapes():
    for max_shapes in (2, 4):
        batches = Batches(examples(), 8, max_shapes=max_shapes, multiple=1)
        assert len({x.shape for x, _ in served(batches)}) == max_shapes


@pytest.mark.parametrize("max_shapes, n", [(0, 48), (1, 50)])
def test_too_few_shapes_are_refused(max_shapes, n):
    with pytest.raises(ValueError, match="`max_shapes`"):
        Batches(examples(n), 8, max_shapes=max_shapes)


def test_ranks_partition_the_examples_in_equal_shapes():
    ranks = [served(Batches(examples(48), 8, shard=(rank, 2), tail="drop")) for rank in (0, 1)]
    assert sorted(y for rank in ranks for _, ys in rank for y in ys) == list(range(48))
    assert [x.shape for x, _ in ranks[0]] == [x.shape for x, _ in ranks[1]]


def test_ranks_of_unequal_shapes_are_refused():
    for options in (dict(tail="partial"), dict(batch_size=9), dict(shard=(2, 2))):
        with pytest.raises(ValueError, match="shard"):
            Batches(examples(), **{"batch_size": 8, "tail": "fill", "shard": (0, 2), **options})


def test_encoding_happens_when_a_batch_is_made():
    seen = []

    def encode(text):
        seen.append(text)
        return [ord(c) for c in text], len(text)

    batches = Batches(["ab", "c"], 2, encode=encode, lengths=[2, 1], shuffle=False)
    assert seen == ["ab"]  # to see how examples are arranged
    assert batches.load(0, 0)[1].tolist() == [2, 1]
    assert seen == ["ab", "ab", "c"]


def test_a_length_that_was_wrong_is_not_cut_silently():
    batches = Batches([([1] * 9, 0)], lengths=[3])
    with pytest.raises(ValueError, match="9 tokens in example 0"):
        batches.load(0, 0)


def test_lengths_must_match_the_examples():
    with pytest.raises(ValueError, match="`lengths`"):
        Batches(examples(3), lengths=[1, 2])


def test_buckets_must_reach_the_longest_example():
    for buckets in ([], [4], [20, 10]):
        with pytest.raises(ValueError, match="`buckets`"):
            Batches(examples(), buckets=buckets)


def test_arrays_are_arranged_like_the_examples():
    x = {"ids": [1, 2], "more": ([3], np.ones((2, 1)))}
    pair = [(x, (1.5, [1, 0])), (x, (2.5, [0, 1]))]
    batch = collate(describe(pair[0]), pair, length=4)
    assert batch[0]["ids"].shape == (2, 4)
    assert [part.shape for part in batch[0]["more"]] == [(2, 4), (2, 4, 1)]
    assert [part.dtype for part in batch[1]] == [np.float32, np.int32]


@pytest.mark.parametrize(
    "pair, match",
    [
        ([([1], 0), ([1],)], "as many parts"),
        ([({"a": [1]}, 0), ({"b": [1]}, 0)], "arranged alike"),
        ([([1], [0]), ([1], [0, 1])], "`y` must have one shape.*label_pad"),
        ([([1], "yes"), ([1], "no")], "numbers"),
        ([([2**31], 0), ([1], 0)], "int32"),
    ],
)
def test_examples_that_do_not_stack_are_refused(pair, match):
    with pytest.raises(ValueError, match=match):
        collate(describe(pair[0]), pair, length=4)


def test_an_example_must_be_a_tuple():
    with pytest.raises(ValueError, match="example 0"):
        Batches([[1, 2, 3]])


@pytest.mark.parametrize(
    "options, match",
    [
        (dict(vocab_size=50), r"`x` must be in \[0, 50\). Received: x=50 in example 49"),
        (dict(num_classes=49), r"`y` must be in \[0, 49\). Received: y=49 in example 49"),
        (dict(vocab_size=(50, 1)), r"`x\[0\]`"),
        (dict(vocab_size=(51, 0)), r"`x\[1\]`"),
        (dict(vocab_size={"ids": 50}), r"`x\['ids'\]`"),
    ],
)
def test_ids_and_labels_out_of_range_are_named_with_their_example(options, match):
    data = examples()
    if isinstance(options.get("vocab_size"), tuple):
        data = [((x, [0] * len(x)), y) for x, y in data]
    if isinstance(options.get("vocab_size"), dict):
        data = [({"ids": x, "types": x}, y) for x, y in data]
    with pytest.raises(ValueError, match=match):
        served(Batches(data, 8, **options))


@pytest.mark.parametrize("option", ["vocab_size", "num_classes", "label_pad"])
@pytest.mark.parametrize("value", [{"typo": 3}, (3, 3, 3)])
def test_options_for_parts_that_are_not_there_are_refused(option, value):
    with pytest.raises(ValueError, match=f"`{option}` must name parts"):
        Batches(examples(), **{option: value})


def test_only_label_sequences_that_are_named_are_cut_and_padded():
    data = [([1] * 9, {"tags": [2] * 9, "kinds": [0] * 10})] * 2
    options = dict(maxlen=8, truncate=True, label_pad={"tags": -1}, num_classes={"tags": 3})
    _, y = Batches(data, 2, **options).load(0, 0)
    assert (y["tags"].shape, y["kinds"].shape) == ((2, 8), (2, 10))


def test_labels_that_are_not_finite_are_named():
    with pytest.raises(ValueError, match="`y` must be finite. Received: y=nan in example 1"):
        served(Batches([([1], 0.0), ([1], float("nan"))]))


def test_fill_multiplies_weights_of_the_examples():
    data = [([1], 0, 0.5)] * 3
    batch = Batches(data, batch_size=2, tail="fill", shuffle=False)
    assert sorted(w for *_, ws in served(batch) for w in ws) == [0, 0.5, 0.5, 0.5]


def test_fill_needs_labels():
    with pytest.raises(ValueError, match="fill"):
        served(Batches([([1],)] * 3, batch_size=2, tail="fill"))


@pytest.mark.parametrize("tail", ["partial", "fill"])
def test_outputs_are_restored_to_the_order_of_the_examples(tail):
    batches = Batches(examples(), 8, shuffle=False, tail=tail)
    outputs = np.concatenate([batch[0].max(axis=1) for batch in served(batches)])
    np.testing.assert_array_equal(batches.restore(outputs), np.arange(50) + 1)


@pytest.mark.parametrize(
    "rows, options", [(49, dict()), (48, dict(tail="drop")), (56, dict(tail="fill", shard=(0, 2)))]
)
def test_outputs_of_some_examples_only_are_not_restored(rows, options):
    with pytest.raises(ValueError, match="`outputs`"):
        Batches(examples(), 8, shuffle=False, **options).restore(np.zeros(rows))
