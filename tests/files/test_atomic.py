import os

import pytest

from kerasx.files.atomic import atomic_path, check_digest, digested_path, write_digest
from tests.checkpoints.helpers import run_python

pytestmark = pytest.mark.backend_free


def write(path, content):
    with open(path, "wb") as f:
        f.write(content)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def test_a_file_is_created_and_replaced(tmp_path):
    for content in (b"old", b"new"):
        with atomic_path(tmp_path / "a.bin") as temporary:
            write(temporary, content)
        assert read(tmp_path / "a.bin") == content
    assert os.listdir(tmp_path) == ["a.bin"]


def test_an_error_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    write(tmp_path / "a.bin", b"old")
    with pytest.raises(KeyError), atomic_path(tmp_path / "a.bin") as temporary:
        write(temporary, b"half")
        raise KeyError("full disk")
    assert read(tmp_path / "a.bin") == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_the_temporary_path_keeps_folder_and_suffix(tmp_path):
    with atomic_path(tmp_path / "a.weights.h5") as temporary:
        assert os.path.dirname(temporary) == str(tmp_path)
        assert temporary.endswith(".weights.h5")
        write(temporary, b"")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="existing folder.*nowhere"):
        with atomic_path(tmp_path / "nowhere" / "a.bin"):
            pass


def test_permissions_and_symbolic_links_are_kept(tmp_path):
    write(tmp_path / "a.bin", b"old")
    os.chmod(tmp_path / "a.bin", 0o640)
    os.symlink(tmp_path / "a.bin", tmp_path / "link")
    with atomic_path(tmp_path / "link") as temporary:
        write(temporary, b"new")
    assert os.path.islink(tmp_path / "link") and read(tmp_path / "a.bin") == b"new"
    assert os.stat(tmp_path / "a.bin").st_mode & 0o777 == 0o640


def test_one_flipped_bit_fails_the_digest(tmp_path):
    path = tmp_path / "best.weights.h5"
    write(path, b"weights")
    assert not check_digest(path)
    write_digest(path)
    assert check_digest(path)
    write(path, b"weighus")
    with pytest.raises(ValueError, match="best.weights.h5"):
        check_digest(path)


def test_the_digest_file_is_read_by_sha256sum_rules(tmp_path):
    write(tmp_path / "a.bin", b"")
    digest = write_digest(tmp_path / "a.bin")
    assert digest == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert read(tmp_path / "a.bin.sha256") == f"{digest}  a.bin\n".encode()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"12 a.bin\n", b"\xff\xfe\n"])
def test_a_spoilt_digest_file_is_an_error(tmp_path, content):
    write(tmp_path / "a.bin", b"x")
    write(tmp_path / "a.bin.sha256", content)
    with pytest.raises(ValueError, match="a.bin.sha256"):
        check_digest(tmp_path / "a.bin")


def test_a_required_digest_that_is_absent_is_an_error(tmp_path):
    write(tmp_path / "a.bin", b"x")
    with pytest.raises(ValueError, match="a.bin"):
        check_digest(tmp_path / "a.bin", required=True)


KILLED = """
import os, random, signal, sys, time
from kerasx.files.atomic import check_digest, digested_path
path = sys.argv[1]
versions = [b"a" * 300_000, b"b" * 200_000]
def save(content):
    with digested_path(path) as temporary, open(temporary, "wb") as f:
        for start in range(0, len(content), 50_000):
            f.write(content[start : start + 50_000])
            f.flush()
save(versions[0])
random.seed(0)
for trial in range(20):
    pid = os.fork()
    if pid == 0:
        while True:
            for content in reversed(versions):
                save(content)
    time.sleep(random.uniform(0.005, 0.05))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with open(path, "rb") as f:
        print(versions.index(f.read()), check_digest(path, required=True))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_twenty_kills_leave_one_of_the_two_versions_with_its_digest(tmp_path):
    lines = run_python(KILLED, tmp_path / "best.weights.h5").splitlines()
    assert len(lines) == 20 and set(lines) <= {"0 True", "1 True"}


def test_a_digest_survives_between_the_two_renames(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    for content in (b"old", b"new"):
        with digested_path(path) as temporary:
            write(temporary, content)
    new = read(tmp_path / "a.bin.sha256")
    with pytest.raises(RuntimeError):
        with digested_path(path) as temporary:
            write(temporary, b"newer")
            monkeypatch.setattr(os, "replace", fail_for(os.replace, "a.bin"))
    assert check_digest(path) and read(path) == b"new"
    assert read(tmp_path / "a.bin.sha256").startswith(new)


def fail_for(replace, name):
    def replace_or_fail(source, target):
        if os.path.basename(target) == name:
            raise RuntimeError("killed here")
        replace(source, target)

    return replace_or_fail
