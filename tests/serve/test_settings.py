"""Settings of requests are checked, and rounded to few settings."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.serve import Limits
from kerasx.serve.server_limits import Invalid
from kerasx.serve.settings import settings_of

pytestmark = pytest.mark.once

LIMITS = Limits(max_new_tokens=100)
REQUEST = dict(
    strategy="sampling",
    n=1,
    width=None,
    temperature=1.0,
    top_k=None,
    top_p=None,
    max_new_tokens=None,
)


def settings(**changes):
    return settings_of(SimpleNamespace(**{**REQUEST, **changes}), LIMITS)


@given(st.integers(1, 100), st.floats(1e-9, 2), st.integers(1, 10**30), st.floats(1e-9, 1))
def test_rounding_respects_the_maximum_moves_little_and_not_again(new, temperature, top_k, top_p):
    asked = dict(max_new_tokens=new, temperature=temperature, top_k=top_k, top_p=top_p)
    rounded = settings(**asked)
    assert 0.5 * new <= rounded.max_new_tokens <= new
    assert abs(rounded.temperature - temperature) <= 0.1 and rounded.temperature > 0
    assert 0.7 <= rounded.top_k / top_k <= 1.5
    assert abs(rounded.top_p - top_p) <= 0.05 and 0 < rounded.top_p <= 1
    again = {name: getattr(rounded, name) for name in asked}
    assert settings(**again) == rounded


def test_there_are_few_combinations():
    found = {settings(temperature=i / 1000).temperature for i in range(1, 2001)}
    assert found == {i / 10 for i in range(1, 21)}
    assert len({settings(max_new_tokens=i).max_new_tokens for i in range(1, 101)}) == 11


def test_what_a_strategy_does_not_have_makes_no_difference():
    changes = dict(temperature=0.5, top_k=3, top_p=0.2)
    assert settings(strategy="greedy", **changes) == settings(strategy="greedy", width=2)
    assert settings(strategy="beam", **changes) == settings(strategy="beam")
    assert settings(width=2) == settings(width=3)


@pytest.mark.parametrize(
    "field, changes",
    [
        ("max_new_tokens", dict(max_new_tokens=101)),
        ("width", dict(strategy="beam", width=9)),
        ("n", dict(strategy="beam", width=2, n=3)),
        ("n", dict(strategy="greedy", n=2)),
        ("n", dict(n=9)),
    ],
)
def test_too_much_is_named(field, changes):
    with pytest.raises(Invalid, match="must be at most") as error:
        settings(**changes)
    assert error.value.field == field


def test_there_are_as_many_beams_as_alternatives_asked_for_and_four_if_allowed():
    assert [settings(strategy="beam", n=n).width for n in (1, 4, 6)] == [4, 4, 6]
    request = SimpleNamespace(**{**REQUEST, "strategy": "beam"})
    assert settings_of(request, Limits(max_alternatives=2)).width == 2


@pytest.mark.parametrize("changes", [dict(queue=0), dict(max_batch=1.5), dict(timeout=-1)])
def test_limits_are_positive(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        Limits(**changes)
