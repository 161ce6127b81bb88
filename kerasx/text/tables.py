"""Format tables of plain text whose columns are aligned although Chinese is wide."""

import unicodedata


def text_table(rows, widths=None):
    """Format rows as lines with aligned columns; a Chinese character is two characters wide.

    Args:
        rows: non-empty list of lists of values, all of the same length.
        widths: list of the maximal width of each column, at which cells are cut; None for no limit.

    Returns:
        str with a line for each row.

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
    """Return the width of a text in the columns of a terminal.

    >>> display_width("鸡12")
    4
    """
    return sum(map(_character_width, text))


def _character_width(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text, limit):
    while limit is not None and display_width(text) > limit:
        text = text[:-1]
    return text
