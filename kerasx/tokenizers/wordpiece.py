"""BERT's WordPiece tokenizer in plain Python: a table of characters and a cache of words.

Ideographs and the punctuation between them are words of one character, looked up at once. The rest
of a text is normalized and split by one `str.translate` and one `split`, and each word is one dict
lookup. New words are split by greedy longest match.
"""

import os
import re
from copy import copy
from itertools import chain, cycle, islice

from kerasx.checks import check_integer, check_texts, invalid
from kerasx.tokenizers.base import TokenizerBase, id_list
from kerasx.tokenizers.characters import (
    CharacterTable,
    cjk_punctuation,
    is_cjk_character,
    is_control,
    is_punctuation,
    is_redundant,
    is_space,
    is_special,
    normalize,
    stem,
)
from kerasx.tokenizers.longest_match import LongestMatch
from kerasx.tokenizers.overriding import character_rules, overridden
from kerasx.tokenizers.spacing import join
from kerasx.tokenizers.vocabulary import SPECIAL_TOKENS, check_token_dict, load_vocab
from kerasx.tokenizers.wordpiece_offsets import WordPieceOffsets

_CACHE_LIMIT = 1 << 17  # words; about 25 MB when full
_CACHED_LENGTH = 64  # longer words are rare, and may be a whole text
_LONGEST = 1000  # the greatest word_maxlen: the time for a word is not linear in its length

# Characters that are always words by themselves; ASCII punctuation is added after them only,
# where it is frequent. (Not all of U+FF01..U+FF20 is punctuation in BERT: the symbols are letters.)
_ALONE = (
    "\u3400-\u4dbf\u4e00-\u9fff\u2014\u2018-\u201f\u2026\u3001-\u3003\u3008-\u3011"
    "\uff01-\uff03\uff05-\uff0a\uff0c-\uff0f\uff1a\uff1b\uff1f\uff20"
)
_CHINESE = re.compile(f"([{_ALONE}][{_ALONE}!-/:-@\\[-`{{-~]*)")


class _Cache(dict):
    """Cache of a function of words; keeps the values of short words, and is emptied when full."""

    def __init__(self, function):
        self.function = function

    def __missing__(self, word):
        value = self.function(word)
        if len(word) <= _CACHED_LENGTH:
            if len(self) >= _CACHE_LIMIT:
                self.clear()
            self[word] = value
        return value


def _ends(items, limit):
    """Return the first `limit` items, the last if it is negative, all if it is None."""
    if limit is None:
        return items
    return items[:limit] if limit > 0 else items[limit:]


