"""What tells transforms from others: the same in every process, another for another batch."""

import functools
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from kerasx.data.identity import identity
from kerasx.tokenizers import Tokenizer
from tests.data.corpora import tokenizer

pytestmark = pytest.mark.backend_free


def draw(rows, rng, rate=0.1, table=None):
    return rows


class Plain:
    """Object without a `__repr__`."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def method(self, rows, rng):
        return rows


class Child(Plain):
    pass


@dataclass
class Held:
    function: object


class Digested(Plain):
    def digest(self):
        return str(self.rate)


def closed(rate):
    def transform(rows, rng):
        return rate

    return transform


def lambdas():
    return [lambda rows, rng: rows, lambda rows, rng: rng, lambda rows, rng, k=2: rows]


def numbered_lambdas():
    return [lambda x: x + 1, lambda x: x + 2, lambda x: [lambda: x], lambda x: [lambda: 3]]


def holds_itself(rate):
    value = Plain(rate=rate)
    value.me = value
    return value


def values():
    """Return transforms that make different batches, anew in each call."""
    table, larger = np.zeros(5000), np.eye(1, 5000, 2500)[0]
    return [
        None,
        draw,
        *(functools.partial(draw, **x) for x in ({"rate": 0.1}, {"rate": 0.2}, {"table": table})),
        *(functools.partial(draw, x) for x in ("rows", 0.2, larger, lambda: 3)),
        functools.partial(functools.partial(draw, rate=0.3), table=[1]),
        Plain(),
        Child(),
        *(Plain(rate=x) for x in (0.1, {"a", "b", "c"}, {"a", "b"}, table, larger, draw, np.mean)),
        Plain(inner=Plain(rate=0.1)),
        Plain(inner=[Plain(rate=0.2)], other={"x": Child()}),
        Plain(rate=0.5).method,
        Plain(rate=0.6).method,
        *(Held(x) for x in (draw, Plain(rate=1), *numbered_lambdas())),
        *(Digested(rate=x, lock=threading.Lock()) for x in (0.1, 0.2)),
        *map(closed, (0.1, 0.2, Plain(rate=0.1))),
        *lambdas(),
        *numbered_lambdas(),
        functools.lru_cache(closed(0.7)),
        *map(holds_itself, (1, 2)),
        Plain(tokens=tokenizer()),
        Plain(tokens=tokenizer(["其他"])),
        Plain(tokens=Tokenizer(tokenizer()._token_dict, do_lower_case=False)),
    ]


def test_different_transforms_have_different_identities():
    found = list(map(identity, values()))
    assert len(set(found)) == len(found)
    assert not any("at 0x" in x for x in found)


def test_another_process_finds_the_same():
    script = "from tests.data.test_identity import *\nprint([*map(identity, values())])"
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, check=True, timeout=120, encoding="utf-8")
    assert run.stdout.strip() == str(list(map(identity, values())))


def test_what_a_tokenizer_has_seen_does_not_count():
    tokens = tokenizer()
    before = identity(tokens)
    tokens.encode("今天 playing")
    assert identity(tokens) == before


@pytest.mark.parametrize("value", [threading.Lock(), Plain(rng=np.random.default_rng(0))])
def test_objects_that_tell_nothing_are_errors(value):
    with pytest.raises(ValueError, match="must have a `__repr__`"):
        identity(value)
