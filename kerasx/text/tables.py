"""Tables of plain text in which Chinese stands in line."""

import unicodedata


def text_table(rows, widths=None):
    """Rows as lines of aligned columns; a Chinese character is two columns wide.

    Args:
        rows: lists of values, as many in each row.
        widths: the widest each column may get (longer cells are cut); None is no limit.

    Returns:
        str, a line for each row.

    >>> print(text_table([["题", "值"], ["鸡兔", 12]]))
    题    值
    鸡兔  12
    """
    rows = [[str(cell) for cell in row] for row in rows]
    limits = widths or [None] * len(rows[0])
    columns = [
        [_cut(cell, limit) for cell in column]
        for column, limit in zip(zip(*rows, strict=True), limits, strict=True)
    ]
    sizes = [max(map(display_width, column)) for column in columns]
    lines = (
        "  ".join(cell + " " * (size - display_width(cell)) for cell, size in zip(row, sizes))
        for row in zip(*columns, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines)


def display_width(text):
    """How many terminal columns a text takes.

    >>> display_width("鸡12")
    4
    """
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _cut(text, limit):
    while limit is not None and display_width(text) > limit:
        text = text[:-1]
    return text
