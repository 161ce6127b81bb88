import numpy as np
import pytest

from kerasx.checkpoints.resizing import orthogonally_resize
from kerasx.snippets import delete_arguments, insert_arguments, softmax, to_array

pytestmark = pytest.mark.backend_free


def test_one_argument_is_one_array():
    assert to_array([1, 2]).tolist() == [1, 2]
    assert [a.tolist() for a in to_array([1], [2])] == [[1], [2]]


def test_softmax_sums_to_one_whatever_the_size():
    p = softmax(np.array([[1e4, 0, -1e4], [1, 2, 3]]), axis=0)
    np.testing.assert_allclose(p.sum(axis=0), 1)
    np.testing.assert_allclose(p[:, 1], [1 / (1 + np.e**2), 1 / (1 + np.e**-2)])


def test_growing_repeats_blocks_and_keeps_the_norm():
    a = np.arange(1.0, 5.0)
    b = orthogonally_resize(a, (8,))
    np.testing.assert_allclose(b * np.sqrt(2), [1, 2, 1, 2, 3, 4, 3, 4])


@pytest.mark.parametrize("shape", [(8, 4), (6, 7), (2, 3), (4, 6)])
def test_any_resize_keeps_the_norm(shape):
    a = np.random.default_rng(0).normal(size=(4, 6))
    b = orthogonally_resize(a, shape)
    assert b.shape == shape
    np.testing.assert_allclose(np.linalg.norm(b), np.linalg.norm(a))


def test_orthogonal_columns_stay_orthogonal_when_rows_double():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 4)))
    gram = (b := orthogonally_resize(q, (12, 4))).T @ b
    np.testing.assert_allclose(gram, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("shape, match", [((4,), "new_shape"), ((10, 3), "window")])
def test_what_cannot_be_resized_is_refused(shape, match):
    with pytest.raises(ValueError, match=match):
        orthogonally_resize(np.ones((5, 3)), shape)


class Parent:
    def __init__(self, size, **options):
        self.size, self.options = size, options


class Child(Parent):
    @insert_arguments(version="t5", heads=2)
    @delete_arguments("with_pool")
    def __init__(self, size, **options):
        """Child."""
        super().__init__(size, **options)


def test_inserted_arguments_become_attributes_and_are_not_passed_on():
    child = Child(3, heads=4, depth=1)
    assert (child.version, child.heads, child.size, child.options) == ("t5", 4, 3, {"depth": 1})


def test_deleted_arguments_are_refused():
    with pytest.raises(TypeError, match="Child got an unexpected keyword argument 'with_pool'"):
        Child(3, with_pool=True)


def test_the_method_keeps_its_name_and_docstring():
    assert (Child.__init__.__name__, Child.__init__.__doc__) == ("__init__", "Child.")
