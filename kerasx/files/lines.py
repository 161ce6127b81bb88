"""Read and write text files with an example on each line; errors name the line."""

import codecs
import json
import warnings

from kerasx.checks import check_choice, invalid
from kerasx.files.atomic import atomic_path

LONGEST = 80  # characters of a text that errors quote
_SKIPPED = 0.01  # share of bad lines above which a file is taken for another kind of file
_BAD = (ValueError, KeyError, IndexError, TypeError, RecursionError)  # the last: open brackets


def read_lines(path, parse, errors="raise", encoding="utf-8"):
    """Read a text file: return `parse(line)` for each line that is not blank.

    Lines end at "\\n" only, so U+2028 is part of the text. A "\\r" before the line end and a byte
    order mark at the start are removed. A line is bad if it cannot be decoded, or if `parse`
    raises ValueError, KeyError, IndexError, TypeError or RecursionError.

    Args:
        path: path of the file.
        parse: function of a line (str, without the line end) that returns an example.
        errors: "raise" to stop at a bad line; "skip" to leave out bad lines and warn once.
        encoding: one that writes a line end as one byte, such as "utf-8" or "gbk".

    Returns:
        List of examples.

    Raises:
        ValueError: a line is bad, which the error names as `path:line` with the start of the
            text; with "skip", more than 1 % of the lines are bad; or there are no examples.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(b"1\\r\\n2\\n")
    >>> read_lines(file.name, int)
    [1, 2]
    >>> os.unlink(file.name)
    """
    check_encoding(encoding)

    def parsed(line):
        return parse(line.decode(encoding))

    def described(number, line, error):
        return _described(path, number, line, encoding, error)

    return parse_all(path, _lines(path), parsed, errors, described, "lines")


def parse_all(path, items, parse, errors, described, kind):
    """Parse the items of a file; a bad item is an error or, if few are bad, skipped.

    Args:
        path, errors: as in `read_lines`, whose errors this raises.
        items: iterable of (number, item).
        parse: function of an item, as in `read_lines`.
        described: function of (number, item, error) that returns the message of an error.
        kind: plural noun for the items in messages, such as "lines".

    Returns:
        List of the parsed items.
    """
    check_choice("errors", errors, ("raise", "skip"))
    examples, bad, first = [], 0, None
    for number, item in items:
        try:
            examples.append(parse(item))
        except _BAD as error:
            bad, first = bad + 1, first or described(number, item, error)
            if errors == "raise":
                raise ValueError(first) from error
    _report(path, len(examples), bad, first, kind)
    return examples


def check_encoding(encoding):
    """Raise unless an encoding is known and writes a line end as one byte.

    >>> check_encoding("utf-8-sig")
    Traceback (most recent call last):
    ...
    ValueError: `encoding` must write a line end as one byte, such as 'gbk' or 'utf-8', which \
leaves out a byte order mark at the start. Received: encoding='utf-8-sig'
    """
    try:
        good = "\n".encode(encoding) == b"\n"
    except (LookupError, TypeError, ValueError) as error:  # unknown, no str, or not for text
        text = "`encoding` must be the name of an encoding of text, such as 'utf-8' or 'gbk'."
        raise invalid(text, encoding=encoding) from error
    if not good:
        raise invalid(
            "`encoding` must write a line end as one byte, such as 'gbk' or 'utf-8', which leaves "
            "out a byte order mark at the start.",
            encoding=encoding,
        )


def first_line(path):
    """Return the first line that is not blank, stripped, or ""; undecodable bytes are replaced."""
    return next((line for _, line in _lines(path)), b"").decode("utf-8", "replace").strip()


