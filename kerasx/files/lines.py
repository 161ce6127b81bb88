"""Files with one example a line, read so that a bad line says where it is, or written whole."""

import codecs
import json
import warnings

from kerasx.checks import check_choice
from kerasx.files.atomic import atomic_path

_SKIPPED = 0.01  # a file with more bad lines than this is another kind of file


def read_lines(path, parse, errors="raise", encoding="utf-8"):
    """The examples of a text file, `parse(line)` for each line that is not blank.

    Lines end at "\\n" alone (U+2028 and the like belong to the text), a "\\r" before it and a
    byte order mark at the start are left out. A line is bad if it does not decode, or if `parse`
    raises ValueError, KeyError, IndexError or TypeError.

    Args:
        path: the file.
        parse: function of a line, without its end.
        errors: `"raise"` stops at a bad line; `"skip"` leaves bad lines out, and warns once.
        encoding: one that writes a line end as one byte, such as "utf-8" or "gbk".

    Returns:
        List of examples.

    Raises:
        ValueError: a bad line, as `path:line` and the beginning of its text; with "skip" more
            than 1 % of them; no examples at all.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(b"1\\r\\n2\\n")
    >>> read_lines(file.name, int)
    [1, 2]
    >>> os.unlink(file.name)
    """
    if "\n".encode(encoding) != b"\n":
        raise ValueError(
            f"`encoding` must write a line end as one byte. Received: encoding={encoding!r}"
        )

    def parsed(line):
        return parse(line.decode(encoding))

    def described(number, line, error):
        return _described(path, number, line, encoding, error)

    return parse_all(path, _lines(path), parsed, errors, described, "lines")


def parse_all(path, items, parse, errors, described, kind):
    """Parse the items of a file; a bad item is an error or, if few are bad, skipped.

    Args:
        path: the file, named in errors.
        items: iterable of (number, item).
        parse: function of an item; it raises ValueError, KeyError, IndexError or TypeError if the
            item is bad.
        errors: `"raise"` or `"skip"`, as in `read_lines`.
        described: function of (number, item, error) that returns the message of an error.
        kind: plural noun for the items in messages, such as "lines".

    Returns:
        List of the parsed items.

    Raises:
        ValueError: as in `read_lines`.
    """
    check_choice("errors", errors, ("raise", "skip"))
    examples, bad, first = [], 0, None
    for number, item in items:
        try:
            examples.append(parse(item))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            bad, first = bad + 1, first or described(number, item, error)
            if errors == "raise":
                raise ValueError(first) from error
    _report(path, len(examples), bad, first, kind)
    return examples


def first_line(path):
    """The first line of a file that is not blank, however it decodes; "" if there is none."""
    return next((line for _, line in _lines(path)), b"").decode("utf-8", "replace").strip()


def read_blocks(path, parse, encoding="utf-8"):
    """The examples of a text file of several lines each, with blank lines between them.

    Args:
        path, encoding: see `read_lines`.
        parse: function of a line, without its end.

    Returns:
        List of lists, `parse(line)` for each line of a block.

    Raises:
        ValueError: a bad line, as for `read_lines`; no examples at all.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(b"1\\n2\\n\\n\\n3\\n")
    >>> read_blocks(file.name, int)
    [[1, 2], [3]]
    >>> os.unlink(file.name)
    """
    blocks, last = [], None
    for number, line in _lines(path):
        if last is None or number > last + 1:
            blocks.append([])
        try:
            blocks[-1].append(parse(line.decode(encoding)))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ValueError(_described(path, number, line, encoding, error)) from error
        last = number
    if not blocks:
        raise ValueError(f"no examples in {path}")
    return blocks


def read_tsv(path, columns=(str, int), labels=None, errors="raise", encoding="utf-8"):
    """Tuples from lines of values between tabs, such as `text<tab>label`.

    Args:
        path, errors, encoding: see `read_lines`.
        columns: what makes each column's value out of its text; there must be just as many.
        labels: allowed values of the last column; `None` allows all.

    Raises:
        ValueError: as `read_lines`.

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
            raise ValueError(f"label must be one of {list(labels)}, is {example[-1]!r}")
        return example

    return read_lines(path, parse, errors, encoding)


def read_jsonl(path, fields=None, errors="raise", encoding="utf-8"):
    """Values from lines of JSON.

    Args:
        path, errors, encoding: see `read_lines`.
        fields: keys that each line's object must have, to get a tuple of their values; `None`
            gives what is on the line, whatever it is.

    Raises:
        ValueError: as `read_lines`.

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
    """Values as lines of JSON, what `read_jsonl` reads; all of them or, after an error, none.

    Args:
        path: the file, in UTF-8.
        values: iterable of what JSON can say.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "lines.json")
    >>> write_jsonl(path, [{"text": "你好"}, 3])
    >>> read_jsonl(path)
    [{'text': '你好'}, 3]
    """
    lines = [json.dumps(value, ensure_ascii=False) + "\n" for value in values]
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(lines)


def _lines(path):
    """(number from 1, bytes without line end) of the lines that are not blank."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            if line.strip():
                yield number, line


def _described(path, number, line, encoding, error):
    text = line.decode(encoding, "replace")[:80]
    reason = error if isinstance(error, ValueError) else repr(error)
    return f"{path}:{number}: {reason}. Received: {text!r}"


def _report(path, good, bad, first, kind):
    if not good and not bad:
        raise ValueError(f"no examples in {path}")
    if bad > _SKIPPED * (good + bad):
        raise ValueError(
            f"more than {_SKIPPED:.0%} of the {kind} are bad, {bad} of {good + bad}: {first}"
        )
    if bad:
        warnings.warn(f"{bad} of {good + bad} {kind} skipped, first: {first}", stacklevel=4)