class Tokenizer(WordPieceOffsets, TokenizerBase):
    """BERT's WordPiece tokenizer; with `pre_tokenize`, WoBERT's tokenizer of words.

    Ids equal those of Google's BERT and of Hugging Face's tokenizers. A word that has no pieces is
    one token: the word itself in `tokenize`, `[UNK]` in ids. "[SEP]" in a text is ordinary text.

    Args:
        token_dict: dict from tokens to ids 0..n-1, or the path of a vocabulary.
        do_lower_case: convert to lower case and strip accents, for uncased vocabularies.
        word_maxlen: longer words are unknown (200 in Google's BERT, 100 in Hugging Face's).
        token_start: token put before every text, or None.
        token_end: token put after every text, or None.
        pre_tokenize: function from the normalized text to its words. A word of the vocabulary is a
            token; other words are split by WordPiece. See `jieba_cut`.
        token_translate: dict from tokens to the tokens that replace them.
        encode_special_tokens: encode "[MASK]" etc. in a text as special tokens.
        additional_special_tokens: list of further tokens of the vocabulary, such as "[unused1]",
            that stay whole in every text.

    Raises:
        ValueError: the vocabulary lacks an additional special token, or its ids are not 0..n-1; or
            `pre_tokenize` is a `JiebaCut` with a user word that no normalized text has, such as
            "iPhone" where texts are lowered. Without [UNK], only once a text needs it.

    A subclass may override bert4keras's `_tokenize(text)`, `_word_piece_tokenize(word)` and
    `_is_space(ch)`, `_is_control`, `_is_punctuation`, `_is_cjk_character`.

    Source: Devlin et al., 1810.04805; Wu et al., 1609.08144; WoBERT: kexue.fm/archives/7758.

    >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "我", "爱", "play", "##ing"]
    >>> tokenizer = Tokenizer({w: i for i, w in enumerate(words)}, do_lower_case=True)
    >>> tokenizer.tokenize("我爱Playing")
    ['[CLS]', '我', '爱', 'play', '##ing', '[SEP]']
    >>> tokenizer.encode("我", "爱")
    ([2, 4, 3, 5, 3], [0, 0, 0, 1, 1])
    """

    # names of bert4keras, whose scripts call them
    _is_space = staticmethod(is_space)
    _is_control = staticmethod(is_control)
    _is_punctuation = staticmethod(is_punctuation)
    _is_cjk_character = staticmethod(is_cjk_character)
    _is_special = staticmethod(is_special)
    _is_redundant = staticmethod(is_redundant)
    _cjk_punctuation = staticmethod(cjk_punctuation)
    stem = staticmethod(stem)

    def __init__(
        self,
        token_dict,
        do_lower_case=False,
        word_maxlen=200,
        token_start="[CLS]",
        token_end="[SEP]",
        pre_tokenize=None,
        token_translate=None,
        encode_special_tokens=False,
        additional_special_tokens=(),
    ):
        super().__init__(token_start, token_end, pre_tokenize, token_translate)
        if isinstance(token_dict, (str, os.PathLike)):
            token_dict = load_vocab(token_dict)
        self._token_dict = copy(token_dict)
        self._do_lower_case = do_lower_case
        self._word_maxlen = check_integer("word_maxlen", word_maxlen, least=1, below=_LONGEST + 1)
        self._encode_special_tokens = encode_special_tokens
        self._additional_special_tokens = check_texts(
            "additional_special_tokens", additional_special_tokens
        )
        self._prepare()

    def _prepare(self):
        """Compute the attributes that follow from the arguments and are not pickled."""
        tokens = check_token_dict(self._token_dict)
        self._token_dict_inv = dict(enumerate(tokens))
        self._vocab_size = len(tokens)
        self._word_piece = LongestMatch(self._token_dict, self._word_maxlen)
        self._look_up_specials()
        self._is_overridden, rules = overridden(self, Tokenizer), character_rules(self)
        self._table = CharacterTable(self._do_lower_case, **rules)
        self._unspaced_table = CharacterTable(self._do_lower_case, spaced=False, **rules)
        self._check_user_words()
        self._prepare_special_tokens()
        self._pieces = _Cache(self._unit_pieces)
        self._ids = _Cache(self._unit_ids)
        self._character_id = _Cache(lambda ch: self._ids[ch][0])

    def _prepare_special_tokens(self):
        missing = [t for t in self._additional_special_tokens if not t or t not in self._token_dict]
        if missing:
            raise invalid(
                "`additional_special_tokens` must be tokens of the vocabulary.", missing=missing
            )
        named = {self._token_start, self._token_end, *SPECIAL_TOKENS} - {None}
        self._controls = named & self._token_dict.keys()
        whole = set(self._additional_special_tokens)
        if self._encode_special_tokens:
            whole |= self._controls
        self._typed_as_text = self._controls - whole
        self._specials_in_vocab = sorted(self._controls | whole)
        longest_first = sorted(whole, key=len, reverse=True)
        pattern = "(" + "|".join(map(re.escape, longest_first)) + ")"
        self._special_pattern = re.compile(pattern) if whole else None

    def _check_user_words(self):
        """Raise if jieba has a word of the user that no normalized text has."""
        words = [word for word, _ in getattr(self._pre_tokenize, "user_words", ())]
        changed = {w: normalize(w, self._unspaced_table) for w in words}
        changed = {word: form for word, form in changed.items() if word != form}
        if changed:
            raise invalid(
                "`pre_tokenize` must have user_words in the form of normalized texts, with "
                f"do_lower_case={self._do_lower_case}: the others never come out.",
                instead_of=changed,
            )

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        for cache in ("_pieces", "_ids", "_character_id"):  # what was kept follows from the others
            vars(self).get(cache, {}).clear()

    def __getstate__(self):
        derived = {"_table", "_unspaced_table", "_pieces", "_ids", "_character_id", "_word_piece"}
        kept = self.__dict__.keys() - derived - {"_token_dict_inv"}
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._prepare()

    @property
    def token_dict(self):
        """The vocabulary, a dict from tokens to ids; to be read only."""
        return self._token_dict

    def token_to_id(self, token):
        """Return the id of a token; the id of [UNK] if the vocabulary lacks it."""
        i = self._token_dict.get(token, self._token_unk_id)
        if i is None:
            raise invalid(
                f"`token_dict` must hold {self._token_unk} or all tokens of the texts. Or set "
                "`tokenizer._token_unk_id`.",
                token=token,
            )
        return i

    def _known_id(self, token):
        return self._token_dict.get(token)

    def id_to_token(self, i):
        """Return the token of an id; raise a ValueError if there is none."""
        if i not in self._token_dict_inv:
            raise invalid(f"`i` must be an id in [0, {self._vocab_size}).", i=i)
        return self._token_dict_inv[i]

    # From a text to units, the words that are looked up in the caches.

    def _units(self, text, limit=None):
        if self._special_pattern is None:
            return self._plain_units(text, limit)
        units = []
        for i, part in enumerate(self._special_pattern.split(text)):
            units += [part] if i % 2 else self._plain_units(part)
            if limit and 0 < limit <= len(units):
                break
        return units

    def _plain_units(self, text, limit=None):
        if self._pre_tokenize is not None:
            return list(self._pre_tokenize(normalize(text, self._unspaced_table)))
        spaced = normalize(text, self._table)
        if limit is None:
            return spaced.split()
        # A unit is at least one token, so `limit` units are enough.
        split = spaced.split if limit > 0 else spaced.rsplit
        return _ends(split(None, abs(limit)), limit)

    # From units to pieces and ids.

    def _is_whole(self, unit):
        """Return whether a word of `pre_tokenize` is a token; "[SEP]" and "##s" are not."""
        is_text = unit in self._typed_as_text or (len(unit) > 2 and unit[:2] == "##")
        return unit in self._token_dict and not is_text

    def _unit_pieces(self, unit):
        if self._pre_tokenize is None:
            return tuple(self._word_piece_tokenize(unit))
        return (unit,) if self._is_whole(unit) else tuple(self._tokenize_words(unit))

    def _tokenize_words(self, text):
        words = normalize(text, self._table).split()
        return [piece for word in words for piece in self._word_piece_tokenize(word)]

    def _word_piece_tokenize(self, word):
        return list(self._word_piece(word))

    def _unit_ids(self, unit):
        return tuple(self.tokens_to_ids(self._translated(self._pieces[unit])))

    def _tokenize(self, text, pre_tokenize=True):
        if not pre_tokenize:
            return self._tokenize_words(text)
        pieces = self._unit_pieces if self._is_overridden else self._pieces.__getitem__
        return [piece for unit in self._units(text) for piece in pieces(unit)]

    def _text_ids(self, text, limit=None):
        if self._is_overridden:
            return super()._text_ids(text)
        if self._pre_tokenize is None and self._special_pattern is None:
            return self._plain_ids(text, limit)
        ids, units = self._ids, self._units(text, limit)
        if limit and 0 < limit < len(units):  # stop as soon as there are enough ids
            return list(islice(chain.from_iterable(map(ids.__getitem__, units)), limit))
        return [i for unit in units for i in ids[unit]]

    def _plain_ids(self, text, limit):
        ids, unit_ids, character_id = [], self._ids, self._character_id.__getitem__
        for is_chinese, part in zip(cycle((False, True)), _CHINESE.split(text)):
            if is_chinese:
                ids += map(character_id, _ends(part, limit))
            elif part:
                ids += [i for unit in self._plain_units(part, limit) for i in unit_ids[unit]]
            if limit and 0 < limit <= len(ids):
                break
        return ids

    def decode(self, ids, tokens=None, *, skip_special_tokens=True):
        """Convert ids to readable text, with spaces where people would write them.

        Case, accents and spaces of the text that the vocabulary does not keep are lost: a space
        stands where `kerasx.tokenizers.spacing` expects it, none between Chinese and Latin.

        Args:
            ids: list of ids, or a tensor of any backend; None if `tokens` are given. Ids beyond the
                vocabulary, which embedding tables may have, are passed over.
            skip_special_tokens: leave out [PAD], [UNK], [CLS], [SEP], [MASK], `token_start` and
                `token_end`. Markers such as "[unused1]" are kept.
            tokens: list of the tokens of the ids; None to look them up.

        Returns:
            str.
        """
        return join(self._readable(ids, skip_special_tokens, tokens))

    def _readable(self, ids, skip_special_tokens=True, tokens=None):
        """Return the tokens that `decode` joins."""
        if tokens is None:
            tokens = map(self._token_dict_inv.get, id_list(ids))
        else:
            check_texts("tokens", tokens)
        skipped = self._controls if skip_special_tokens else ()
        return [token for token in tokens if token and token not in skipped]
