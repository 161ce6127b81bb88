import copy
import json

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
