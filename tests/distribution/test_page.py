"""The script of docs/distribution.md gives the same numbers on one device and on several."""

import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.docs.reading import ROOT, blocks

BACKEND = keras.backend.backend()
pytestmark = pytest.mark.skipif(BACKEND == "tensorflow", reason="has one device without GPUs")
SEVERAL = {
    "jax": ([], {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}),
    "torch": (["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"], {}),
}


def run(start, script, **variables):
    """Return the last list of numbers that a script prints; processes may share a line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **variables}
    command = [sys.executable, *start, script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [float(x) for x in re.findall(r"\[([^]]*)\]", done.stdout)[-1].split(",")]


def test_the_script_of_the_page(tmp_path, request):
    code = blocks("docs/distribution.md", "python")
    assert len(code) == 3
    script = tmp_path / "train.py"
    script.write_text("\n".join(code), "utf-8")
    start, variables = SEVERAL[BACKEND]
    several = run(start, script, **variables)
    np.testing.assert_allclose(several, run([], script, XLA_FLAGS=""), atol=1e-6)
    if BACKEND == "jax" and request.config.option.slow:
        for context in ("fully_sharded", "model_parallel"):
            script.write_text(code[0].replace("data_parallel", context), "utf-8")
            np.testing.assert_allclose(run([], script, **variables), several, atol=1e-6)
