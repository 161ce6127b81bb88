"""Find the characters of a text from which WordPiece's tokens come."""

import re

from kerasx.checks import invalid
from kerasx.tokenizers.base import check_text
from kerasx.tokenizers.characters import align, is_special
from kerasx.tokenizers.overriding import spans_of

_WORD = re.compile("[^ ]+")


class WordPieceOffsets:
    """Mixin of `Tokenizer`: from tokens to their places in a text."""

    def _pieces_with_offsets(self, text):
        if not self._is_overridden:
            return [(piece, (s[0], s[-1] + 1)) for piece, s in self._token_sources(text)]
        tokens = self._tokenize(text)
        return list(zip(tokens, spans_of(self._search(text, tokens))))

    def rematch(self, text, tokens):
        """Return the indices of the characters of a text from which each token comes.

        Args:
            text: str.
            tokens: tokens of this text, from `tokenize` or `ids_to_tokens`, truncated or not.

        Returns:
            List of lists of int, one for each token; [] for special tokens.

        Raises:
            ValueError: a token is not found in the text.
        """
        if self._is_overridden:
            return self._search(check_text(text), tokens)
        found = self._token_sources(check_text(text))
        sources = [s for s in found if s[0][0] != "[" or not is_special(s[0])]
        own = self._translated([piece for piece, _ in sources])
        edges = {self._token_start, self._token_end, self._token_pad}
        given = [
            t for t in tokens if t not in edges and (t == self._token_unk or not is_special(t))
        ]
        cuts = (
            0,
            max(len(own) - len(given), 0),
        )  # truncated at the right or not at all; at the left
        start = next((i for i in cuts if self._agree(given, own[i : i + len(given)])), None)
        if start is None:
            return self._search(text, tokens)
        matched, given, mapping = iter(sources[start:]), set(given), []
        for token in tokens:
            indices = next(matched)[1] if token in given else []
            mapping.append([] if is_special(token) else list(dict.fromkeys(indices)))
        return mapping

    def _agree(self, given, own):
        """Return whether two lists of tokens agree; [UNK] agrees with every unknown word."""
        known, unk = self._token_dict, self._token_unk
        return len(given) == len(own) and all(
            a == b or (a == unk and b not in known) for a, b in zip(given, own)
        )

    def _search(self, text, tokens):
        """Do `rematch` for tokens that are not consecutive: search each after the last."""
        string, sources = align(text, self._unspaced_table)
        mapping, end = [], 0
        for token in tokens:
            if self._is_special(token):
                mapping.append([])
                continue
            start = string.find(self.stem(token), end)
            if start < 0:
                raise ValueError(f"`tokens` must come from the text. Received: {token!r} not found")
            end = start + len(self.stem(token))
            mapping.append(list(dict.fromkeys(sources[start:end])))
        return mapping

    def _token_sources(self, text):
        """Yield (piece, indices of its characters in the text)."""
        if self._special_pattern is None:
            yield from self._part_sources(text)
            return
        offset = 0
        for i, part in enumerate(self._special_pattern.split(text)):
            whole = [(part, range(len(part)))]
            for piece, indices in whole if i % 2 else self._part_sources(part):
                yield piece, [offset + index for index in indices]
            offset += len(part)

    def _part_sources(self, text):
        if self._pre_tokenize is None:
            yield from self._piece_sources(text)
            return
        string, sources = align(text, self._unspaced_table)
        end = 0
        for unit in self._pre_tokenize(string):
            start = string.find(unit, end)
            if start < 0:
                raise invalid("`pre_tokenize` must keep the text.", word=unit)
            end = start + len(unit)
            whole = [(unit, range(len(unit)))]
            for piece, indices in whole if self._is_whole(unit) else self._piece_sources(unit):
                yield piece, [sources[start + index] for index in indices]

    def _piece_sources(self, text):
        string, sources = align(text, self._table)
        for word in _WORD.finditer(string):
            end = word.start()
            for piece in self._pieces[word.group()]:
                start, end = end, end + len(piece) - (2 if end > word.start() else 0)
                yield piece, sources[start:end]
