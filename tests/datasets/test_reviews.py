"""Generated reviews are reproducible, distinct, and labelled by their words."""

import re
from collections import Counter

import pytest

from kerasx.datasets import generate_reviews
from kerasx.datasets.reviews import SUBJECTS

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def reviews():
    return generate_reviews(5000, seed=3)


def test_no_review_is_an_empty_list():
    assert generate_reviews(0) == []


@pytest.mark.parametrize("arguments", [(-1,), (1.5,), ("3",), (1, None)])
def test_a_bad_count_or_seed_is_refused(arguments):
    with pytest.raises(ValueError, match="Received: (n|seed)="):
        generate_reviews(*arguments)


def test_a_shorter_list_is_the_start_of_a_longer_one(reviews):
    assert generate_reviews(100, seed=3) == reviews[:100]


def test_no_text_comes_twice_nor_one_that_is_excluded(reviews):
    texts = {review.text for review in reviews}
    assert len(texts) == len(reviews)
    more = generate_reviews(1000, seed=3, exclude=texts)
    assert not texts & {review.text for review in more}


def test_both_sentiments_and_all_subjects_occur_often(reviews):
    assert 0.45 < sum(review.sentiment for review in reviews) / len(reviews) < 0.55
    counts = Counter(subject for review in reviews for subject in review.subjects)
    assert set(counts) == set(SUBJECTS) and min(counts.values()) > 1000
    assert {len(review.subjects) for review in reviews} == {1, 2, 3, 4}


def test_the_subjects_are_those_that_the_text_names(reviews):
    for review in reviews:
        for subject, (topics, _, _, *whole) in SUBJECTS.items():
            named = any(words in review.text for words in (*topics.split(), *whole))
            assert named == (subject in review.subjects), review


def praises(clause):
    """Return whether a clause praises the subject that it names; None if it names no subject."""
    for topics, praise, *_ in SUBJECTS.values():
        found = re.match(f"({topics.replace(' ', '|')})(.*?)({praise.replace(' ', '|')})?$", clause)
        if found:
            denied = found[2].startswith(("不", "一点也不", "并不", "谈不上", "算不上"))
            return (found[3] is not None) != denied
    return None


def test_of_two_halves_that_disagree_the_conjunction_says_which_counts(reviews):
    checked = 0
    for review in reviews:
        halves = re.split("，(但是|不过|尽管|就算)", review.text)
        if len(halves) == 3:
            counts, other = (2, 0) if halves[1] in ("但是", "不过") else (0, 2)
            for half, expected in ((counts, review.sentiment), (other, 1 - review.sentiment)):
                clauses = re.split("[，。]|虽然", halves[half])
                found = {praises(clause) for clause in clauses} - {None}
                assert found <= {bool(expected)}, review
                checked += len(found)
    assert checked > 2000
