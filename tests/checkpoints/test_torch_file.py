"""Files of PyTorch, which runs in another process so that this one does not import it."""

import json

import pytest

from kerasx.checkpoints import open_checkpoint
from tests.checkpoints.helpers import run_python

pytestmark = pytest.mark.backend_free

TORCH = """
import json, os, sys
import numpy as np
import torch
from kerasx.checkpoints import open_checkpoint, save_safetensors
folder = sys.argv[1]
torch.manual_seed(0)
dtypes = "bfloat16 float16 float32 float64 int8 int16 int32 int64 uint8 bool complex64".split()
state = {d: (torch.randn(3, 4) * 9).to(getattr(torch, d)) for d in dtypes}
state |= {"scalar": torch.tensor(2.0), "empty": torch.zeros(0, 3),
          "transposed": torch.randn(3, 2).T, "parameter": torch.nn.Parameter(torch.ones(2))}
result = {}

def save(name, content, **keywords):
    torch.save(content, f"{folder}/{name}", **keywords)
    return f"{folder}/{name}"

def equal(path):
    with open_checkpoint(path) as checkpoint:
        def bits(t):
            return t.view(torch.int16).numpy() if t.dtype == torch.bfloat16 else t.detach().numpy()
        return set(checkpoint) == set(state) and all(
            checkpoint[n].tobytes() == bits(t.contiguous()).tobytes()
            and checkpoint[n].shape == checkpoint.shape(n) == tuple(t.shape)
            and str(checkpoint[n].dtype) == str(checkpoint.dtype(n)) == str(t.dtype)[6:]
            for n, t in state.items())

def message(path):
    try:
        open_checkpoint(path)
    except ValueError as error:
        return str(error)

result["zip"] = equal(save("a.bin", state))
result["legacy"] = equal(save("b.pt", state, _use_new_zipfile_serialization=False))
names = list(state)
for i in range(2):
    save(f"pytorch_model-0000{i + 1}-of-00002.bin", {n: state[n] for n in names[i::2]})
with open(f"{folder}/pytorch_model.bin.index.json", "w") as f:
    files = [f"pytorch_model-0000{i + 1}-of-00002.bin" for i in range(2)]
    json.dump({"weight_map": {n: files[i % 2] for i, n in enumerate(names)}}, f)
result["sharded"] = equal(folder)
save_safetensors(f"{folder}/c.safetensors", open_checkpoint(f"{folder}/a.bin"))
result["converted"] = equal(f"{folder}/c.safetensors")
mixed = open_checkpoint(save("d.bin", {"a": torch.ones(2), "epoch": 3, "opt": {"lr": 0.1}}))
result["mixed"] = [list(mixed), sorted(mixed.skipped)]
result["nested"] = message(save("e.bin", {"model": state}))
result["list"] = message(save("f.bin", [torch.ones(2)]))

class Attack:
    def __reduce__(self):
        return os.mkdir, (f"{folder}/attacked",)

result["attack"] = message(save("g.bin", {"a": Attack()}))
result["attacked"] = os.path.exists(f"{folder}/attacked")
content = open(f"{folder}/a.bin", "rb").read()
result["cut"] = []
for size in (0, 1, 100, len(content) // 2, len(content) - 1):
    with open(f"{folder}/h.bin", "wb") as f:
        f.write(content[:size])
    result["cut"].append(message(f"{folder}/h.bin"))
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    output = run_python(TORCH, tmp_path_factory.mktemp("torch"), KERAS_BACKEND="torch")
    return json.loads(output.splitlines()[-1])


@pytest.mark.parametrize("kind", ["zip", "legacy", "sharded", "converted"])
def test_state_dicts_are_read_bit_for_bit(result, kind):
    assert result[kind]


def test_entries_that_are_not_tensors_are_listed_as_skipped(result):
    assert result["mixed"] == [["a"], ["epoch", "opt"]]


def test_what_is_not_a_flat_dict_is_refused(result):
    assert "nested in ['model']" in result["nested"] and "list" in result["list"]


def test_no_code_in_the_file_runs(result):
    assert "g.bin" in result["attack"] and not result["attacked"]


def test_truncated_files_are_refused(result):
    assert all("h.bin" in message for message in result["cut"])


def test_without_torch_the_error_says_how_to_convert(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasx.checkpoints.torch_file.find_spec", lambda name: None)
    (tmp_path / "a.bin").write_bytes(b"anything")
    with pytest.raises(ValueError, match="a.bin") as error:
        open_checkpoint(tmp_path / "a.bin")
    assert "python -m kerasx.checkpoints convert" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not exist.*a.bin"):
        open_checkpoint(tmp_path / "a.bin")
