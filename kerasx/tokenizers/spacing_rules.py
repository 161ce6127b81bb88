"""Rules of where punctuation wishes for spaces, in the order in which they are tried."""

from functools import lru_cache

from kerasx.tokenizers.characters import is_cjk_character, is_punctuation

# Where a mark x wishes for spaces. OPENS and CLOSES do as BEFORE and AFTER and count quotations;
# QUOTE is either of them.
TIGHT, AFTER, BEFORE, SPACED = "x", "x ", " x", " x "
OPENS, CLOSES, QUOTE = "{opens}", "{closes}", "{quote}"

# The wishes if no rule says otherwise; SPACED for all other marks.
DEFAULTS = {
    **dict.fromkeys([".", ",", ";", ":", "!", "?", ")", "]", "}", "%", "...", "::"], AFTER),
    **dict.fromkeys("…”’»›′″‰", AFTER),
    **dict.fromkeys("([{$#@~“‘«‹¿¡§", BEFORE),
    **dict.fromkeys(["-", "/", "\\", "_", "^"], TIGHT),
    **dict.fromkeys(['"', "'", "`", "``", "```", "**", "***", "__"], QUOTE),
}

# Classes of words, in braces to differ from all tokens.
WORD, NUMBER, LETTER, SHORT, LONG = "{word}", "{number}", "{letter}", "{short}", "{long}"
ENDS_IN_DIGIT, UP_TO_999 = "{ends in digit}", "{up to 999}"
DECADE, THREE_DIGITS, YEAR = "{decade}", "{three digits}", "{year}"
ELIDED, ENDING, PLURAL, SUFFIX = "{elided}", "{ending}", "{plural}", "{suffix}"
ARTICLE, PREPOSITION, IDEOGRAPH = "{article}", "{preposition}", "{ideograph}"
# Properties of a place: in an address, its host or a link; after a name with "_"; in code, Chinese
# or a formula; between numbers that fall; at the start; after what is no operand; in a quotation.
ADDRESS, HOST, LINK, NAME, CODE, CHINESE = (
    "{address}",
    "{host}",
    "{link}",
    "{name}",
    "{code}",
    "{Chinese}",
)
FORMULA, FALLING, START = "{formula}", "{falling}", "{start}"
NO_OPERAND, QUOTED = "{no operand}", "{quoted}"

