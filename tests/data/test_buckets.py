from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.data.buckets import bucket_lengths, plan_batches

pytestmark = pytest.mark.backend_free
# Each twentieth of the lengths of 16,883 Chinese product reviews, cut at 256 characters.
REVIEW_LENGTHS = [3, 18, 24, 31, 35, 40, 44, 49, 55, 62, 70]
REVIEW_LENGTHS += [79, 92, 103, 127, 156, 171, 181, 189, 233, 256]
lengths_of_examples = st.lists(st.integers(0, 60), min_size=1, max_size=60)


def padded_tokens(lengths, buckets):
    return sum(min(b for b in buckets if b >= n) for n in lengths)


@pytest.mark.parametrize("lengths", [[], [-1], [1.5], [[1]]])
def test_lengths_must_be_a_list_of_counts(lengths):
    with pytest.raises(ValueError, match="lengths"):
        bucket_lengths(lengths)
    with pytest.raises(ValueError, match="lengths"):
        plan_batches(lengths, 2, [8])


@pytest.mark.parametrize("argument", ["max_buckets", "multiple", "maxlen"])
def test_bucket_arguments_below_one_are_refused(argument):
    with pytest.raises(ValueError, match=argument):
        bucket_lengths([3], **{argument: 0})


def test_one_example_has_one_bucket():
    assert bucket_lengths([3]).tolist() == [8]
    assert bucket_lengths([0]).tolist() == [8]


def test_the_last_bucket_is_at_most_maxlen():
    assert bucket_lengths([3, 300], multiple=8, maxlen=250).tolist() == [8, 250]


@settings(max_examples=100, deadline=None)
@given(lengths_of_examples, st.integers(1, 4), st.sampled_from([1, 8]))
def test_no_choice_of_buckets_pads_less(lengths, max_buckets, multiple):
    lengths = [n % 12 for n in lengths] if multiple == 1 else lengths  # few enough to try all
    buckets = bucket_lengths(lengths, max_buckets, multiple)
    candidates = sorted({max(-(-n // multiple), 1) * multiple for n in lengths})
    best = min(
        padded_tokens(lengths, (*some, candidates[-1]))
        for k in range(max_buckets)
        for some in combinations(candidates[:-1], k)
    )
    assert padded_tokens(lengths, buckets) == best
    assert len(buckets) <= max_buckets and (np.diff(buckets) > 0).all()


@settings(max_examples=100, deadline=None)
@given(lengths_of_examples, st.integers(1, 7), st.booleans(), st.integers(0, 3))
def test_each_example_comes_once_in_a_batch_that_holds_it(lengths, batch_size, shuffle, epoch):
    buckets = bucket_lengths(lengths, 3)
    batches = plan_batches(lengths, batch_size, buckets, shuffle, epoch=epoch)
    served = np.concatenate([b.indices for b in batches])
    assert sorted(served) == list(range(len(lengths)))
    assert all(lengths[i] <= b.length for b in batches for i in b.indices)
    assert len(batches) == -(-len(lengths) // batch_size)


@settings(max_examples=100, deadline=None)
@given(lengths_of_examples, st.integers(1, 7), st.sampled_from(["partial", "fill", "drop"]))
def test_shapes_are_the_same_in_every_epoch_and_few(lengths, batch_size, tail):
    batch_size = min(batch_size, len(lengths))
    buckets = bucket_lengths(lengths, 3)
    epochs = [
        plan_batches(lengths, batch_size, buckets, epoch=epoch, tail=tail) for epoch in (0, 1)
    ]
    shapes = [sorted((len(b.indices), b.length) for b in batches) for batches in epochs]
    if tail == "drop":  # which examples are left out, and so which buckets are full, varies
        assert len(shapes[0]) == len(shapes[1])
    else:
        assert shapes[0] == shapes[1]
    assert len(set(shapes[0])) <= len(buckets) + (tail == "partial")


@settings(max_examples=50, deadline=None)
@given(lengths_of_examples, st.integers(1, 7), st.booleans())
def test_first_two_batches_differ_in_length_if_any_do(lengths, batch_size, shuffle):
    batches = plan_batches(lengths, batch_size, bucket_lengths(lengths, 4), shuffle)
    if len({b.length for b in batches}) > 1:
        assert batches[0].length != batches[1].length


def plan(**options):
    lengths = np.random.default_rng(1).integers(1, 100, 200)
    return [b.indices.tolist() for b in plan_batches(lengths, 8, [32, 64, 104], **options)]


def test_order_depends_only_on_seed_and_epoch():
    assert plan(seed=3, epoch=2) == plan(seed=3, epoch=2)
    assert plan(seed=3, epoch=2) != plan(seed=3, epoch=1)
    assert plan(seed=3, epoch=2) != plan(seed=4, epoch=2)
    np.random.seed(5)
    assert plan() == plan()


def test_unshuffled_batches_are_the_same_in_every_epoch():
    assert plan(shuffle=False, epoch=0) == plan(shuffle=False, epoch=5)


def test_members_of_batches_change_between_epochs():
    assert {frozenset(b) for b in plan(epoch=0)} != {frozenset(b) for b in plan(epoch=1)}


def test_fill_repeats_examples_behind_the_real_ones():
    batches = plan_batches([1, 1, 1, 1, 1], 4, [8], tail="fill")
    assert [len(b.indices) for b in batches] == [4, 4]
    real = np.concatenate([b.indices[: b.count] for b in batches])
    assert sorted(real) == [0, 1, 2, 3, 4]


def test_drop_leaves_out_each_example_equally_often():
    dropped = [
        set(range(5))
        - set(
            np.concatenate(
                [
                    b.indices
                    for b in plan_batches([1, 1, 1, 9, 9], 4, [8, 16], epoch=epoch, tail="drop")
                ]
            ).tolist()
        )
        for epoch in range(500)
    ]
    counts = np.bincount([min(d) for d in dropped], minlength=5)
    assert all(len(d) == 1 for d in dropped)
    assert counts.min() > 60 and counts.max() < 140


@pytest.mark.parametrize("options", [dict(tail="keep"), dict(batch_size=0), dict(tail="drop")])
def test_bad_plan_arguments_are_named(options):
    with pytest.raises(ValueError, match="`tail`|`batch_size`"):
        plan_batches([1, 2], **{"batch_size": 3, "buckets": [8], **options})


def test_reviews_need_little_padding_in_few_shapes():
    places = np.linspace(0, 1, len(REVIEW_LENGTHS))
    lengths = np.interp(np.linspace(0, 1, 16883), places, REVIEW_LENGTHS).astype(int)
    for batch_size in (32, 64):
        batches = plan_batches(lengths, batch_size, bucket_lengths(lengths, 7))
        assert len({(len(b.indices), b.length) for b in batches}) <= 8
        assert sum(b.length * len(b.indices) for b in batches) / lengths.sum() < 1.25
