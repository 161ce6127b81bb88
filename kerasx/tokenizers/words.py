"""Split texts into words for WoBERT: jieba's segmentation without its hidden Markov model.

`Tokenizer(vocab, do_lower_case=True, pre_tokenize=jieba_cut)` is WoBERT's tokenizer.
"""

import importlib.util
import re
import warnings
from functools import lru_cache

from kerasx.checks import invalid

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLOCK = re.compile(r"[\u4e00-\u9fd5a-zA-Z0-9+#&._%\-]+")  # jieba cuts before other characters


class JiebaCut:
    """Picklable function that splits a text into words: `list(jieba.cut(text, HMM=False))`.

    If rjieba is installed, it is used, since it returns the same words an order of magnitude
    faster; jieba is imported only if it is needed. The words always join to the text.

    Args:
        user_words: words to add to the dictionary; each a str, or (word, frequency). They are
            matched as written: a `Tokenizer` that lowers texts needs them in lower case.
        tokenizer: a `jieba.Tokenizer` to use unchanged, or the module jieba, whose tokenizer may
            have words of the user.

    Raises:
        ValueError: user words with a frequency below 1, or with characters at which jieba always
            cuts, such as spaces: they would never come out.

    Source: kexue.fm/archives/7758.

    >>> JiebaCut()("今天天气很好")
    ['今天天气', '很', '好']
    """

    def __init__(self, user_words=(), tokenizer=None):
        if isinstance(user_words, str):
            raise invalid("`user_words` must be a list of words.", user_words=user_words)
        if user_words and tokenizer is not None:
            raise invalid(
                "`user_words` must be empty if `tokenizer` is given: add the words to it.",
                user_words=user_words,
            )
        self.user_words = [(w, None) if isinstance(w, str) else tuple(w) for w in user_words]
        never = [word for word, frequency in self.user_words if not _comes_out(word, frequency)]
        if never:
            raise invalid(
                "`user_words` must be ideographs, ASCII letters, digits and +#&._%-, with a "
                "frequency of at least 1: jieba never returns other words.",
                user_words=never,
            )
        self.tokenizer = getattr(tokenizer, "dt", tokenizer)
        self._cut = None

    def __call__(self, text):
        if self._cut is None:
            self._cut = self._load()
        return self._cut(text)

    def _load(self):
        if self.tokenizer is None and not self.user_words and importlib.util.find_spec("rjieba"):
            return _rust_cut()
        tokenizer = self.tokenizer or load_jieba()
        for word, frequency in self.user_words:
            tokenizer.add_word(word, frequency)
        return lambda text: list(tokenizer.cut(text, HMM=False))

    def __getstate__(self):
        state = {"user_words": self.user_words, "tokenizer": None, "dictionary": None}
        if self.tokenizer is not None:
            self.tokenizer.check_initialized()
            state["dictionary"] = (self.tokenizer.FREQ, self.tokenizer.total)
        return state

    def __setstate__(self, state):
        self.__init__(state["user_words"])
        if state["dictionary"] is not None:
            self.tokenizer = load_jieba(state["dictionary"])


def _comes_out(word, frequency):
    """Return whether jieba can return a word."""
    known = _BLOCK.fullmatch(word) or (len(word) == 1 and not word.isspace())
    return bool(known) and (frequency is None or frequency >= 1)


def jieba_cut(text):
    """Split a text into words: `list(jieba.cut(text, HMM=False))`; see `JiebaCut`.

    >>> jieba_cut("研究生命的起源")
    ['研究', '生命', '的', '起源']
    """
    return _shared_cut()(text)


@lru_cache(maxsize=1)
def _shared_cut():
    return JiebaCut()


def _rust_cut():
    import rjieba

    def cut(text):
        try:
            return rjieba.cut(text, hmm=False)
        except UnicodeEncodeError:  # a lone surrogate, which Rust strings cannot hold
            words, end = [], 0
            for word in rjieba.cut(_SURROGATE.sub("\ufffd", text), hmm=False):
                words.append(text[end : end + len(word)])
                end += len(word)
            return words

    return cut


def load_jieba(dictionary=None):
    """Make a new `jieba.Tokenizer`, apart from the one that the module jieba shares.

    jieba's own loading reads a cache with marshal from the folder for temporary files, where other
    users can write. Here the dictionary is read from jieba's package and nothing is written.

    Args:
        dictionary: (dict from words to frequencies, sum of the frequencies); None for jieba's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing jieba warns on Python 3.12+
        import jieba
    tokenizer = jieba.Tokenizer()
    dictionary = dictionary or tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.FREQ, tokenizer.total = dictionary
    tokenizer.initialized = True
    return tokenizer
