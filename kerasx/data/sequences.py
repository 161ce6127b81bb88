"""Sentences with a tag for each token, and sentences of words, from files."""

import re

from kerasx.data.readers import read_blocks, read_lines

_PLACED = re.compile(r"(.+?)([0-9]+)")  # the character may be a digit


def read_conll(path, segmented=False, encoding="utf-8"):
    """Sentences of a file with a token and its tag on a line, and a blank line after each.

    The first column is the token, the last the tag; columns are separated by tabs or spaces.

    Args:
        path: the file.
        segmented: characters are followed by their place in the word (`科0`, `技1`), as in Weibo
            NER; then the words are returned as well.
        encoding: of the file.

    Returns:
        List of (tokens, tags), or of (characters, tags, words).

    Raises:
        ValueError: a line without a tag, or a character without its place; as `path:line`.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("科0\\tO\\n技1\\tO\\n\\n我0\\tB-PER\\n".encode())
    >>> read_conll(file.name, segmented=True)
    [(['科', '技'], ['O', 'O'], ['科技']), (['我'], ['B-PER'], ['我'])]
    >>> os.unlink(file.name)
    """

    def parse(line):
        columns = line.split()
        if len(columns) < 2:
            raise ValueError("must have a token and a tag")
        token, tag = columns[0], columns[-1]
        if not segmented:
            return token, tag, None
        match = _PLACED.fullmatch(token)
        if match is None:
            raise ValueError("must begin with a character and its place in the word")
        return match[1], tag, int(match[2])

    blocks = [tuple(map(list, zip(*block))) for block in read_blocks(path, parse, encoding)]
    if not segmented:
        return [(tokens, tags) for tokens, tags, _ in blocks]
    return [(tokens, tags, _words(tokens, places)) for tokens, tags, places in blocks]


def _words(characters, places):
    words = []
    for character, place in zip(characters, places):
        if place == 0 or not words:
            words.append(character)
        else:
            words[-1] += character
    return words


def read_segmented(path, encoding="utf-8"):
    """Sentences of a file of words with spaces between them, one on a line, as lists of words.

    Args:
        path: the file, such as one of the second SIGHAN bakeoff.
        encoding: of the file.

    Returns:
        List of lists of str.

    Raises:
        ValueError: a line that does not decode, as `path:line`; a file without words.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write("共同  创造\\r\\n".encode())
    >>> read_segmented(file.name)
    [['共同', '创造']]
    >>> os.unlink(file.name)
    """
    return read_lines(path, str.split, encoding=encoding)