# (token, words before it, words after it, its wish, an example); the first rule that fits holds.
RULES = [
    (".", [ENDS_IN_DIGIT], [NUMBER], TIGHT, "3.14"),
    (".", [LETTER], [LETTER, "."], TIGHT, "the u.s. and others"),
    (".", [".", LETTER], [NUMBER], AFTER, "e.g. 3"),
    (".", ["p"], [NUMBER], AFTER, "see p. 3"),
    (".", ["ph"], ["d", "."], TIGHT, "a ph.d. too"),
    (".", [LETTER], [NUMBER], TIGHT, "x.509"),
    (".", ["www"], [WORD], TIGHT, "www.a.cn"),
    (".", [CODE], [WORD], TIGHT, "`np.array`"),
    (".", [LINK], [WORD], TIGHT, "[a](b.html#c.d)"),
    (".", [HOST], [WORD], TIGHT, "http://a.b.cn"),
    (".", ["an"], [WORD], BEFORE, "an .md file"),
    (".", ["the"], [WORD], BEFORE, "the .py file"),
    (".", [WORD], [SUFFIX], TIGHT, "kerasx.org"),
    (".", [WORD], [WORD, "@"], TIGHT, "j.doe@a.org"),
    (".", [WORD], [WORD, ".", SUFFIX], TIGHT, "my.kerasx.org"),
    (".", [ADDRESS], [WORD, "/"], TIGHT, "http://a.cn/b.c/d"),
    (".", [WORD], [WORD, "(", ")"], TIGHT, "call np.array()"),
    (".", [LETTER], [], AFTER, "(e.g. this)"),
    (".", [WORD], [LONG, ")"], TIGHT, "(np.array)"),
    (".", [WORD], [LONG, "]"], TIGHT, "[np.array]"),
    (",", [CODE], [], AFTER, "`100, 150`"),
    (",", [UP_TO_999], [THREE_DIGITS], TIGHT, "1,000"),
    (":", [ENDS_IN_DIGIT], [NUMBER], TIGHT, "at 10:30"),
    (":", [WORD], ["//"], TIGHT, "http://a.cn"),
    (":", [ADDRESS], [NUMBER], TIGHT, "http://a.cn:80"),
    (":", [CODE], [WORD], TIGHT, "`a:b`"),
    (":", [":", WORD], [WORD, ":", "`"], TIGHT, "see :py:ref:`a`"),
    (":", [], [WORD, ":", "`"], BEFORE, "see :ref:`a`"),
    (":", [":", WORD], ["`"], TIGHT, "see :ref:`a`"),
    (":", [], [WORD, ":", WORD, ":", "`"], BEFORE, "see :py:ref:`a`"),
    ("::", [WORD], [WORD], TIGHT, "std::a"),
    ("//", [":"], [], TIGHT, "http://a.cn"),
    ("?", [ADDRESS], [WORD], TIGHT, "http://a.cn/b?c"),
    ("=", [ADDRESS], [WORD], TIGHT, "http://a.cn/b?c=1"),
    ("&", [ADDRESS], [WORD], TIGHT, "http://a.cn/b?c=1&d=2"),
    ("#", [ADDRESS], [WORD], TIGHT, "http://a.cn/b#c"),
    ("%", [ADDRESS], [WORD], TIGHT, "http://a.cn/b%c"),
    ("~", [ADDRESS], [], TIGHT, "http://a.cn/b~c"),
    ("@", [ADDRESS], [], TIGHT, "http://a@b.cn"),
    ("+", [ADDRESS], [], TIGHT, "http://a.cn/b+c"),
    ("@", [WORD], [WORD, "."], TIGHT, "a@b.com"),
    ("@", [WORD], [WORD, "-", WORD, "."], TIGHT, "a@b-c.com"),
    ("%", [ENDS_IN_DIGIT], [], AFTER, "50% of"),
    ("%", [], [LETTER], BEFORE, "print %s here"),
    ("%", [], [], SPACED, "a % bc"),
    ("#", [START], [NUMBER], BEFORE, "#1"),
    ("#", [START], [WORD], SPACED, "# a title"),
    ("#", [LETTER], [NUMBER], BEFORE, "a #1"),
    ("#", [LETTER], [], AFTER, "c# and f#"),
    ("-", [ADDRESS], [], TIGHT, "http://a.cn/5-3"),
    ("--", [ADDRESS], [], TIGHT, "[a](#b--c)"),
    ("-", [START], [NUMBER], TIGHT, "-5"),
    ("-", [START], [], SPACED, "- an item"),
    ("-", [CHINESE], [], TIGHT, "5-3月"),
    ("-", ["++"], [], TIGHT, "c++-like"),
    ("-", ["."], [WORD], SPACED, "it. - an item"),
    ("-", [":"], [LONG], SPACED, "it: - an item"),
    ("-", [")"], [WORD], SPACED, "(it) - an item"),
    ("-", ["]"], [WORD], SPACED, "[it] - an item"),
    ("-", [NO_OPERAND], [], BEFORE, "x = -1"),
    ("-", [PREPOSITION], [NUMBER], BEFORE, "from -1 to -2"),
    ("-", [PREPOSITION], [LETTER], BEFORE, "by -k"),
    ("-", ["-", WORD], [LETTER], TIGHT, "`paired-ar-n`"),
    ("-", [CODE], [LETTER], BEFORE, "`python -m`"),
    ("-", [WORD], ["and", WORD, "-"], AFTER, "high- and low-level"),
    ("-", [WORD], ["or", WORD, "-"], AFTER, "high- or low-level"),
    ("-", [YEAR], [NUMBER], TIGHT, "a = 2024-01"),
    ("-", [YEAR, "-", ENDS_IN_DIGIT], [NUMBER], TIGHT, "a = 2024-01-05"),
    ("-", [FORMULA], [NUMBER], SPACED, "a = 1 * 5 - 3 - 1"),
    ("-", [ENDS_IN_DIGIT], [NUMBER, "="], SPACED, "3 - 5 = 2"),
    ("-", [ENDS_IN_DIGIT], [NUMBER, "-", NUMBER], TIGHT, "12-01-05"),
    ("-", [NUMBER, "-", ENDS_IN_DIGIT], [NUMBER], TIGHT, "12-11-05"),
    ("-", [FALLING], [NUMBER], SPACED, "5 - 3"),
    ("-", [PREPOSITION], [ARTICLE], TIGHT, "state-of-the-art"),
    ("-", [WORD], [ARTICLE], SPACED, "bert - a model"),
    ("--", [CODE], [], BEFORE, "`a --b`"),
    ("--", [START], [], BEFORE, "--help"),
    ("/", [CHINESE], [], TIGHT, "算(1)/2"),
    ("/", [FORMULA], [NUMBER], SPACED, "1 * 6 / 2"),
    ("/", [ENDS_IN_DIGIT], [NUMBER, "="], SPACED, "6 / 2 = 3"),
    ("/", [CODE], [], TIGHT, "`/a/b`"),
    ("/", ["`"], [], SPACED, "`a` / `b`"),
    ("/", [ADDRESS], [], TIGHT, "[a](b)/"),
    ("/", [")"], [WORD], SPACED, "(a) / b"),
    ("...", [","], [], SPACED, "a, ..., b"),
    ("+", [CHINESE], [], TIGHT, "算1+1"),
    ("*", [CHINESE], [], TIGHT, "算2*3"),
    ("=", [CHINESE], [], TIGHT, "算1+1=2"),
    ("<", [CHINESE], [], TIGHT, "若a<b"),
    (">", [CHINESE], [], TIGHT, "若a>b"),
    ("&", [CHINESE], [], TIGHT, "和a&b"),
    ("+", [NO_OPERAND], [], BEFORE, "x = +1"),
    ("+", [CODE], [], SPACED, "`1 + ab`"),
    ("+", [UP_TO_999], [NUMBER], SPACED, "1 + 2"),
    ("+", [UP_TO_999], [LETTER], SPACED, "1 + x"),
    ("+", [UP_TO_999], [], AFTER, "10+ years"),
    ("++", [WORD], [NUMBER], TIGHT, "c++11"),
    ("++", [WORD], [], AFTER, "c++ and"),
    ("*", [START], [], SPACED, "* an item"),
    ("*", [CODE], [], SPACED, "`ab * bc * cd`"),
    ("*", [QUOTED], [], CLOSES, "the *old* one"),
    ("*", [], [LONG, "*"], OPENS, "the *old* one"),
    ("*", [], [LONG, LONG, "*"], OPENS, "the *very old* one"),
    ("*", [NO_OPERAND], [], BEFORE, "x, *args"),
    ("**", ["("], [], BEFORE, "`f(**options)`"),
    ("**", [","], [], BEFORE, "`f(a, **options)`"),
    ("**", [CODE], [], TIGHT, "`2**3`"),
    ("**", [ENDS_IN_DIGIT], [NUMBER], SPACED, "2 ** 3"),
    ("=", [LETTER], [], SPACED, "`y = abc`"),
    ("=", [")"], [], SPACED, "`f(x) = ab`"),
    ("=", ["]"], [], SPACED, "`a[0] = ab`"),
    ("=", [CODE], [], TIGHT, "`ab=c`"),
    ("=", [NAME], [], TIGHT, "max_len=5"),
    ("&", [SHORT], [SHORT], TIGHT, "a&b"),
    ("&", [], [WORD, ";"], BEFORE, "a &amp; b"),
    ("<", [], [WORD, ">"], OPENS, "a <tag> and"),
    ("<", [], ["/", WORD, ">"], OPENS, "see </a>"),
    ("<", [], [WORD, ":"], OPENS, "see <http://a.cn>"),
    ("<", [], [WORD, WORD, "="], OPENS, 'a <a href="b"> and'),
    ("<", [], [WORD, "@"], OPENS, "me <a@b.cn>"),
    (">", [QUOTED], [], CLOSES, "a <tag> and"),
    ("(", [WORD], [")"], TIGHT, "call f() now"),
    ("(", [WORD], ["s", ")"], TIGHT, "the file(s)"),
    ("(", [WORD], ["es", ")"], TIGHT, "the bus(es)"),
    ("(", ["a"], [], BEFORE, "a (b)"),
    ("(", [LETTER], [LETTER, ")"], TIGHT, "of f(x)"),
    ("(", [LETTER], [LETTER, ","], TIGHT, "f(x, y)"),
    ("(", [NO_OPERAND], [], BEFORE, "`a, (b)`"),
    ("(", ["`"], [], BEFORE, "see `a_b` (and)"),
    ("(", [CODE], [], TIGHT, "`len(path)`"),
    ("(", [NAME], [], TIGHT, "load_vocab(path)"),
    ("[", [NO_OPERAND], [], BEFORE, "`[a, [b]]`"),
    ("[", [CODE], [], TIGHT, "`a[0]`"),
    ("[", [ARTICLE], [], BEFORE, "a [b]"),
    ("[", [LETTER], [], TIGHT, "of x[0]"),
    ("(", ["]"], [], TIGHT, "see [a](b)"),
    ("[", ["]"], [], TIGHT, "see [a][b]"),
    ("{", [CODE], [], TIGHT, "`a{b}`"),
    ("_", [CODE], [], TIGHT, "`_a`"),
    ("_", ["`"], [], AFTER, "see `a`_ and"),
    ("_", ["]"], [], AFTER, "see [1]_ and"),
    ("__", [CODE], [], QUOTE, "`__a__`"),
    ("__", ["`"], [], AFTER, "see `a`__ and"),
    ("–", [ENDS_IN_DIGIT], [NUMBER], TIGHT, "5–10"),
    ("~", [ENDS_IN_DIGIT], [NUMBER], TIGHT, "5~6"),
    ("~", ["%"], [NUMBER], TIGHT, "80%~90%"),
    ("~", [WORD], ["/"], BEFORE, "in ~/a"),
    ("!", [], ["["], BEFORE, "see ![a](b)"),
    ("’", [WORD], [ENDING], TIGHT, "it’s"),
    ("’", [ELIDED], [WORD], TIGHT, "o’clock"),
    ("'", [ARTICLE], [ENDING, "'"], QUOTE, "the 're' module"),
    ("'", [WORD], [ENDING], TIGHT, "it's"),
    ("'", [QUOTED], [], QUOTE, "say 'a' b"),
    ("'", [], [LETTER, "'"], QUOTE, "say 'a' b"),
    ("'", [UP_TO_999], [NUMBER], TIGHT, "he is 5'10 tall"),
    ("'", ["`"], [ENDING], TIGHT, "`a`'s b"),
    ("'", ["``"], [ENDING], TIGHT, "``a``'s b"),
    ("'", [")"], [ENDING], TIGHT, "f()'s b"),
    ("'", [PLURAL], [WORD, "'"], QUOTE, "tests 'ok' twice"),
    ("'", [PLURAL], [], AFTER, "the cats' tails"),
    ("'", [ELIDED], [WORD], TIGHT, "o'clock"),
    ("'", [WORD], [DECADE], BEFORE, "the '90s"),
]

