import inspect
import subprocess
import sys

import pytest

from kerasx import snippets

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
