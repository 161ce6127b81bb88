import codecs

import pytest

from kerasx.files import read_jsonl, read_lines, read_tsv

pytestmark = pytest.mark.backend_free


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.txt"

    def write(content, encoding="utf-8"):
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return str(path)

    return write


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n", codecs.BOM_UTF8])
def test_a_file_without_examples_is_refused(file, content):
    with pytest.raises(ValueError, match="no examples in .*data.txt"):
        read_lines(file(content), str)


def test_byte_order_mark_and_carriage_returns_are_left_out(file):
    assert read_tsv(file(codecs.BOM_UTF8 + "好\t1\r\n坏\t0\r\n".encode())) == [("好", 1), ("坏", 0)]


def test_lines_end_at_newline_only(file):
    assert read_lines(file("a\u2028b\x0b\x85c\nd"), str) == ["a\u2028b\x0b\x85c", "d"]


def test_blank_lines_count_as_lines_but_not_as_examples(file):
    assert read_lines(file("1\n\n2\n"), int) == [1, 2]
    with pytest.raises(ValueError, match=r"data.txt:3: "):
        read_lines(file("1\n\nx\n"), int)


@pytest.mark.parametrize(
    "content, reason",
    [
        ("好\t1\n只有一栏\n", "must have 2 columns, has 1. Received: '只有一栏'"),
        ("好\t1\n好\t很\t1\n", "must have 2 columns, has 3"),
        ("好\t1\n好\tx\n", "invalid literal"),
        ("好\t1\n好\t2\n", r"label must be one of \[0, 1\], is 2"),
        ("好\t1\n".encode() + "好\t1\n".encode("gbk"), "codec can't decode"),
    ],
)
def test_a_bad_line_of_a_table_is_named(file, content, reason):
    with pytest.raises(ValueError, match=f"data.txt:2: .*{reason}"):
        read_tsv(file(content), labels=(0, 1))


@pytest.mark.parametrize(
    "line, reason",
    [("{", "Expecting"), ('{"b": 1}', "keys"), ("[1]", "keys"), ('{"a": 1} x', "Extra data")],
)
def test_a_bad_line_of_json_is_named(file, line, reason):
    with pytest.raises(ValueError, match=f"data.txt:2: .*{reason}"):
        read_jsonl(file('{"a": 0}\n' + line), fields=("a",))


def test_json_lines_without_fields_are_returned_whole(file):
    assert read_jsonl(file('[1, 2]\n{"a": 0}\n')) == [[1, 2], {"a": 0}]


def test_the_text_of_an_error_is_cut_to_eighty_characters(file):
    with pytest.raises(ValueError, match=f"Received: '{'x' * 80}'$"):
        read_tsv(file("x" * 200))


@pytest.mark.parametrize("error", [KeyError("key"), IndexError(), TypeError("type")])
def test_lookup_errors_of_parse_make_a_bad_line(file, error):
    def parse(line):
        raise error

    with pytest.raises(ValueError, match=f"data.txt:1: {type(error).__name__}"):
        read_lines(file("a"), parse)


def test_skipped_lines_are_counted_in_one_warning(file):
    with pytest.warns(
        UserWarning, match=r"2 of 200 lines skipped, first: .*data.txt:199"
    ) as caught:
        assert len(read_lines(file("1\n" * 198 + "x\ny\n"), int, errors="skip")) == 198
    assert len(caught) == 1


def test_more_than_one_percent_of_bad_lines_is_an_error(file):
    with pytest.raises(ValueError, match=r"more than 1% .* 2 of 199: .*data.txt:198"):
        read_lines(file("1\n" * 197 + "x\ny\n"), int, errors="skip")


def test_another_encoding_is_read_if_named(file):
    assert read_tsv(file("好\t1\n", "gbk"), encoding="gbk") == [("好", 1)]


@pytest.mark.parametrize("options", [dict(errors="ignore"), dict(encoding="utf-16")])
def test_bad_arguments_are_named(file, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}`"):
        read_lines(file("1"), int, **options)


@pytest.mark.parametrize("errors", ["raise", "skip"])
@pytest.mark.parametrize("line", ["[" * 10**5, '{"a": ' * 10**5, "9" * 5000])
def test_a_line_too_deep_or_too_long_for_json_is_a_bad_line(file, line, errors):
    path = file("[1]\n" * 200 + line)
    if errors == "raise":
        with pytest.raises(ValueError, match="data.txt:201: "):
            read_jsonl(path)
        return
    with pytest.warns(UserWarning, match="1 of 201 lines skipped"):
        assert len(read_jsonl(path, errors="skip")) == 200


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_tsv(path, labels=("0", "1"), columns=(str, str)),
        lambda path: read_tsv(path, columns=(str, int)),
        lambda path: read_tsv(path, columns=(str, float)),
        lambda path: read_tsv(path, columns=(str, {}.__getitem__)),
        lambda path: read_lines(path, int),
        lambda path: read_jsonl(path, ("text",)),
    ],
)
def test_an_error_quotes_little_of_a_long_line(file, read):
    path = file("好\t" + "坏" * 10**6)
    with pytest.raises(ValueError, match="data.txt:1: ") as error:
        read(path)
    assert len(str(error.value)) < 600 + len(str(path))
