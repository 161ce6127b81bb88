import inspect
import subprocess
import sys

import numpy as np
import pytest

from kerasx import snippets
from kerasx.snippets import delete_arguments, insert_arguments, softmax, to_array

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("name", snippets.__all__)
def test_every_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(snippets, name))


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("sequence_padding", "inputs length value seq_dims mode"),
        ("truncate_sequences", "maxlen indices sequences"),
        ("text_segmentate", "text maxlen seps strips"),
        ("open", "name mode encoding errors indexable"),
        ("DataGenerator", "data batch_size buffer_size"),
        ("orthogonally_resize", "a new_shape window"),
        ("AutoRegressiveDecoder", "start_id end_id maxlen minlen"),
        ("convert_to_unicode", "text encoding errors"),
        ("string_matching", "s keywords"),
        ("softmax", "x axis"),
        ("parallel_apply_generator", "func iterable workers max_queue_size dummy random_seeds"),
        (
            "parallel_apply",
            "func iterable workers max_queue_size callback dummy random_seeds unordered",
        ),
    ],
)
def test_parameters_have_the_names_of_bert4keras(name, parameters):
    assert list(inspect.signature(getattr(snippets, name)).parameters) == parameters.split()


def test_importing_it_loads_neither_keras_nor_h5py():
    code = "import sys, kerasx.snippets; print({'keras', 'h5py'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.returncode) == ("set()", 0), result.stderr


def test_one_argument_is_one_array():
    assert to_array([1, 2]).tolist() == [1, 2]
    assert [a.tolist() for a in to_array([1], [2])] == [[1], [2]]


def test_softmax_sums_to_one_whatever_the_size():
    p = softmax(np.array([[1e4, 0, -1e4], [1, 2, 3]]), axis=0)
    np.testing.assert_allclose(p.sum(axis=0), 1)
    np.testing.assert_allclose(p[:, 1], [1 / (1 + np.e**2), 1 / (1 + np.e**-2)])


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