RUNS = set("`*=-#_/:<>|&+!~.?")  # marks of which several in a row are one
MERGED = {"!=", "<=", ">=", "->", "=>", "+=", "-=", "*=", ":=", "~="}
OPERATORS = {*"+-*/=<>", "**", "//", "==", "!=", "<=", ">=", "+=", "-="}
_OPERANDS = {*")]}\"'`’”.%", "``"}  # marks that may end an operand

_ELIDED = {"o", "d", "l", "c", "j", "n", "qu"}
_ENDINGS = {"s", "t", "re", "ve", "m", "d", "ll"}
_NO_PLURALS = {"is", "was", "as", "this", "has", "does", "its", "us", "says", "means", "yes"}
_SUFFIXES = set(
    "com org net io cn edu gov uk jp dev ai html htm php py md txt json csv yaml yml toml cfg ini "
    "rst js css h5 pdf png jpg gif svg zip tar gz exe sh xml log sql ipynb cpp whl pyi".split()
)
_ARTICLES = set(
    "a an the this that you we which but if see including just aside except also thus then".split()
)
_PREPOSITIONS = set(
    "of off on in to as by for at out under over behind around up down from than between is".split()
)


def is_mark(word):
    """Return whether a word is punctuation: one mark, or several that belong together."""
    repeated = word[0] == word[-1] and word[0] in RUNS
    return is_punctuation(word[0]) and (len(word) == 1 or repeated or word in MERGED)


