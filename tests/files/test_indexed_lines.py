import copy
import json
import os

import pytest

from kerasx.files.indexed_lines import open as open_file

pytestmark = pytest.mark.backend_free
LINES = ["一\n", "\n", "三\u2028三\r\n", "四"]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("".join(LINES).encode())
    return path


def test_lines_are_found_by_number(path):
    with open_file(path, encoding="utf-8", indexable=True) as lines:
        assert len(lines) == 4
        assert [lines[i] for i in (2, 0, 3, 1, -1)] == [LINES[i] for i in (2, 0, 3, 1, -1)]
        assert list(lines) == LINES


def test_an_empty_file_has_no_lines(tmp_path):
    (tmp_path / "empty").touch()
    with open_file(tmp_path / "empty", indexable=True) as lines:
        assert len(lines) == 0
        with pytest.raises(IndexError):
            lines[0]


def test_without_an_index_it_is_pythons_open(path):
    with open_file(path, "w", encoding="gbk") as file:
        file.write("中")
    assert path.read_bytes() == "中".encode("gbk")


def test_the_index_is_kept_and_used(path, tmp_path):
    index = str(tmp_path / "index.json")
    open_file(path, indexable=index).close()
    kept = json.loads((tmp_path / "index.json").read_text())
    kept["offsets"] = kept["offsets"][:2]  # to see that it is read
    (tmp_path / "index.json").write_text(json.dumps(kept))
    with open_file(path, indexable=index) as lines:
        assert len(lines) == 2


def test_the_index_of_a_file_that_grew_is_made_anew(path, tmp_path):
    index = str(tmp_path / "index.json")
    open_file(path, indexable=index).close()
    path.write_bytes(path.read_bytes() + b"\nfive")
    with open_file(path, indexable=index) as lines:
        assert lines[4] == "five"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.json", "lines.txt"]


def test_a_copy_reads_by_itself(path):
    lines = open_file(path, indexable=True)
    other = copy.copy(lines)
    lines.close()
    assert other[0] == LINES[0]
    other.close()


@pytest.mark.parametrize("options", [dict(mode="w"), dict(encoding="utf-16")])
def test_what_cannot_be_indexed_is_refused(path, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}`"):
        open_file(path, indexable=True, **options)
    assert path.read_bytes() == "".join(LINES).encode()


@pytest.mark.parametrize("how", ["another file", "replaced", "in place"])
def test_the_index_of_another_file_of_the_same_size_is_made_anew(path, tmp_path, how):
    index, other = str(tmp_path / "index.json"), tmp_path / "other.txt"
    open_file(path, indexable=index).close()
    status, content = path.stat(), "\n".join("ab").encode()
    content += b"c" * (status.st_size - len(content))
    if how == "in place":
        with open(path, "r+b") as file:
            file.write(content)
    else:
        other.write_bytes(content)
    target = path if how == "in place" else other
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    if how == "replaced":
        target = other.replace(path)
    with open_file(target, indexable=index) as lines:
        assert [lines[i] for i in range(len(lines))] == ["a\n", "b" + "c" * (status.st_size - 3)]


@pytest.mark.parametrize(
    "offsets", [None, [], [0, 9, 4], [1], [0, 10**9], [0, "a"], [0, None], [0, 4.0], [0, 2**70]]
)
def test_offsets_that_cannot_be_those_of_the_file_are_made_anew(path, tmp_path, offsets):
    index = tmp_path / "index.json"
    open_file(path, indexable=index).close()
    index.write_text(json.dumps({**json.loads(index.read_text()), "offsets": offsets}))
    with open_file(path, indexable=index) as lines:
        assert list(lines) == LINES


@pytest.mark.parametrize("content", ["", "[", "[]", "{}", '{"vocab_size": 3}', "[" * 10**5])
def test_another_file_in_place_of_the_index_is_kept(path, tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="this is another file"):
        open_file(path, indexable=tmp_path / "config.json")
    assert (tmp_path / "config.json").read_text() == content


def test_lines_are_read_where_the_index_cannot_be_written(path, monkeypatch, tmp_path, caplog):
    def fail(source, target):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "replace", fail)
    with open_file(path, indexable=tmp_path / "index.json") as lines:
        assert list(lines) == LINES
    assert "was not written: read-only" in caplog.text


def test_lines_are_also_read_one_after_the_other(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("一\n\n二\n三", encoding="utf-8")
    with open_file(path, encoding="utf-8", indexable=True) as lines:
        assert next(lines) == "一\n" and lines.readline() == "\n" and list(lines)[0] == "一\n"
        assert lines[0] == "一\n" and lines.readlines() == ["二\n", "三"]
        assert lines.readline() == lines.read() == "" and next(lines, None) is None


def test_an_index_of_bert4keras_is_made_anew(tmp_path):
    path, index = tmp_path / "lines.txt", tmp_path / "lines.json"
    path.write_text("一\n二\n", encoding="utf-8")
    index.write_text("[0, 3]")
    with open_file(path, indexable=str(index)) as lines:
        assert list(lines) == ["一\n", "二\n"]
    assert json.loads(index.read_text())["offsets"] == [0, 4]