def read_blocks(path, parse, encoding="utf-8"):
    """Read a text file whose examples are blocks of lines, separated by blank lines.

    Args:
        path, parse, encoding: as in `read_lines`.

    Returns:
        List of blocks, each the list of `parse(line)` of its lines.

    Raises:
        ValueError: a line is bad, as in `read_lines`, or there are no examples.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(b"1\\n2\\n\\n\\n3\\n")
    >>> read_blocks(file.name, int)
    [[1, 2], [3]]
    >>> os.unlink(file.name)
    """
    check_encoding(encoding)
    blocks, last = [], None
    for number, line in _lines(path):
        if last is None or number > last + 1:
            blocks.append([])
        try:
            blocks[-1].append(parse(line.decode(encoding)))
        except _BAD as error:
            raise ValueError(_described(path, number, line, encoding, error)) from error
        last = number
    if not blocks:
        raise ValueError(f"no examples in {path}")
    return blocks


def read_tsv(path, columns=(str, int), labels=None, errors="raise", encoding="utf-8"):
    """Read a file of values separated by tabs, such as `text<tab>label`.

    Args:
        path, errors, encoding: as in `read_lines`.
        columns: functions that convert the text of each column; a line must have as many columns.
        labels: allowed values of the last column; None allows all.

    Returns:
        List of tuples of values.

    Raises:
        ValueError: as in `read_lines`.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("很好\\t1\\n太差\\t0\\n".encode())
    >>> read_tsv(file.name, labels=(0, 1))
    [('很好', 1), ('太差', 0)]
    >>> os.unlink(file.name)
    """

    def parse(line):
        values = line.split("\t")
        if len(values) != len(columns):
            raise ValueError(f"must have {len(columns)} columns, has {len(values)}")
        example = tuple(column(value) for column, value in zip(columns, values))
        if labels is not None and example[-1] not in labels:
            raise ValueError(f"label must be one of {list(labels)}, is {example[-1]!r:.{LONGEST}}")
        return example

    return read_lines(path, parse, errors, encoding)


def read_jsonl(path, fields=None, errors="raise", encoding="utf-8"):
    """Read a file with a JSON value on each line.

    Args:
        path, errors, encoding: as in `read_lines`.
        fields: keys that the object on each line must have; None allows any JSON value.

    Returns:
        List of tuples of the values of `fields`, or of the JSON values if `fields` is None.

    Raises:
        ValueError: as in `read_lines`.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(b'{"id": 1, "text": "a"}\\n')
    >>> read_jsonl(file.name, ("text", "id"))
    [('a', 1)]
    >>> os.unlink(file.name)
    """

    def parse(line):
        value = json.loads(line)
        if fields is None:
            return value
        if not isinstance(value, dict) or any(field not in value for field in fields):
            raise ValueError(f"must be an object with the keys {list(fields)}")
        return tuple(value[field] for field in fields)

    return read_lines(path, parse, errors, encoding)


def write_jsonl(path, values):
    """Write a file with a JSON value on each line, in UTF-8; an error leaves the old file.

    Args:
        path: path of the file.
        values: iterable of values that `json.dumps` accepts.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "lines.json")
    >>> write_jsonl(path, [{"text": "你好"}, 3])
    >>> read_jsonl(path)
    [{'text': '你好'}, 3]
    """
    lines = [json.dumps(value, ensure_ascii=False) + "\n" for value in values]
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(lines)


def reason_of(error):
    """Return the text of a parser's error, cut where it repeats a long text that is wrong."""
    text = str(error) if isinstance(error, ValueError) else repr(error)
    return text if len(text) <= 3 * LONGEST else f"{text[: 3 * LONGEST]}..."


def _lines(path):
    """Yield (number from 1, bytes without line end) of the lines that are not blank."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            if line.strip():
                yield number, line


def _described(path, number, line, encoding, error):
    text = line[: 4 * LONGEST].decode(encoding, "replace")[:LONGEST]
    return f"{path}:{number}: {reason_of(error)}. Received: {text!r}"


def _report(path, good, bad, first, kind):
    if not good and not bad:
        raise ValueError(f"no examples in {path}")
    if bad > _SKIPPED * (good + bad):
        raise ValueError(
            f"more than {_SKIPPED:.0%} of the {kind} are bad, {bad} of {good + bad}: {first}"
        )
    if bad:
        warnings.warn(f"{bad} of {good + bad} {kind} skipped, first: {first}", stacklevel=4)
