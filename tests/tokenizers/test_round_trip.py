"""Sentences of real documentation come back from their ids, more often than in transformers."""

import itertools

import pytest

from benchmarks import round_trip
from tests.tokenizers.test_spacing import CASES

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def described():
    sentences = list(round_trip.english(round_trip.descriptions()))
    return round_trip.compare(sentences[::4], round_trip.VOCAB)


def test_english_documentation_comes_back(described):
    share = round_trip.summary("descriptions", described)
    assert len(described) > 300
    assert share["kerasx"] > 0.9 > 0.5 > share["transformers"]


def test_where_only_transformers_is_right_there_were_spaces_around_a_dash_or_stroke(described):
    worse = [text for text, ours, theirs in described if theirs == text != ours]
    assert len(worse) <= len(described) / 200
    assert all(" - " in text or " / " in text for text in worse)


def test_on_no_text_of_people_transformers_is_better(tmp_path):
    texts = [text for text in CASES if text.isascii()]
    rows = round_trip.compare(texts, round_trip.VOCAB)
    assert len(rows) == len(texts) and all(ours == text for text, ours, _ in rows)
    assert sum(theirs == text for text, _, theirs in rows) < len(rows) / 2


def test_chinese_comes_back(tmp_path):
    texts = list(itertools.islice(round_trip.chinese_generated(40), 300))
    texts += [text for text in CASES if not text.isascii() and "《" in text or "的" in text]
    rows = round_trip.compare(texts, round_trip.chinese_vocabulary(texts, tmp_path))
    assert len(rows) == len(texts) and all(ours == text for text, ours, _ in rows)