def is_chinese(word):
    """Return whether a word is an ideograph or full-width punctuation."""
    return len(word) == 1 and (is_cjk_character(word) or word >= "\u2e80" and is_punctuation(word))


@lru_cache(1 << 14)
def classes(word):
    """Return the word and the names of its classes in `RULES`."""
    if is_chinese(word):
        return frozenset({word, IDEOGRAPH})
    if is_mark(word):
        return frozenset({word} if word in _OPERANDS else {word, NO_OPERAND})
    low, digits = word.lower(), word.isdecimal()
    found = {
        WORD: True,
        NUMBER: word[0].isdecimal(),
        ENDS_IN_DIGIT: word[-1].isdecimal(),
        UP_TO_999: digits and len(word) <= 3,
        THREE_DIGITS: digits and len(word) == 3,
        YEAR: digits and len(word) == 4,
        DECADE: word[:-1].isdecimal() and low[-1] == "s",
        LETTER: len(word) == 1 and word.isalpha(),
        SHORT: len(word) <= 2 and word.isalpha(),
        LONG: len(word) > 1 and word.isalpha(),
        ELIDED: low in _ELIDED,
        ENDING: low in _ENDINGS,
        PLURAL: low[-1] == "s" and low not in _NO_PLURALS,
        SUFFIX: low in _SUFFIXES,
        ARTICLE: low in _ARTICLES,
        PREPOSITION: low in _PREPOSITIONS,
    }
    return frozenset({word} | {name for name, is_so in found.items() if is_so})
