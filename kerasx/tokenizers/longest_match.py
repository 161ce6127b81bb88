"""Split a word into pieces of a vocabulary, always the longest from the left."""

from collections import defaultdict

from kerasx.tokenizers.characters import stem


class LongestMatch:
    """Split words by greedy longest match, as BERT's WordPiece does.

    Only lengths that pieces with the same first character have are tried.

    Args:
        token_dict: dict from tokens to ids; pieces within a word begin with "##".
        most: longer words are not split.

    Source: Wu et al., 1609.08144.

    >>> split = LongestMatch({"play": 0, "##ing": 1, "##in": 2}, most=100)
    >>> split("playing"), split("plays")
    (('play', '##ing'), ('plays',))
    """

    def __init__(self, token_dict, most):
        self.token_dict, self.most = token_dict, most
        lengths = defaultdict(set)
        for token in token_dict:
            n = len(stem(token))
            if 0 < n <= most:
                lengths[token[: len(token) - n + 1]].add(n)
        self.lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}

    def __call__(self, word):
        """Return the tuple of the pieces of a word; the word itself if it cannot be split."""
        if word in self.token_dict or len(word) > self.most:
            return (word,)
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            for length in self.lengths.get(prefix + word[start], ()):
                piece = prefix + word[start : start + length]
                if piece in self.token_dict:
                    break
            else:
                return (word,)
            pieces.append(piece)
            start += length
        return tuple(pieces)
