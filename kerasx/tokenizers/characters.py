"""Classify and normalize characters as BERT does: removed, space, or a word by itself.

The rules are those of Hugging Face's BERT tokenizer. Character categories are frozen at Unicode 8.0
as there, so that ids do not change with the version of Python. One difference is by design:
U+2B820..U+2B91F are CJK here, as in Google's release; Hugging Face begins this block at U+2B920.
Unlike Google's release and bert4keras, both remove private-use characters.
"""

import unicodedata
from itertools import groupby

# Ranges of marks, punctuation and format characters added after Unicode 8.0: letters to BERT.
_NEWER = """
5C8-5C9 61D 7FD 890-891 897-89F 8CA-8E2 9FD-9FE A76 AFA-AFF B53-B55 C04 C3C C77 C84 D00 D3B-D3C
D81 EBA ECE 180F 1885-1886 1ABF-1AF0 1B4E-1B4F 1B7D-1B7F 1DF6-1DFB 2E43-2E4F 2E52-2E5D 2E60-2E63
A82C A8C5 A8FF A9BD 10D24-10D27 10D69-10D6E 10EAB-10EAD 10ECB-10ED0 10EF0-10EFF 10F46-10F50
10F55-10F59 10F82-10F89 11070 11073-11074 110C2 110CD 111CF 1123E 11241 1133B 113BB-113C0 113CE
113D0 113D2 113D4-113D5 113D7-113D8 113E1-113E2 11438-1143F 11442-11444 11446 1144B-1144F
1145A-1145B 1145D-1145E 11660-1166C 116B9 1182F-11837 11839-1183B 1193B-1193C 1193E 11943-11946
119D4-119D7 119DA-119DB 119E0 119E2 11A01-11A0A 11A33-11A38 11A3B-11A47 11A51-11A56 11A59-11A5B
11A8A-11A96 11A98-11A9C 11A9E-11AA2 11B00-11B09 11B60 11B62-11B64 11B66 11BE1 11C30-11C36
11C38-11C3D 11C3F 11C41-11C45 11C70-11C71 11C92-11CA7 11CAA-11CB0 11CB2-11CB3 11CB5-11CB6
11D31-11D36 11D3A 11D3C-11D3D 11D3F-11D45 11D47 11D90-11D91 11D95 11D97 11DF0 11EF3-11EF4
11EF7-11EF8 11F00-11F01 11F36-11F3A 11F40 11F42-11F4F 11F5A 11FFF 12FF1-12FF2 13430-13440
13447-13455 1611E-16129 1612D-1612F 16D6D-16D6F 16E97-16E9A 16F4F 16FE2 16FE4 1CF00-1CF2D
1CF30-1CF46 1D127-1D128 1D25B-1D25C 1E000-1E006 1E008-1E018 1E01B-1E021 1E023-1E024 1E026-1E02A
1E08F 1E130-1E136 1E2AE 1E2EC-1E2EF 1E4EC-1E4EF 1E5EE-1E5EF 1E5FF 1E6E3 1E6E6 1E6EE-1E6EF 1E6F5
1E944-1E94A 1E95E-1E95F
"""

_CJK = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
_CACHE_LIMIT = 1 << 16
_REMOVED = "\0\ufffd"  # by any rules
REORDER = "\0"  # precedes a combining mark that is kept; NUL itself is always removed


# Chinese punctuation, of which "、" and the dashes are not full-width forms
_MARKS = (
    *((0xB7, 0xB7), (0x2013, 0x2014), (0x2018, 0x2019), (0x201B, 0x201F), (0x2026, 0x2027)),
    *((0x3000, 0x3003), (0x3008, 0x3011), (0x3014, 0x301F), (0x3030, 0x3030), (0x303E, 0x303F)),
    *((0xFE4F, 0xFE4F), (0xFE51, 0xFE51), (0xFE54, 0xFE54), (0xFF01, 0xFF0D), (0xFF0F, 0xFF0F)),
    *((0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF64)),
)


def _pinned_categories():
    bounds = [[int(end, 16) for end in item.split("-")] for item in _NEWER.split()]
    pinned = {code: "Lo" for ends in bounds for code in range(ends[0], ends[-1] + 1)}
    # Reclassified since 8.0: two were punctuation, two were non-spacing marks.
    return pinned | {0x166D: "Po", 0x111C9: "Po", 0x1734: "Mn", 0x1171E: "Mn"}


_PINNED = _pinned_categories()


def category(ch):
    """Return the general category of a character in Unicode 8.0, as far as BERT's rules use it."""
    return _PINNED.get(ord(ch)) or unicodedata.category(ch)


