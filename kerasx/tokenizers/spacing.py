"""Put the spaces back between the tokens of a text, as people write them.

WordPiece forgets where a text had spaces. Each word wishes for a space before and after itself, and
a space stands where both neighbours wish for one. Ideographs and full-width punctuation wish for
none, and keep the marks beside them from it; other words wish for both; what a mark of punctuation
wishes for depends on its neighbours, see `spacing_rules`. So there is no space between Chinese and
Latin, as in most newspapers, books and encyclopedias.
"""

from collections import deque
from itertools import islice

from kerasx.tokenizers import spacing_rules as rules
from kerasx.tokenizers.characters import stem
from kerasx.tokenizers.spacing_rules import classes, is_chinese, is_mark

_SPACE_BEFORE = {rules.BEFORE, rules.SPACED, rules.OPENS}
_SPACE_AFTER = {rules.AFTER, rules.SPACED, rules.CLOSES}
_CODE = ("`", "``", "```", "<")
_OPENING = {">": "<"}  # where it is not the same mark as the closing one
_FAR = 40  # words, after which an open quotation, or Chinese, has no effect any more
_RULES = {mark: [rule for rule in rules.RULES if rule[0] == mark] for mark, *_ in rules.RULES}
_FORMULA = 6  # words after an operator, among which an ideograph makes the text Chinese
_AHEAD = {
    mark: _FORMULA if mark in {*"+*=<>"} else max(1, *(len(rule[2]) for rule in _RULES[mark]), 1)
    for mark in _RULES
}


class Spacing:
    """Join tokens to a text with the spaces that people would write.

    `push` returns the text that no later token can change. Together with that of `end` it is the
    whole text, in time proportional to its length.

    >>> spacing = Spacing()
    >>> [spacing.push(token) for token in ["it", "'", "s", "play", "##ing", "。"]], spacing.end()
    (['', 'it', '', '', '', "'s playing。"], '')
    """

    def __init__(self):
        self._pieces, self._is_suffix = [], False  # of the last word, which may go on
        self._words = deque()  # that wait for words after them: (word, whether it is a suffix)
        self._before = deque(maxlen=3)  # classes of the words written last, the nearest first
        self._word = ""  # the word written last
        self._wants_space = False  # whether it wishes for a space after itself
        self._count, self._last = 0, {}  # words written, and when there was Chinese, a quotation...
        self._address, self._in_name = None, False

    def push(self, token):
        """Add a token, and return the text that has become certain."""
        piece = stem(token)
        if not piece:
            return ""
        if self._goes_on(piece, piece != token):
            self._pieces.append(piece)
            return ""
        self._finish()
        self._pieces, self._is_suffix = [piece], piece != token
        if is_chinese(piece):
            self._finish()
        return self._write(is_end=False)

    def end(self):
        """Return the rest of the text."""
        self._finish()
        return self._write(is_end=True)

    def _goes_on(self, piece, is_suffix):
        """Return whether a piece belongs to the last word."""
        pieces = self._pieces
        if not pieces or not is_mark(pieces[0]):
            return bool(pieces) and is_suffix
        is_run = pieces[0] == pieces[-1] == piece and piece in rules.RUNS
        return is_run or (len(pieces) == 1 and pieces[0] + piece in rules.MERGED)

    def _finish(self):
        if self._pieces:
            self._words.append(("".join(self._pieces), self._is_suffix))
            self._pieces = []

    def _write(self, is_end):
        """Return the text of the words whose spaces are certain."""
        text = []
        while self._words:
            form = self._form(is_end)
            if form is None:
                break
            word, is_suffix = self._words.popleft()
            before_chinese = is_mark(word) and self._words and is_chinese(self._words[0][0])
            if self._wants_space and form in _SPACE_BEFORE and not (is_suffix or before_chinese):
                text.append(" ")
                self._address, self._in_name = None, False
            text.append(word)
            self._remember(word, form)
        return "".join(text)

    def _form(self, is_end):
        """Return where the first word wishes for spaces; None if it depends on words to come."""
        word = self._words[0][0]
        if is_chinese(word):
            return rules.TIGHT
        if not is_mark(word):
            return rules.SPACED
        need = _AHEAD.get(word, 1)
        words = [word for word, _ in islice(self._words, 1, 1 + need)]
        if words and is_chinese(words[0]):
            words = words[:1]
        elif len(words) < need and not is_end:
            return None
        return self._mark_form(word, words)

    def _mark_form(self, mark, words):
        before = [self._place(mark, words), *islice(self._before, 1, None)]
        after = [classes(word) for word in words]
        form = rules.DEFAULTS.get(mark, rules.SPACED)
        for _, left, right, wish, _ in _RULES.get(mark, ()):
            if _fits(left[::-1], before) and _fits(right, after):
                form = wish
                break
        if form != rules.QUOTE:
            return form
        is_open = self._is_near(_OPENING.get(mark, mark))
        return rules.OPENS if words and not is_open else rules.CLOSES

    def _place(self, mark, words):
        """Return the classes of the word before a mark, with the properties of the place."""
        own = self._before[0] if self._before else frozenset()
        return own.union(name for name in _ASKED.get(mark, ()) if _IS[name](self, mark, words))

    def _is_near(self, name):
        return self._count - self._last.get(name, -_FAR) < _FAR

    def _remember(self, word, form):
        """Note what the spaces of later words may depend on."""
        after_chinese = self._before and rules.IDEOGRAPH in self._before[0]
        self._wants_space = form in _SPACE_AFTER and not (after_chinese and is_mark(word))
        if form == rules.OPENS:
            self._last[word] = self._count
        elif form == rules.CLOSES:
            self._last.pop(_OPENING.get(word, word), None)
        if is_chinese(word):
            self._last[rules.CHINESE] = self._count
            self._address, self._in_name = None, False
        elif word in rules.OPERATORS and form == rules.SPACED:
            self._last[rules.FORMULA] = self._count
        self._in_name |= word[0] == "_"
        self._address = self._address_after(word, form)
        self._before.appendleft(classes(word if len(word) < _FAR else word[-_FAR:]))
        self._word, self._count = word, self._count + 1

    def _address_after(self, word, form):
        """Return in which part of an address the next word is; None outside."""
        if form == rules.TIGHT and word == "(" and self._word == "]":
            return "link"
        if form == rules.TIGHT and (word in ("//", "@") or self._word == "www"):
            return self._address or "host"
        return "path" if self._address == "host" and word == "/" else self._address


