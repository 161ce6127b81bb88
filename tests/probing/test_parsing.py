"""Trees and words of matrices whose structure is known, and Eisner against all trees."""

import itertools

import numpy as np
import pytest

from kerasx.metrics import brackets
from kerasx.probing import (
    format_dependencies,
    format_tree,
    parse_constituency,
    parse_dependencies,
    segment,
)
from kerasx.probing.parsing import split_score

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
each_objective = pytest.mark.parametrize("objective", ["post", "mart"])


def binary_trees(start, end):
    """Yield all binary trees of the units start to end."""
    if end - start == 1:
        yield start
    for middle in range(start + 1, end):
        for left in binary_trees(start, middle):
            yield from ((left, right) for right in binary_trees(middle, end))


def shared_brackets(tree, n):
    """Return, for each pair of units, the number of brackets around both, without the root."""
    shared = np.zeros((n, n)) - 1
    for start, end in brackets(tree):
        shared[start:end, start:end] += 1
    return shared * (1 - np.eye(n))


@each_objective
@pytest.mark.parametrize("n, count", [(2, 1), (3, 2), (4, 5), (5, 14), (6, 42)])
def test_every_tree_is_recovered_from_the_brackets_that_units_share(n, count, objective):
    trees = list(binary_trees(0, n))
    assert len(trees) == count
    for tree in trees:
        assert parse_constituency(shared_brackets(tree, n), objective) == tree


def test_the_objectives_are_what_their_formulas_say():
    f = RNG.random((5, 5))
    for k in range(1, 5):
        blocks = f[:k, :k], f[k:, k:], f[:k, k:], f[k:, :k]
        left, right, above, below = (block.mean() for block in blocks)
        assert split_score(f, k) == pytest.approx(left + right - above - below)
        halves = f[:k, :k].sum(0).mean() / 2 + f[k:, k:].sum(0).mean() / 2
        assert split_score(f, k, "mart") == pytest.approx(halves - above - below)


@each_objective
def test_a_tree_holds_every_unit_once_in_order(objective):
    for n in (1, 2, 3, 9):
        tree = parse_constituency(RNG.random((n, n)), objective)
        spans = brackets(tree)
        assert len(spans) == n - 1 and (n == 1 or (0, n) in spans)
        for (a, b), (c, d) in itertools.combinations(spans, 2):
            assert b <= c or d <= a or (a <= c and d <= b) or (c <= a and b <= d)


def test_blocks_are_words():
    f = np.zeros((6, 6))
    for start, end in ((0, 2), (2, 3), (3, 6)):
        f[start:end, start:end] = 10
    assert segment(f, 8) == [(0, 2), (2, 3), (3, 6)]
    assert segment(f, 10.5) == [(i, i + 1) for i in range(6)]
    assert segment(f, 0) == [(0, 6)]
    assert segment(np.zeros((0, 0)), 8) == [] and segment([[0]], 8) == [(0, 1)]


def projective_trees(n):
    """Yield all lists of heads with one root, no cycle and no crossing arcs."""
    for heads in itertools.product(range(-1, n), repeat=n):
        if heads.count(-1) != 1 or any(h == i for i, h in enumerate(heads)):
            continue
        arcs = [(min(i, h), max(i, h)) for i, h in enumerate(heads) if h >= 0]
        crossing = any(a < c < b < d for (a, b) in arcs for (c, d) in arcs)
        root = heads.index(-1)
        covered = any(a < root < b for a, b in arcs)
        if not crossing and not covered and all(reaches(heads, i, root) for i in range(n)):
            yield heads


def reaches(heads, i, root):
    for _ in heads:
        i = i if i == root else heads[i]
    return i == root


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_eisner_finds_the_best_of_all_projective_trees(n):
    trees = list(projective_trees(n))
    for _ in range(4):
        f = RNG.normal(size=(n, n))

        def total(heads, f=f):
            return sum(f[i, h] for i, h in enumerate(heads) if h >= 0)

        assert tuple(parse_dependencies(f)) == max(trees, key=total)
        for root in range(n):
            rooted = [heads for heads in trees if heads[root] == -1]
            assert tuple(parse_dependencies(f, root)) == max(rooted, key=total)


def test_the_head_is_the_word_that_matters_most():
    heads = [1, -1, 4, 4, 1, 7, 7, 4]
    f = np.full((8, 8), 0.1)
    for i, head in enumerate(heads):
        if head >= 0:
            f[i, head] = 5
    assert parse_dependencies(f).tolist() == heads


def test_trees_in_lines():
    text = format_tree(((0, 1), ((2, 3), 4)), list("abcde"))
    assert text.split("\n") == ["┬┬ a", "│└ b", "└┬┬ c", " │└ d", " └ e"]
    assert format_tree((0, 1, 2), list("abc")).split("\n") == ["┬ a", "├ b", "└ c"]
    assert format_tree(0, ["a"]).strip() == "a"
    assert format_dependencies([-1, 0], ["a", "b"]) == "a (root)\nb <- a"


def test_bad_matrices_are_refused():
    for function in (parse_constituency, parse_dependencies, lambda f: segment(f, 1)):
        with pytest.raises(ValueError, match="`impacts` must be"):
            function(np.ones((2, 3)))
        with pytest.raises(ValueError, match="`impacts` must be"):
            function([[np.nan]])
    for function in (parse_constituency, parse_dependencies):
        with pytest.raises(ValueError, match="T >= 1 units"):
            function(np.zeros((0, 0)))
    with pytest.raises(ValueError, match="`root` must be an integer in"):
        parse_dependencies(np.zeros((2, 2)), root=2)
    with pytest.raises(ValueError, match="`objective` must be"):
        parse_constituency(np.zeros((3, 3)), "paper")
