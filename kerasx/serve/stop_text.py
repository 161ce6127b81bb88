"""Write the text of tokens up to a stop string."""

from kerasx.tokenizers import TextStream


class StopText:
    """The text of tokens that come one by one, which ends before the first stop string.

    Text that may be the beginning of a stop string is held back until it is none.

    Args:
        tokenizer: a tokenizer of `kerasx.tokenizers`.
        stops: list of str.
        most: number of tokens at most.

    Attributes:
        tokens: number of tokens so far.
        reason: None before the end, then "stop" or "length".
    """

    def __init__(self, tokenizer, stops, most):
        self._stream, self._stops, self._held = TextStream(tokenizer), stops, ""
        self.most, self.tokens, self.reason = most, 0, None

    def push(self, token):
        """Return the further text that is certain after a token, an id or -1 for the end."""
        if self.reason:
            return ""
        if token < 0:
            return self._ended("stop")
        self.tokens += 1
        text = self._released(self._stream.push([token]))
        if self.tokens == self.most and not self.reason:
            text += self._ended("length")
        return text

    def _ended(self, reason):
        text = self._released(self._stream.end())
        if self.reason:
            return text
        self.reason = reason
        return text + self._held

    def _released(self, text):
        """Return what is certain of the text held back and this further text."""
        text = self._held + text
        found = [i for i in map(text.find, self._stops) if i >= 0]
        if found:
            self.reason = "stop"
            return text[: min(found)]
        n = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - n :]
        return text[: len(text) - n]


def _overlap(text, stop):
    """Return the length of the longest end of a text that begins a stop string.

    >>> _overlap("aab", "abc"), _overlap("ac", "abc")
    (2, 0)
    """
    sizes = range(min(len(text), len(stop) - 1), 0, -1)
    return next((n for n in sizes if text.endswith(stop[:n])), 0)
