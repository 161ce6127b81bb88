import os
import subprocess
import sys
import threading
import time

import pytest

from kerasx.files.atomic import (
    atomic_path,
    check_digest,
    digested_path,
    replaced_together,
    write_digest,
)
from kerasx.files.switching import in_one_version, locked, settle
from kerasx.files.temporaries import is_known_dead, temporary_path
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


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def name_of(process, place=None, later=None):
    """Return the name of a temporary file of a process, of another machine if `place` is given."""
    _, own, _, start, *rest = os.path.basename(temporary_path("", "a.bin")).split("-")
    return "-".join([".tmp", place or own, str(process), str(later or start), *rest])


def test_the_next_writer_removes_what_dead_processes_left_and_nothing_else(tmp_path):
    dead = dead_process()
    left = [name_of(dead), name_of(dead), name_of(1, "00000000")]
    if os.path.isdir("/proc/self"):  # the number of a dead process, which a later one has now
        left.insert(0, name_of(os.getpid(), later=10**15))
    kept = [name_of(os.getpid()), name_of(os.getpid()), name_of(1, "11111111")]
    foreign = [".tmp-notes", ".tmp-", f"a{name_of(dead)}", name_of(dead, "machine")]
    for name in (*left, *kept, *foreign):
        write(tmp_path / name, b"")
    os.utime(tmp_path / left[-1], (0, 0))  # a file of another machine, not written for a day
    with atomic_path(tmp_path / "a.bin") as temporary:
        write(temporary, b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, *foreign, "a.bin"])


def test_names_as_long_as_file_systems_allow_can_be_written(tmp_path):
    path = tmp_path / ("a" * 240 + ".weights.h5")
    with digested_path(tmp_path / ("b" * 200)) as temporary:
        write(temporary, b"")
    with atomic_path(path) as temporary:
        write(temporary, b"")
    assert path.exists() and temporary.endswith(".weights.h5")


def replace_both(folder, text):
    with replaced_together(folder) as temporary:
        for name in ("a", "b"):
            write(temporary(name), text)


def test_files_are_replaced_together(tmp_path):
    for text in (b"old", b"new"):
        replace_both(tmp_path / "made", text)
        assert read(tmp_path / "made" / "a") == read(tmp_path / "made" / "b") == text
    assert sorted(os.listdir(tmp_path / "made")) == ["a", "b"]


def test_an_error_while_writing_keeps_all_old_files(tmp_path):
    replace_both(tmp_path, b"old")
    with pytest.raises(KeyError), replaced_together(tmp_path) as temporary:
        write(temporary("a"), b"new")
        raise KeyError("full disk")
    assert read(tmp_path / "a") == b"old" and sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("next_step", ["settle", "atomic_path", "replaced_together"])
def test_an_error_between_the_renames_is_made_good_by_whoever_comes_next(
    tmp_path, monkeypatch, next_step
):
    replace_both(tmp_path, b"old")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(os, "replace", fail_for(os.replace, "b"))
        replace_both(tmp_path, b"new")
    assert (read(tmp_path / "a"), read(tmp_path / "b")) == (b"new", b"old")
    if next_step == "settle":
        settle(tmp_path)
    elif next_step == "atomic_path":
        with atomic_path(tmp_path / "c") as temporary:
            write(temporary, b"")
    else:
        with replaced_together(tmp_path) as temporary:
            write(temporary("c"), b"")
    assert read(tmp_path / "a") == read(tmp_path / "b") == b"new"
    assert sorted(set(os.listdir(tmp_path)) - {"c"}) == ["a", "b"]


TEMPORARY = os.path.basename(temporary_path("", "a"))


@pytest.mark.parametrize(
    "journal",
    [
        "[",
        "[]",
        "[" * 10**5,
        '{"a": 1}',
        '{"a": "../x"}',
        '{"a": "notes"}',
        f'{{"../a": "{TEMPORARY}"}}',
        f'{{"/a": "{TEMPORARY}"}}',
        f'{{"a": "x/{TEMPORARY}"}}',
    ],
    ids=range(9),  # a temporary name differs between the workers of a run
)
def test_a_journal_that_is_not_ours_is_an_error_and_moves_nothing(tmp_path, journal):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("notes", TEMPORARY, ".kerasx-switch.json"):
        write(folder / name, journal.encode())
    with pytest.raises(ValueError, match="remove it"):
        settle(folder)
    assert sorted(os.listdir(folder)) == [".kerasx-switch.json", TEMPORARY, "notes"]
    assert os.listdir(tmp_path) == ["folder"]


def test_a_lock_is_for_one_thread_at_a_time_which_may_take_it_again(tmp_path):
    order = []

    def wait():
        with locked(tmp_path):
            order.append("second")

    thread = threading.Thread(target=wait)
    with locked(tmp_path), locked(tmp_path):
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"] and os.listdir(tmp_path) == []


def test_reading_is_repeated_while_the_file_changes(tmp_path):
    write(tmp_path / "index", b"0")
    seen = []

    def read_and_change():
        seen.append(read(tmp_path / "index"))
        if len(seen) < 3:
            with atomic_path(tmp_path / "index") as temporary:
                write(temporary, str(len(seen)).encode())
        if len(seen) == 2:
            raise OSError("the file beside it is gone")
        return seen[-1]

    assert in_one_version(tmp_path / "index", read_and_change) == b"2"
    with pytest.raises(OSError, match="gone for good"):
        in_one_version(tmp_path / "index", fail_with(OSError("gone for good")))


def fail_with(error):
    def fail():
        raise error

    return fail


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs os.mkfifo")
def test_a_pipe_in_place_of_a_digest_is_refused(tmp_path):
    write(tmp_path / "a.bin", b"x")
    os.mkfifo(tmp_path / "a.bin.sha256")
    with pytest.raises(ValueError, match="not a pipe"):
        check_digest(tmp_path / "a.bin")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="only /proc tells")
def test_a_killed_process_is_dead_before_its_parent_has_asked():
    code = "from kerasx.files import temporaries as t; print(t.this_process(), flush=True); input()"
    pipe, command = subprocess.PIPE, [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
        name = child.stdout.readline().strip()
        assert not is_known_dead(name)
        child.kill()
        end = time.monotonic() + 20
        while not is_known_dead(name) and time.monotonic() < end:
            time.sleep(0.01)
        assert is_known_dead(name) and child.returncode is None