# Whether a place before some words has a property.
_IS = {
    rules.START: lambda s, mark, words: not s._before,
    rules.ADDRESS: lambda s, mark, words: s._address is not None,
    rules.HOST: lambda s, mark, words: s._address == "host",
    rules.LINK: lambda s, mark, words: s._address == "link",
    rules.NAME: lambda s, mark, words: s._in_name,
    rules.CODE: lambda s, mark, words: any(map(s._is_near, _CODE)),
    rules.QUOTED: lambda s, mark, words: s._is_near(_OPENING.get(mark, mark)),
    rules.CHINESE: lambda s, mark, words: s._is_near(rules.CHINESE) or any(map(is_chinese, words)),
    rules.FORMULA: lambda s, mark, words: s._last.get(rules.FORMULA) == s._count - 2,
    rules.FALLING: lambda s, mark, words: bool(words) and _fall(s._word, words[0]),
}
_ASKED = {
    mark: [name for name in _IS if any(name in rule[1] for rule in mine)]
    for mark, mine in _RULES.items()
}


def join(tokens):
    """Return the text of tokens.

    >>> join(["[E1]", "don", "'", "t", "pay", "$", "1", ",", "000", "!"])
    "[E1] don't pay $1,000!"
    """
    spacing = Spacing()
    return "".join([*map(spacing.push, tokens), spacing.end()])


def _fits(wanted, found):
    return len(wanted) <= len(found) and all(name in names for name, names in zip(wanted, found))


def _fall(left, right):
    """Return whether two words are numbers below 1000 of which the first is greater."""
    numbers = left.isdecimal() and right.isdecimal() and max(len(left), len(right)) <= 3
    return numbers and int(left) > int(right)