def is_space(ch):
    """Return whether a character separates words."""
    return ch in " \t\n\r" or category(ch)[0] == "Z"


def is_control(ch):
    """Return whether a character is removed: control, format, private, surrogate, NUL, U+FFFD."""
    return ch == "\ufffd" or (ch not in "\t\n\r" and category(ch) in ("Cc", "Cf", "Co", "Cs"))


def is_punctuation(ch):
    """Return whether a character is punctuation: Unicode P* or an ASCII symbol such as `+`."""
    code = ord(ch)
    if code < 128:
        return 33 <= code and not ch.isalnum() and code != 127
    return category(ch)[0] == "P"


def is_cjk_character(ch):
    """Return whether a character is a CJK ideograph, which is a word by itself in BERT."""
    code = ord(ch)
    return code >= 0x3400 and any(low <= code <= high for low, high in _CJK)


def cjk_punctuation():
    """Return the punctuation of Chinese texts, as a str of 84 characters."""
    return "".join(chr(code) for first, last in _MARKS for code in range(first, last + 1))


def is_special(token):
    """Return whether a token has the form of a special token: `[CLS]`, `[unused1]`."""
    return len(token) > 2 and token[0] == "[" and token[-1] == "]"


def stem(token):
    """Remove the `##` at the start of a token."""
    return token[2:] if token[:2] == "##" else token


def is_redundant(token):
    """Return whether WordPiece never produces a token: it has a character that is a word alone."""
    return len(token) > 1 and any(is_cjk_character(c) or is_punctuation(c) for c in stem(token))


class CharacterTable(dict):
    """Table from code points to normalized forms for `str.translate`, computed on first use.

    Args:
        lower: decompose letters (NFD), remove non-spacing marks and convert to lower case.
        spaced: put spaces around ideographs and punctuation, so that
            `text.translate(table).split()` returns BERT's words.
        rules: functions `is_space` etc. of a character, in the place of BERT's.

    Removed characters map to "", spaces to " ".

    >>> "Café，好".translate(CharacterTable(lower=True)).split()
    ['cafe', '，', '好']
    """

    is_space, is_control = staticmethod(is_space), staticmethod(is_control)
    is_punctuation, is_cjk_character = staticmethod(is_punctuation), staticmethod(is_cjk_character)

    def __init__(self, lower, spaced=True, **rules):
        self.lower, self.spaced = lower, spaced
        vars(self).update(rules)

    def __missing__(self, code):
        form = self._form(chr(code))
        if len(self) < _CACHE_LIMIT:
            self[code] = form
        return form

    def _form(self, ch):
        if self.is_space(ch):
            return " "
        if ch in _REMOVED or self.is_control(ch):
            return ""
        return "".join(map(self._dress, self._fold(ch) if self.lower else ch))

    @staticmethod
    def _fold(ch):
        return "".join(c.lower() for c in unicodedata.normalize("NFD", ch) if category(c) != "Mn")

    def _dress(self, ch):
        if self.spaced and (self.is_cjk_character(ch) or self.is_punctuation(ch)):
            return f" {ch} "
        return REORDER + ch if self.lower and unicodedata.combining(ch) else ch


def normalize(text, table):
    """Translate a text by a `CharacterTable`, with combining marks in canonical order."""
    forms = text.translate(table)
    return forms if REORDER not in forms else align(text, table)[0]


def align(text, table):
    """Return `normalize(text, table)`, and the index in the text of each of its characters.

    Runs of combining marks are sorted here: Python's normalization takes time quadratic in them.
    """
    forms = list(map(table.__getitem__, map(ord, text)))
    string = "".join(forms)
    if REORDER not in string:
        return string, [i for i, form in enumerate(forms) for _ in form]
    # Removed characters must not split a run of marks; non-spacing marks, removed later, may.
    kept = [(i, c) for i, c in enumerate(text) if forms[i] or category(c) == "Mn"]
    pairs = ((i, c) for i, ch in kept for c in unicodedata.normalize("NFD", ch))
    pairs = [(i, c) for i, ch in _canonical(pairs) for c in table[ord(ch)] if c != REORDER]
    return "".join(c for _, c in pairs), [i for i, _ in pairs]


def _canonical(pairs):
    """Sort each run of combining marks by class; the indices stay sorted."""
    for combining, run in groupby(pairs, key=lambda pair: unicodedata.combining(pair[1]) > 0):
        indices, chars = zip(*run)
        yield from zip(indices, sorted(chars, key=unicodedata.combining) if combining else chars)
