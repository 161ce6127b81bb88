"""Parity with TensorFlow, which runs in another process and passes its arrays as bytes."""

import json

import numpy as np
import pytest

from kerasx.checkpoints import open_checkpoint, save_tensor_bundle
from tests.checkpoints.helpers import BFLOAT16, DTYPES, run_python, same, small_tensors

pytestmark = pytest.mark.backend_free

# Write checkpoints to the folder argv[1] in every way, and print the tensors that
# tf.train.load_checkpoint reads from them and from ours: {checkpoint: {name: [dtype, shape, hex]}}.
TENSORFLOW = """
import json, os, sys
import numpy as np
import tensorflow as tf
folder = sys.argv[1]
rng = np.random.default_rng(0)

def save(prefix, tensors, slices=None):
    values = [tf.convert_to_tensor(value) for value in tensors.values()]
    names = [name.split(":")[0] for name in tensors]
    tf.raw_ops.SaveV2(prefix=f"{folder}/{prefix}", tensor_names=names,
                      shape_and_slices=slices or [""] * len(names), tensors=values)

bits = np.frombuffer(rng.bytes(64), "u1")
dtypes = ("bfloat16 float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
          "complex64 complex128").split()
tensors = {d: tf.bitcast(bits.reshape(-1, tf.as_dtype(d).size) if d[-2:] != "t8" else bits, d)
           for d in dtypes}
tensors |= {"bool": bits % 2 == 0, "scalar": np.float32(-0.0), "empty": np.zeros((0, 4), "f4"),
            "matrix": rng.normal(size=(30, 70)).astype("f4"), "\\u540d\\u5b57": np.arange(3),
            "text": np.array([b"a", b"bc"]), "_a/B-c.d": np.arange(5)}
save("dtypes.ckpt", tensors)
names = list(tensors)
for i in range(3):
    save(f"part{i}", {name: tensors[name] for name in names[i::3]})
tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=[f"{folder}/part{i}" for i in range(3)],
                              destination_prefix=f"{folder}/shards.ckpt", delete_old_dirs=True)
save("many.ckpt", {f"bert/encoder/layer_{i}/kernel": np.float32(i) for i in range(5000)})
w = rng.normal(size=(9000, 90)).astype("f4")
save("slices.ckpt", {"w:0": w[:8200, :70], "w:1": w[8200:, :70], "w:2": w[:, 70:], "v": w[0]},
     ["9000 90 0,8200:0,70", "9000 90 8200,800:0,70", "9000 90 -:70,20", ""])
tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(f"{folder}/objects")
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    a, b = tf.compat.v1.get_variable("a", [3]), tf.compat.v1.get_variable("b/c", [2, 2])
    session.run(tf.compat.v1.global_variables_initializer())
    tf.compat.v1.train.Saver(sharded=True).save(session, f"{folder}/saver.ckpt", 10)

result = {}
for prefix in ("dtypes.ckpt", "shards.ckpt", "many.ckpt", "slices.ckpt", "objects", "saver.ckpt-10",
               "ours.ckpt", "ours_again.ckpt"):
    reader = tf.train.load_checkpoint(f"{folder}/{prefix}")
    arrays = {name: np.asarray(reader.get_tensor(name))
              for name in reader.get_variable_to_shape_map()}
    result[prefix] = {name: [str(array.dtype), array.shape, array.tobytes().hex()]
                      for name, array in arrays.items()
                      if array.dtype.kind not in "OS"}
with open(f"{folder}/tensorflow.json", "w") as f:
    json.dump(result, f)
"""


def our_tensors():
    rng = np.random.default_rng(3)
    tensors = {f"x/{dtype}": rng.integers(0, 2, (3, 4)).astype(dtype) for dtype in DTYPES}
    tensors["x/bfloat16"] = rng.normal(size=9).astype(BFLOAT16)
    tensors |= {"名字": np.array(2), "x": np.ones(2), "xa": np.ones(3), "X": np.zeros((2, 0))}
    return tensors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow")
    save_tensor_bundle(folder / "ours.ckpt", our_tensors())
    save_tensor_bundle(folder / "ours_again.ckpt", small_tensors())
    save_tensor_bundle(folder / "ours_again.ckpt", our_tensors())  # now in two data files
    run_python(TENSORFLOW, folder)
    return folder


def tensorflow_reads(folder, prefix):
    with open(folder / "tensorflow.json") as f:
        arrays = json.load(f)[prefix]
    return {
        name: np.frombuffer(bytes.fromhex(raw), BFLOAT16 if dtype == "bfloat16" else dtype)
        .reshape(shape)
        .copy()
        for name, (dtype, shape, raw) in arrays.items()
    }


@pytest.mark.parametrize(
    "prefix", ["dtypes.ckpt", "shards.ckpt", "many.ckpt", "slices.ckpt", "objects", "saver.ckpt-10"]
)
def test_what_tensorflow_wrote_is_read_as_tensorflow_reads_it(folder, prefix):
    expected = tensorflow_reads(folder, prefix)
    with open_checkpoint(folder / prefix) as checkpoint:
        assert set(checkpoint) == set(expected) and expected
        for name, array in expected.items():
            assert same(checkpoint[name], array), name
            assert checkpoint.shape(name) == array.shape
            assert checkpoint.dtype(name) == array.dtype


def test_strings_and_object_graphs_are_listed_as_skipped(folder):
    assert "text" in open_checkpoint(folder / "dtypes.ckpt").skipped
    assert "_CHECKPOINTABLE_OBJECT_GRAPH" in open_checkpoint(folder / "objects").skipped


def test_the_shards_of_tensorflow_are_several_files(folder):
    assert (folder / "shards.ckpt.data-00002-of-00003").stat().st_size > 0


@pytest.mark.parametrize("prefix", ["ours.ckpt", "ours_again.ckpt"])
def test_tensorflow_reads_what_we_wrote(folder, prefix):
    read, ours = tensorflow_reads(folder, prefix), our_tensors()
    assert set(read) == set(ours)
    assert all(same(read[name], ours[name]) for name in ours)


def test_a_damaged_slice_is_found(folder, tmp_path):
    for suffix in ("index", "data-00000-of-00001"):
        content = (folder / f"slices.ckpt.{suffix}").read_bytes()
        (tmp_path / f"cut.ckpt.{suffix}").write_bytes(content)
    data = bytearray((tmp_path / "cut.ckpt.data-00000-of-00001").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "cut.ckpt.data-00000-of-00001").write_bytes(data)
    with open_checkpoint(tmp_path / "cut.ckpt") as checkpoint:
        with pytest.raises(ValueError, match="'w'.*CRC"):
            checkpoint["w"]
