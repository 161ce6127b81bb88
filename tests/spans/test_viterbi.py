"""Viterbi's algorithm in NumPy finds the best of all sequences."""

import itertools

import numpy as np
import pytest

from kerasx.spans import ViterbiDecoder

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("n", [1, 4])
def test_viterbi_is_the_best_of_all_sequences(n):
    rng = np.random.default_rng(0)
    nodes, trans = rng.normal(size=(n, 3)), rng.normal(size=(3, 3))
    before = nodes.copy()

    def score(tags):
        return sum(nodes[range(n), tags]) + sum(trans[pair] for pair in zip(tags, tags[1:]))

    every = [list(x) for x in itertools.product(range(3), repeat=n)]
    assert ViterbiDecoder(trans).decode(nodes).tolist() == max(every, key=score)
    bound = [x for x in every if x[0] in (0, 2) and x[-1] in (1, 2)]
    decoded = ViterbiDecoder(trans, starts=[0, 2], ends=[1, 2]).decode(nodes)
    assert decoded.tolist() == max(bound, key=score)
    np.testing.assert_array_equal(nodes, before)


def test_viterbi_of_no_place_is_empty_and_other_shapes_are_refused():
    decoder = ViterbiDecoder(np.zeros((3, 3)))
    assert decoder.decode(np.zeros((0, 3))).tolist() == []
    with pytest.raises(ValueError, match=r"of shape \(None, 3\)"):
        decoder.decode(np.zeros((2, 4)))
