"""Helpers of the tests of checkpoints: tensors, comparison, a fresh Python process."""

import os
import subprocess
import sys

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(name) for name in "bool u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 c8".split()]


def same(a, b):
    """Compare dtype, shape and bits, so that NaNs and signed zeros count."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def same_tensors(a, b):
    return set(a) == set(b) and all(same(np.asarray(a[name]), np.asarray(b[name])) for name in a)


def small_tensors():
    """Return a dict with a scalar, an empty array, bfloat16 and a matrix."""
    rng = np.random.default_rng(0)
    return {
        "bert/embeddings/word_embeddings": rng.normal(size=(7, 5)).astype("float32"),
        "bert/pooler/dense/bias": rng.normal(size=5).astype("float32").astype(BFLOAT16),
        "global_step": np.array(7, "int64"),
        "nothing": np.zeros((0, 3), "float16"),
    }


@st.composite
def arrays(draw):
    """Draw an array of any dtype, bits and order, with 0 to 3 dimensions; it may be empty."""
    dtype = draw(st.sampled_from([*DTYPES, BFLOAT16]))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    raw = raw & 1 if dtype.kind == "b" else raw
    array = raw.view(dtype).reshape(shape)
    return array.T if draw(st.booleans()) else array


names = st.from_regex(r"[a-z]{1,3}(/[a-z0-9_名]{1,3}){0,2}", fullmatch=True)
tensor_dicts = st.dictionaries(names, arrays(), max_size=5)


def run_python(code, *arguments, **environment):
    """Run code in a new Python process that can import kerasx, and return its output."""
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, env.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], env=env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout
