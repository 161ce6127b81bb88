"""Decode ids that arrive one after the other to text that is never taken back."""

import re

from kerasx.tokenizers.base import id_list
from kerasx.tokenizers.sentence_piece import SpTokenizer
from kerasx.tokenizers.spacing import Spacing
from kerasx.tokenizers.wordpiece import Tokenizer

_LEAST, _MOST = 8, 32  # ids that are decoded again with each push
_BYTE = re.compile("<0x[0-9A-Fa-f]{2}>")
_INCOMPLETE = re.compile("\ufffd{1,3}$")  # a character has up to four bytes


class TextStream:
    """Convert a growing list of ids to text, piece by piece.

    Only text that no later id can change is returned: bytes of an unfinished character wait for the
    rest, and punctuation of WordPiece for its neighbours. All pieces together equal
    `tokenizer.decode` of all ids. The work is proportional to the number of ids.

    Args:
        tokenizer: a tokenizer of `kerasx.tokenizers`, or of a class of your own with `decode`.

    >>> tokenizer = Tokenizer({t: i for i, t in enumerate(["[UNK]", "it", "'", "s", "好", "！"])},
    ...                       token_start=None, token_end=None)
    >>> stream = TextStream(tokenizer)
    >>> [stream.push([i]) for i in [1, 2, 3, 4, 5]], stream.end()
    (['', 'it', '', "'s好", '！'], '')
    """

    def __init__(self, tokenizer):
        is_wordpiece = isinstance(tokenizer, Tokenizer)
        self._stream = _WordPieces(tokenizer) if is_wordpiece else _Tail(tokenizer)

    def push(self, ids):
        """Add ids, and return the text that has become certain.

        Args:
            ids: list, array or tensor of ids.

        Returns:
            str, which may be empty.
        """
        return self._stream.push(id_list(ids))

    def end(self):
        """Return the rest of the text; nothing may be pushed after it."""
        return self._stream.end()


class _WordPieces:
    """The stream of a `Tokenizer`: `Spacing`, which `decode` uses as well."""

    def __init__(self, tokenizer):
        self.tokenizer, self.spacing = tokenizer, Spacing()

    def push(self, ids):
        return "".join(map(self.spacing.push, self.tokenizer._readable(ids)))

    def end(self):
        return self.spacing.end()


class _Tail:
    """The stream of any tokenizer: decodes the last ids again with each push."""

    def __init__(self, tokenizer):
        self.tokenizer, self.ids = tokenizer, []
        self.returned = 0  # characters of the text of `ids` that were returned
        self.most = _MOST
        self.bytes = []  # ids of bytes after `ids`, whose text the next byte may change

    def push(self, ids):
        ids = self._without_bytes(ids)
        if not ids:
            return ""
        self.ids += ids
        text = self.tokenizer.decode(self.ids)
        end = max(len(_INCOMPLETE.sub("", text)), self.returned)
        new, self.returned = text[self.returned : end], end
        if len(self.ids) > self.most:
            self._forget(text)
            self.most = max(_MOST, 2 * len(self.ids))
        return new

    def end(self):
        return self.tokenizer.decode(self.ids + self.bytes)[self.returned :]

    def _without_bytes(self, ids):
        """Return the ids that can be decoded now; bytes at their end have to wait.

        The package tokenizers decodes neighbouring bytes together, and one bad byte spoils all.
        """
        if isinstance(self.tokenizer, SpTokenizer):
            return ids
        n = len(ids)
        while n and _BYTE.fullmatch(self.tokenizer.id_to_token(ids[n - 1])):
            n -= 1
        if not n:
            self.bytes += ids
            return []
        ready, self.bytes = self.bytes + ids[:n], ids[n:]
        return ready

    def _forget(self, text):
        """Keep the last ids only, if their text is the end of the text."""
        last = len(self.ids) - _LEAST
        for start in range(last, max(last - _LEAST, 0), -1):
            rest = self.tokenizer.decode(self.ids[start:])
            dropped = len(text) - len(rest)
            if rest and dropped < self.returned and text.endswith(rest):
                self.ids, self.returned = self.ids[start:], self.returned - dropped
                return
        if not text:
            self.ids = []
