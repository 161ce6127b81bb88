"""Words for WoBERT: jieba's segmentation without its HMM, by rjieba where that is installed.

`Tokenizer(vocab, do_lower_case=True, pre_tokenize=jieba_cut)` is WoBERT's tokenizer.
"""

import contextlib
import importlib.util
import logging
import os
import re
import stat
import sys
import warnings
from functools import lru_cache

_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_CACHE = os.path.join(os.devnull, "none")  # a folder that cannot exist: jieba goes without


class JiebaCut:
    """A picklable function from a text to its words: `list(jieba.cut(text, HMM=False))`.

    rjieba gives the same words an order of magnitude faster, and is used when installed; jieba is
    imported only where it is needed. The words always join to the text.

    Args:
        user_words: words to add to the dictionary; each a str, or (word, frequency).
        tokenizer: a `jieba.Tokenizer` of your own (or the jieba module itself, with the words you
            gave it), to be used as it is.

    Source: kexue.fm/archives/7758.

    >>> JiebaCut()("今天天气很好")
    ['今天天气', '很', '好']
    """

    def __init__(self, user_words=(), tokenizer=None):
        if isinstance(user_words, str):
            raise ValueError(f"`user_words` must be a list of words. Received: {user_words!r}")
        if user_words and tokenizer is not None:
            raise ValueError(
                "`user_words` must be empty where `tokenizer` is given: add them to it."
            )
        self.user_words = [(w, None) if isinstance(w, str) else tuple(w) for w in user_words]
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


def jieba_cut(text):
    """Words of a text: `list(jieba.cut(text, HMM=False))`; see `JiebaCut`.

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
        except UnicodeEncodeError:  # a lone surrogate, which Rust has no room for
            words, end = [], 0
            for word in rjieba.cut(_SURROGATE.sub("\ufffd", text), hmm=False):
                words.append(text[end : end + len(word)])
                end += len(word)
            return words

    return cut


def load_jieba(dictionary=None):
    """A quiet `jieba.Tokenizer` of its own: the one of `import jieba` stays as it is.

    Its cache of the dictionary lies in a folder only the user can write to, since jieba reads it
    with marshal; without such a folder there is no cache.

    Args:
        dictionary: (word -> frequency, sum of frequencies); None for jieba's.
    """
    with _quiet():
        import jieba

        tokenizer = jieba.Tokenizer()
        if dictionary is not None:
            tokenizer.FREQ, tokenizer.total = dictionary
            tokenizer.initialized = True
        else:
            tokenizer.tmp_dir = _private_folder() or _NO_CACHE
            tokenizer.initialize()
    return tokenizer


@contextlib.contextmanager
def _quiet():
    """Without jieba's import warnings (Python 3.12+) and its progress on stderr."""
    logger, loaded = logging.getLogger("jieba"), "jieba" in sys.modules
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("jieba")  # sets its logger to DEBUG
        level = logger.level
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            logger.setLevel(level if loaded else logging.WARNING)


def _private_folder():
    """A folder of mode 0700 under the user's cache, or None."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(root, "kerasx", "jieba")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
    except OSError:
        return None
    mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    closed = os.name == "nt" or not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return folder if stat.S_ISDIR(status.st_mode) and mine and closed else None
